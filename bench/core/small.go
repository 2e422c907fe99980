package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// serveFileWord makes this program the baseline of the small measure.
const serveFileWord = "serve-file"

// serveFile is the least that a Go server can do for a file.
func serveFile(addr, path string) error {
	srv := &http.Server{Addr: addr, ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) })}
	return srv.ListenAndServe()
}

// small is the third measure: see the top of main.go.
func (b *bench) small() error {
	content := make([]byte, 1024)
	_, _ = rand.Read(content) // never fails
	path := filepath.Join(b.dir, "small.bin")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	ours, err := b.vitrine(filepath.Join(b.dir, "small"))
	if err != nil {
		return err
	}
	defer ours.stop()
	url, err := ours.files(b.ctx)
	if err != nil {
		return err
	}
	if err := put(b.ctx, url+"small.bin", bytes.NewReader(content), int64(len(content))); err != nil {
		return err
	}
	addr, err := b.freeAddr()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	bare, err := b.launch(addr, nil, self, serveFileWord, addr, path)
	if err != nil {
		return err
	}
	defer bare.stop()
	if err := bare.ready(b.ctx, "/"); err != nil {
		return err
	}
	return b.turns("GET 1 KiB, 16 connections", "/s", 0.6, "http.ServeFile ",
		func([]byte) (float64, error) { return b.wrk(url + "small.bin") },
		func([]byte) (float64, error) { return b.wrk(bare.base + "/small.bin") })
}

// wrk gives the requests per second; both sides get the same headers.
func (b *bench) wrk(url string) (float64, error) {
	out, err := exec.CommandContext(b.ctx, "wrk", "-t2", "-c16", "-d4s", "-H", "PRIVATE-TOKEN: "+token, url).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("wrk: %w: %s", err, out)
	}
	if strings.Contains(string(out), "Non-2xx") || strings.Contains(string(out), "Socket errors") {
		return 0, fmt.Errorf("wrk met errors: %s", out)
	}
	_, rest, _ := strings.Cut(string(out), "Requests/sec:")
	n, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	return strconv.ParseFloat(n, 64)
}
