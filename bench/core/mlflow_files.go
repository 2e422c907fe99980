package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// keepFilesWord makes this program the baseline of small artifacts.
const keepFilesWord = "keep-files"

// keepFiles is the least that a Go server can do to keep files durably below a
// folder, and to give them.
func keepFiles(addr, dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	srv := &http.Server{Addr: addr, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := filepath.Join(dir, filepath.Base(r.URL.Path))
		if r.Method != http.MethodPut {
			http.ServeFile(w, r, path)
			return
		}
		if err := errors.Join(writeSynced(path, r.Body), folder.Sync()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})}
	return srv.ListenAndServe()
}

// writeSynced writes a file under another name, syncs it, and gives it its own.
func writeSynced(path string, body io.Reader) error {
	f, err := os.CreateTemp(filepath.Dir(path), "new-")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(err, f.Sync(), f.Close(), os.Rename(f.Name(), path))
}

// mlflowFiles measures artifacts: see the top of main.go.
func (b *bench) mlflowFiles() error {
	data := filepath.Join(b.dir, "mlflow-files")
	ours, err := b.ourTracker(data, 1)
	if err != nil {
		return err
	}
	defer ours.stop()
	home := fmt.Sprintf("%s/api/2.0/mlflow-artifacts/artifacts/%s/%s/artifacts/", ours.base, ours.elsewhere, ours.runs[0])
	bare, err := b.bareFiles()
	if err != nil {
		return err
	}
	defer bare.stop()
	for _, size := range []int{1 << 10, 1 << 20} {
		if err := b.smallArtifacts(size, home, bare.base+"/"); err != nil {
			return err
		}
	}
	if err := errors.Join(b.dropBlobs(data), b.randomFile()); err != nil {
		return err
	}
	if err := b.uploads("mlflow: artifact of 1 GiB up", data, home); err != nil {
		return err
	}
	return b.downloads("mlflow: artifact of 1 GiB down", data, home+"down.bin")
}

// bareFiles starts the baseline of small artifacts.
func (b *bench) bareFiles() (*process, error) {
	dir := filepath.Join(b.dir, "bare-files")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "ready"), nil, 0o600)); err != nil {
		return nil, err
	}
	addr, err := b.freeAddr()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := b.launch(addr, nil, self, keepFilesWord, addr, dir)
	if err != nil {
		return nil, err
	}
	if err := p.ready(b.ctx, "/ready"); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// smallArtifacts puts and gets files of one size at two places in turns. No two
// files are alike.
func (b *bench) smallArtifacts(size int, ours, bare string) error {
	content := make([]byte, size)
	_, _ = rand.Read(content) // never fails
	var count atomic.Int64
	putting := func(base string) trackerCall {
		return trackerCall{do: func(ctx context.Context, _ *tracker, _, _ int) error {
			mine, n := bytes.Clone(content), count.Add(1)
			binary.LittleEndian.PutUint64(mine, uint64(n))
			return put(ctx, fmt.Sprintf("%sfile-%d-%d.bin", base, size, n), bytes.NewReader(mine), int64(size))
		}}
	}
	getting := func(base string) trackerCall {
		return trackerCall{do: func(context.Context, *tracker, int, int) error {
			buf := make([]byte, min(size, chunk))
			_, err := b.fetch(fmt.Sprintf("%sget-%d.bin", base, size), token, buf, int64(size))
			return err
		}}
	}
	for _, base := range []string{ours, bare} {
		if err := put(b.ctx, fmt.Sprintf("%sget-%d.bin", base, size), bytes.NewReader(content), int64(size)); err != nil {
			return err
		}
	}
	for _, m := range []struct {
		what string
		at   func(string) trackerCall
	}{{"up", putting}, {"down", getting}} {
		err := b.turns(fmt.Sprintf("mlflow: artifact of %d KiB %s", size>>10, m.what), "/s", 0.6, "bare handler ",
			func([]byte) (float64, error) { return b.hammer(nil, connections, m.at(ours)) },
			func([]byte) (float64, error) { return b.hammer(nil, connections, m.at(bare)) })
		if err != nil {
			return err
		}
	}
	return nil
}
