// Command core measures a built Vitrine against yardsticks on this machine and
// prints one table: what, ours, baseline, ratio, target, ok or MISS. bench/run
// starts it. Everything runs on loopback, in the same run, turn by turn (ours,
// baseline, ours, baseline …), and medians are compared: whatever else the
// machine does then falls on both sides. The spread shows how quiet it was.
//
// What is compared to what, and why that is fair:
//
//	download   A file of 1 GiB in the page cache: GET by Vitrine, with a token,
//	           against nginx with sendfile sending the very same file (the blob
//	           itself). One client for both: it reads into a large buffer and
//	           forgets. nginx does no sign-in, has no log and writes no checksum
//	           headers; that is the price of a registry, and it is in the ratio.
//	upload     1 GiB of random bytes by PUT, from the page cache by sendfile,
//	           until the 201, which promises a checked SHA-256 and bytes that
//	           survive a power cut. No server can promise that faster than the
//	           slower of its two parts: SHA-256 of the bytes on one core, or a
//	           plain write and fsync of them to the same disk. Both are measured
//	           from the same page cache, next to each upload.
//	           Client, kernel and server share the machine, the parts do not.
//	resume     The same 1 GiB by the tus protocol (POST, and one PATCH until its
//	           204) against the plain PUT: what resuming costs. Ours makes bytes
//	           and hash state durable every 64 MiB on the way.
//	archive    A version of 1,000 files, 1 GiB together, sent as a zip made on the
//	           way (each byte goes through a CRC-32), against nginx with sendfile
//	           sending that very zip as a file.
//	csv        An experiment's 10,000 candidates as CSV, to the last byte, and the
//	           most memory that takes, beside that for one of 1,000.
//	small      GET of 1 KiB over 16 kept connections (wrk, 2 threads) against a
//	           bare net/http server that calls http.ServeFile on the same bytes:
//	           no token, no rights, no database, no log. Vitrine looks all that
//	           up in every request. Vitrine logs to a file, as under systemd.
//	growth     The same questions to two servers, one with few versions and one
//	           with many, filled by the registry's own code; one client, one
//	           connection, in turns. An answer has the same length on both, so a
//	           ratio above 1 is what growth costs.
//	candidates  The same for lists of 1,000 and of 100,000 candidates, in every
//	           order and narrowed to few of them.
//	pages      The web pages of a project with 1,000 models of 100 versions
//	           each: the 95th percentile of the time until all of a page is there.
//	graphql    A page of 100 of 1,000 models by GraphQL against the same page by
//	           REST: one client, one connection, in turns, the same server. The
//	           same with the versions of each, their runs and parameters, against
//	           the versions alone by REST, which takes 101 requests. And how many
//	           statements that is.
//	mlflow     MLflow's API by 8 connections (64 where it says so) against `mlflow
//	           server` of .venv/mlflow3, as it starts by default: SQLite, its own
//	           number of workers, no sign-in. Both have the same 2,000 runs and 50
//	           versions. Ours looks up a token and rights in every request.
//	mlflow-files  Artifacts through MLflow's proxy: 1 KiB and 1 MiB by 8 connections
//	           against a bare net/http server that makes the same promise, a file
//	           and its folder synced before the 200, and gives it by
//	           http.ServeFile; 1 GiB as in upload and download.
//	mlflow-growth  Searches for 100 runs, or 20, among 1,000 and among 100,000, in
//	           every order and with several filters; samples of a metric with
//	           10,000 points and with 1,000,000; one connection.
//	start      From exec to the first 200 of /-/readiness; memory as the kernel
//	           counts it: VmRSS, and VmHWM, its peak.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// bench is one run.
type bench struct {
	ctx    context.Context
	dir    string // scratch folder, on the disk that is measured
	bin    string // the built vitrine
	source string // file of random bytes to upload
	size   int64  // its length
	rounds int
	few    int // versions of the small registry
	many   int // and of the large one
	table  *table
}

// parts in the order in which they run.
var parts = []struct {
	name string
	run  func(*bench) error
}{
	{"download", (*bench).download},
	{"upload", (*bench).upload},
	{"resume", (*bench).resume},
	{"archive", (*bench).archive},
	{"csv", (*bench).csv},
	{"small", (*bench).small},
	{"start", (*bench).start},
	{"memory", (*bench).memory},
	{"growth", (*bench).growth},
	{"candidates", (*bench).candidates},
	{"graphql", (*bench).graphql},
	{"pages", (*bench).pages},
	{"mlflow", (*bench).mlflow},
	{"mlflow-files", (*bench).mlflowFiles},
	{"mlflow-growth", (*bench).mlflowGrowth},
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == serveFileWord {
		fail(serveFile(os.Args[2], os.Args[3]))
		return
	}
	if len(os.Args) == 4 && os.Args[1] == keepFilesWord {
		fail(keepFiles(os.Args[2], os.Args[3]))
		return
	}
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	b := &bench{table: &table{}}
	only := flag.String("only", strings.Join(names, ","), "parts to run")
	flag.StringVar(&b.bin, "vitrine", "", "built server to measure (default: build this tree)")
	flag.StringVar(&b.dir, "dir", "bench/out", "scratch folder, on the disk to be measured; about 10 GB")
	flag.Int64Var(&b.size, "size", 1<<30, "bytes of the large file")
	flag.IntVar(&b.rounds, "rounds", 5, "turns of every comparison")
	flag.IntVar(&b.few, "few", 1_000, "versions of the small registry")
	flag.IntVar(&b.many, "many", 100_000, "versions of the large registry")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b.ctx = ctx
	missed, err := b.all(strings.Split(*only, ","))
	fail(err)
	if missed > 0 {
		stop()
		os.Exit(2)
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// all runs the chosen parts and gives the number of missed targets.
func (b *bench) all(only []string) (int, error) {
	base, err := filepath.Abs(b.dir)
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		return 0, err
	}
	if b.dir, err = os.MkdirTemp(base, "run-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(b.dir)
	if err := b.build(); err != nil {
		return 0, err
	}
	fmt.Printf("%d cores, %s, %d rounds, load before %s\n", runtime.NumCPU(), runtime.Version(), b.rounds, load())
	b.table.head()
	for _, p := range parts {
		if !contains(only, p.name) {
			continue
		}
		if err := p.run(b); err != nil {
			return 0, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	fmt.Printf("%d of %d targets missed; load after %s\n", b.table.missed, b.table.rows, load())
	return b.table.missed, nil
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// load is the load average of the last minute, to tell a noisy machine.
func load() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(raw), " ")
	return first
}
