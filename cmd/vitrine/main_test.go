package main

import (
	"net"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vitrine-ml/vitrine/internal/cli"
)

// TestMain lets scripts call the test binary as vitrine.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"vitrine": func() { os.Exit(cli.Main(os.Args[1:])) },
	})
}

// TestScripts plays sessions as users have them: the binary, a folder, and
// nothing else. $ADDR is a free address, $PORT its port.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			addr := l.Addr().String()
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return err
			}
			env.Setenv("ADDR", addr)
			env.Setenv("PORT", port)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/config")
			return l.Close()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"ready": ready, "stop": stop},
	})
}
