package main

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// randomFile makes the file to upload, once, and reads it into the page cache.
func (b *bench) randomFile() error {
	if b.source != "" {
		return nil
	}
	path := filepath.Join(b.dir, "source")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, rand.Reader, b.size); err != nil {
		return errors.Join(err, f.Close())
	}
	b.source = path
	return errors.Join(f.Sync(), f.Close())
}

// renew changes the first bytes of the source, so that no two uploads have the
// same content.
func (b *bench) renew() error {
	f, err := os.OpenFile(b.source, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, rand.Reader, 32); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}

// chunk is the buffer of the download client and of the parts of an upload.
const chunk = 1 << 20

const mib = 1 << 20

// fetch downloads size bytes of url with large reads and gives MiB per second.
func (b *bench) fetch(url, token string, buf []byte, size int64) (float64, error) {
	begin := time.Now()
	res, err := get(b.ctx, url, token)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var n int64
	for err == nil {
		var m int
		m, err = res.Body.Read(buf)
		n += int64(m)
	}
	if err != io.EOF || res.StatusCode != http.StatusOK || n != size {
		return 0, fmt.Errorf("GET %s: %s, %d bytes: %w", url, res.Status, n, err)
	}
	return float64(n) / mib / time.Since(begin).Seconds(), nil
}

// download is the first measure: see the top of main.go.
func (b *bench) download() error {
	data := filepath.Join(b.dir, "download")
	ours, url, err := b.registry(data)
	if err != nil {
		return err
	}
	defer ours.stop()
	return b.downloads("download 1 GiB", data, url+"model.bin")
}

// downloads puts the source at url, the one file of a data folder, and measures
// its download.
func (b *bench) downloads(what, data, url string) error {
	if err := b.putSource(url); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(data, "blobs", "sha256", "*", "*"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("one blob should be stored: %v %w", found, err)
	}
	nginx, err := b.nginx(filepath.Dir(found[0]))
	if err != nil {
		return err
	}
	defer nginx.stop()
	return b.turns(what, "MiB/s", 0.9, "nginx ",
		func(buf []byte) (float64, error) { return b.fetch(url, token, buf, b.size) },
		func(buf []byte) (float64, error) {
			return b.fetch(nginx.base+"/"+filepath.Base(found[0]), "", buf, b.size)
		})
}

// turns measures two things in turns, after one turn that does not count, and
// adds the row.
func (b *bench) turns(what, unit string, least float64, note string, ours, baseline func([]byte) (float64, error)) error {
	buf := make([]byte, chunk)
	var a, c []float64
	for i := range b.rounds + 1 {
		x, err := ours(buf)
		if err != nil {
			return err
		}
		y, err := baseline(buf)
		if err != nil {
			return err
		}
		if i > 0 {
			a, c = append(a, x), append(c, y)
		}
	}
	b.table.rate(what, unit, a, c, note, least)
	return nil
}

// nginxConf has sendfile on, a worker per core, and nothing that would slow a
// plain file down. The parameters: user, prefix for scratch, address, root.
const nginxConf = `%s
daemon off;
worker_processes auto;
pid %[2]s/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75;
  keepalive_requests 1000000;
  client_body_temp_path %[2]s/body;
  proxy_temp_path %[2]s/proxy;
  fastcgi_temp_path %[2]s/fastcgi;
  uwsgi_temp_path %[2]s/uwsgi;
  scgi_temp_path %[2]s/scgi;
  server {
    listen %[3]s;
    root %[4]s;
    location = /ready { return 200; }
  }
}
`

// nginx starts the yardstick of downloads on a folder.
func (b *bench) nginx(root string) (*process, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // not on everybody's PATH
	}
	addr, err := b.freeAddr()
	if err != nil {
		return nil, err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // blobs are for their owner only
	}
	dir, err := os.MkdirTemp(b.dir, "nginx-")
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, user, dir, addr, root), 0o600); err != nil {
		return nil, err
	}
	p, err := b.launch(addr, nil, program, "-p", dir, "-c", conf)
	if err != nil {
		return nil, err
	}
	if err := p.ready(b.ctx, "/ready"); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// putSource uploads the source file; net/http sends an *os.File by sendfile.
