package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/sqlstore"
)

// resume compares a resumable upload with a plain one: see the top of main.go.
func (b *bench) resume() error {
	data := filepath.Join(b.dir, "resume")
	ours, url, err := b.registry(data)
	if err != nil {
		return err
	}
	defer ours.stop()
	begin := strings.Replace(url, "/packages/ml_models/", "/packages/uploads/ml_models/", 1)
	begin = strings.TrimSuffix(begin, "/files/")
	turn := 0
	timed := func(send func(name string) error) (float64, error) {
		turn++
		if err := b.renew(); err != nil {
			return 0, err
		}
		syscall.Sync() // the disk is idle at the start
		from := time.Now()
		if err := send(fmt.Sprintf("/model-%d.bin", turn)); err != nil {
			return 0, err
		}
		rate := float64(b.size) / mib / time.Since(from).Seconds()
		return rate, b.dropBlobs(data)
	}
	return b.turns("resumable upload 1 GiB", "MiB/s", 0.8, "PUT ",
		func([]byte) (float64, error) {
			return timed(func(name string) error { return b.tusSource(ours.base, begin+name) })
		},
		func([]byte) (float64, error) {
			return timed(func(name string) error { return b.putSource(strings.TrimSuffix(url, "/") + name) })
		})
}

// tusSource uploads the source file by the tus protocol, in one PATCH.
func (b *bench) tusSource(base, begin string) error {
	made, err := b.tus(http.MethodPost, begin, nil, 0, "Upload-Length", strconv.FormatInt(b.size, 10))
	if err != nil {
		return err
	}
	f, err := os.Open(b.source)
	if err != nil {
		return err
	}
	defer f.Close()
	stored, err := b.tus(http.MethodPatch, base+made.Get("Location"), f, b.size, "Upload-Offset", "0")
	if err == nil && stored.Get("X-Checksum-Sha256") == "" {
		err = errors.New("the upload did not become a file")
	}
	return err
}

