package main

import (
	"net/http"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// startTime is how long a server may take before a script gives up; on a busy
// machine under the race detector a start is slow.
const startTime = 30 * time.Second

// ready waits until the server at $ADDR serves: "ready".
func ready(ts *testscript.TestScript, neg bool, _ []string) {
	if neg {
		ts.Fatalf("! ready makes no sense")
	}
	url := "http://" + ts.Getenv("ADDR") + "/-/readiness"
	for end := time.Now().Add(startTime); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(url)
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	ts.Fatalf("%s did not answer within %v", url, startTime)
}

// stop sends SIGTERM to the background commands and wants them to exit 0; with
// "!" it kills them as a power cut would.
func stop(ts *testscript.TestScript, neg bool, _ []string) {
	for _, c := range ts.BackgroundCmds() {
		var sig os.Signal = sigterm
		if neg {
			sig = os.Kill
		}
		ts.Check(c.Process.Signal(sig))
	}
}