func (b *bench) putSource(url string) error {
	f, err := os.Open(b.source)
	if err != nil {
		return err
	}
	defer f.Close()
	return put(b.ctx, url, f, b.size)
}

// upload is the second measure: see the top of main.go.
func (b *bench) upload() error {
	data := filepath.Join(b.dir, "upload")
	ours, url, err := b.registry(data)
	if err != nil {
		return err
	}
	defer ours.stop()
	return b.uploads("upload 1 GiB", data, url)
}

// uploads measures uploads into the files at url, of a data folder.
func (b *bench) uploads(what, data, url string) error {
	var puts, hashes, writes []float64
	for i := range 2*b.rounds + 1 {
		t, err := b.uploadTurn(i, data, fmt.Sprintf("%smodel-%d.bin", url, i))
		if err != nil {
			return err
		}
		if i > 0 {
			puts, writes, hashes = append(puts, t.put), append(writes, t.write), append(hashes, t.hash)
		}
	}
	slow, note := hashes, "SHA-256 "
	if median(writes) < median(hashes) {
		slow, note = writes, "write+fsync "
	}
	fmt.Printf("  "+what+": SHA-256 on one core %s, write and fsync %s; best turns: ours %.4g, SHA-256 %.4g, write %.4g\n",
		series(hashes, "MiB/s"), series(writes, "MiB/s"), slices.Max(puts), slices.Max(hashes), slices.Max(writes))
	b.table.rate(what, "MiB/s", puts, slow, note, 0.85)
	return nil
}

// turn has the rates of one turn of the upload.
type turn struct{ put, write, hash float64 }

// uploadTurn measures an upload and its two parts. Getting fresh memory from
// the host of a virtual machine costs more than the write itself, so each of
// the two that write begins right after a file of equal size was removed, and
// they take turns in going first. What is left of that noise shows as spread.
func (b *bench) uploadTurn(i int, data, url string) (t turn, err error) {
	if err := b.renew(); err != nil {
		return t, err
	}
	rate := func(out *float64, fn func() error) error {
		syscall.Sync() // the disk is idle at the start
		begin := time.Now()
		err := fn()
		*out = float64(b.size) / mib / time.Since(begin).Seconds()
		return err
	}
	ours := func() error {
		return errors.Join(rate(&t.put, func() error { return b.putSource(url) }), b.dropBlobs(data))
	}
	plain := func() error {
		return errors.Join(rate(&t.write, b.writeSource), os.Remove(b.written()))
	}
	if i%2 == 1 {
		ours, plain = plain, ours
	}
	err = errors.Join(rate(&t.hash, b.hashSource), ours(), plain())
	return t, err
}

// dropBlobs removes the content that ours has stored, as the baseline removes
// its file: both then find the same free memory and disk.
func (b *bench) dropBlobs(data string) error {
	blobs, err := filepath.Glob(filepath.Join(data, "blobs", "sha256", "*", "*"))
	for _, path := range blobs {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// each calls fn with the source's bytes, a chunk at a time.
func (b *bench) each(fn func([]byte) error) error {
	f, err := os.Open(b.source)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, chunk)
	for {
		n, err := f.Read(buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := fn(buf[:n]); err != nil {
			return err
		}
	}
}

// hashSource does only the SHA-256 of an upload.
func (b *bench) hashSource() error {
	h := sha256.New()
	return b.each(func(p []byte) error {
		_, err := h.Write(p)
		return err
	})
}

func (b *bench) written() string { return filepath.Join(b.dir, "written") }

// writeSource does only the writing of an upload, to a new file.
func (b *bench) writeSource() error {
	f, err := os.Create(b.written())
	if err != nil {
		return err
	}
	err = b.each(func(p []byte) error {
		_, err := f.Write(p)
		return err
	})
	return errors.Join(err, f.Sync(), f.Close())
}