// tus sends one request of the protocol, which has to succeed, and gives the
// headers of the answer.
func (b *bench) tus(method, url string, body io.Reader, size int64, name, value string) (http.Header, error) {
	req, err := http.NewRequestWithContext(b.ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	for k, v := range map[string]string{"PRIVATE-TOKEN": token, "Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream", name: value} {
		req.Header.Set(k, v)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s %s: %s: %s", method, url, res.Status, raw)
	}
	return res.Header, err
}

// archiveFiles is how many files the archive has.
const archiveFiles = 1000

// archive compares a version sent as a zip with nginx sending the same bytes:
// see the top of main.go.
func (b *bench) archive() error {
	ours, url, err := b.registry(filepath.Join(b.dir, "archive"))
	if err != nil {
		return err
	}
	defer ours.stop()
	if err := b.putPieces(url); err != nil {
		return err
	}
	zip := ours.base + "/api/v4/projects/1/ml/models/1/versions/1/archive"
	root := filepath.Join(b.dir, "archive-root")
	if err := errors.Join(os.Mkdir(root, 0o755), b.save(zip, filepath.Join(root, "model.zip"))); err != nil {
		return err
	}
	nginx, err := b.nginx(root)
	if err != nil {
		return err
	}
	defer nginx.stop()
	fi, err := os.Stat(filepath.Join(root, "model.zip"))
	if err != nil {
		return err
	}
	return b.turns("zip of 1,000 files, 1 GiB", "MiB/s", 0.5, "nginx ",
		func(buf []byte) (float64, error) { return b.fetch(zip, token, buf, fi.Size()) },
		func(buf []byte) (float64, error) { return b.fetch(nginx.base+"/model.zip", "", buf, fi.Size()) })
}

// putPieces uploads the source in equal pieces.
func (b *bench) putPieces(url string) error {
	f, err := os.Open(b.source)
	if err != nil {
		return err
	}
	defer f.Close()
	each := b.size / archiveFiles
	for i := range int64(archiveFiles) {
		name := fmt.Sprintf("%sshard-%04d/weights.bin", url, i)
		if err := put(b.ctx, name, io.NewSectionReader(f, i*each, each), each); err != nil {
			return err
		}
	}
	return nil
}

// save downloads url into a file.
func (b *bench) save(url, path string) error {
	res, err := get(b.ctx, url, token)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", url, res.Status)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

const (
	csvRuns   = 10_000
	csvFew    = 1_000
	csvValues = 8 // parameters, and as many metrics
)

// csv is the export of an experiment: see the top of main.go.
func (b *bench) csv() error {
	data := filepath.Join(b.dir, "csv")
	if err := b.fillRuns(data); err != nil {
		return err
	}
	ours, err := b.vitrine(data)
	if err != nil {
		return err
	}
	defer ours.stop()
	if _, err := settle(b.ctx, ours); err != nil {
		return err
	}
	// Few first, as often as that makes many.
	_, few, err := b.exports(ours, 2, csvFew, b.rounds*csvRuns/csvFew)
	if err != nil {
		return err
	}
	took, many, err := b.exports(ours, 1, csvRuns, b.rounds)
	if err != nil {
		return err
	}
	b.table.most("CSV of 10,000 candidates", "s", median(took), 0.8, fmt.Sprintf("%d parameters, %d metrics each", csvValues, csvValues))
	b.table.most("memory for that, at most", "MiB", many, 48, "VmHWM without the mapped database")
	b.table.row("and for 1,000, in turn", fmt.Sprintf("%.3g MiB", many), fmt.Sprintf("%.3g MiB", few), fmt.Sprintf("%.2f", many/few), "<= 1.30", many <= 1.3*few)
	return nil
}

// exports reads the CSV of an experiment some times, and gives the seconds that
// each took and the MiB that the server had at most, without what it had mapped
// of its database: that is page cache, which the kernel takes back.
func (b *bench) exports(ours *process, experiment, rows, times int) (took []float64, peak float64, err error) {
	if err := ours.forgetPeak(); err != nil {
		return nil, 0, err
	}
	for range times {
		begin := time.Now()
		res, err := get(b.ctx, fmt.Sprintf("%s/api/v4/projects/2/ml/experiments/%d/csv", ours.base, experiment), token)
		if err != nil {
			return nil, 0, err
		}
		raw, err := io.ReadAll(res.Body)
		res.Body.Close()
		if lines := strings.Count(string(raw), "\n"); err != nil || lines != rows+1 {
			return nil, 0, fmt.Errorf("the CSV has %d lines: %s %w", lines, res.Status, err)
		}
		took = append(took, time.Since(begin).Seconds())
	}
	whole, err := ours.memory("VmHWM")
	if err != nil {
		return nil, 0, err
	}
	mapped, err := ours.memory("RssFile")
	return took, whole - mapped, err
}

// fillRuns makes experiments with candidates in a data folder.
func (b *bench) fillRuns(data string) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	store, err := sqlstore.Open(b.ctx, "sqlite:"+filepath.Join(data, "vitrine.db"))
	if err != nil {
		return err
	}
	f := &filler{ctx: b.ctx, store: store}
	_, _, err = f.registry(store).As(auth.System()).SetUp(b.ctx, registry.Setup{Token: token})
	if err == nil {
		err = f.runs()
	}
	return errors.Join(err, store.Close())
}

func (f *filler) runs() error {
	p, err := f.root(f.store).CreateProject(f.ctx, registry.ProjectSpec{Name: "runs", Path: "runs"})
	if err != nil {
		return err
	}
	ref := registry.ProjectRef{ID: p.ID}
	for _, n := range []int{csvRuns, csvFew} {
		e, err := f.root(f.store).CreateExperiment(f.ctx, ref, registry.ExperimentSpec{Name: fmt.Sprintf("sweep of %d", n)})
		if err != nil {
			return err
		}
		for done := 0; done < n; done += batchSize {
			err := f.store.Update(f.ctx, func(tx registry.Tx) error {
				for i := range batchSize {
					if err := f.run(f.ctx, f.root(batch{tx}), ref, e.IID, done+i); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *filler) run(ctx context.Context, s registry.Session, ref registry.ProjectRef, experiment int64, i int) error {
	var d registry.RunData
	for k := range csvValues {
		d.Params = append(d.Params, registry.Param{Key: fmt.Sprintf("param_%d", k), Value: fmt.Sprint(i * k)})
		d.Metrics = append(d.Metrics, registry.Metric{Key: fmt.Sprintf("metric_%d", k), Value: float64(i) / float64(k+1), At: time.Unix(int64(i), 0)})
	}
	_, err := s.CreateRun(ctx, ref, registry.RunSpec{Experiment: &registry.ExperimentRef{IID: experiment}, Name: fmt.Sprintf("run-%d", i), Data: d})
	return err
}
