package sqlstore

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestBlockFits: the longest row of a block stays in one place: SQLite's file
// format keeps ((4096-12)*64/255)-23 = 1002 bytes of a row without a rowid.
func TestBlockFits(t *testing.T) {
	const header, columns = 9, 8 + 8 + 8 + 8 + 8 + 1
	if n := header + columns + blockSize*pointBytes; n > 1002 {
		t.Errorf("%d bytes", n)
	}
}

// FuzzUnpack: what has been packed comes back; what is no block is refused.
func FuzzUnpack(f *testing.F) {
	f.Add(point{1, 2, 3, false}.pack(point{math.MinInt64, math.MaxInt64, 0, true}.pack(nil)))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ps, err := unpack(b)
		if (err != nil) != (len(b) == 0 || len(b)%pointBytes > 0) {
			t.Fatal(err)
		}
		var again []byte
		for _, p := range ps {
			again = p.pack(again)
		}
		if more, err := unpack(again); len(ps) > 0 && (err != nil || !slices.Equal(more, ps)) {
			t.Errorf("%v, want %v, %v", more, ps, err)
		}
	})
}

// TestPacking: points from before there were blocks are packed where they are in
// order, and stay; so does what is logged afterwards.
func TestPacking(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "db")
	old := oldStore(t, url, "migrations/0125")
	histories := map[string][]point{}
	for key, ps := range oldHistories() {
		histories[key] = old.log(t, key, ps)
	}
	old.close(t)
	s, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	fillRuns(t, s, 1)
	for key, ps := range histories {
		sameHistory(t, s, key, ps)
	}
	for key, ps := range histories {
		more := []point{{100, 1000, 1, false}, {101, 1000, 1, false}, {-1, 0, 1, false}}
		var again []registry.Metric
		for _, p := range append(slices.Clone(ps), more...) {
			again = append(again, p.metric(key))
		}
		for range 2 {
			if err := s.Update(t.Context(), func(tx registry.Tx) error { return tx.InsertMetrics(t.Context(), 1, again) }); err != nil {
				t.Fatal(err)
			}
			sameHistory(t, s, key, append(slices.Clone(ps), more...))
		}
	}
	late := map[string]int64{}
	err = s.View(t.Context(), func(x registry.Tx) error {
		return x.(*tx).rows(t.Context(), "SELECT key, points - packed FROM metrics", nil, func(r scanner) error {
			var key string
			var n int64
			err := r.Scan(&key, &n)
			late[key] = n
			return err
		})
	})
	if err != nil || late["ordered"] != 1 || late["one"] != 1 || late["mixed"] != int64(len(histories["mixed"])+1) {
		t.Errorf("late points: %v, %v", late, err)
	}
}

// TestManyAppend: processes (here: stores) that append to one metric of one run at
// once, alone and by batches, some the same points, lose none and keep none twice.
func TestManyAppend(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "db")
	var stores []*Store
	for range 3 {
		s, err := Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		stores = append(stores, s)
	}
	fillRuns(t, stores[0], 1)
	var all sync.WaitGroup
	var want []point
	for w := range int64(6) {
		var mine []registry.Metric
		for i := range int64(60) {
			p := point{i, i * i % 50, float64(w / 2), false} // two have the same
			if mine = append(mine, p.metric("m")); w%2 == 0 {
				want = append(want, p)
			}
		}
		all.Go(func() {
			for part := range slices.Chunk(mine, 1+int(w)*9) {
				err := stores[w%3].Update(t.Context(), func(tx registry.Tx) error { return tx.InsertMetrics(t.Context(), 1, part) })
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	sameHistory(t, stores[0], "m", want)
	err := stores[0].View(t.Context(), func(tx registry.Tx) error {
		tips, err := tx.MetricTips(t.Context(), 1, 10)
		i := slices.IndexFunc(tips, func(m registry.MetricTip) bool { return m.Key == "m" })
		if err != nil || i < 0 || tips[i].Points != int64(len(want)) || tips[i].Step != 59 || tips[i].Value != 2 {
			t.Errorf("the tips are %+v, %v", tips, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// oldHistories are points by metric, in the order in which they came.
func oldHistories() map[string][]point {
	r := rand.New(rand.NewPCG(5, 6))
	out := map[string][]point{"one": {{3, 4, 5, false}}}
	for i := range int64(5*blockSize + 3) {
		out["ordered"] = append(out["ordered"], point{i / 2, i, -1 - float64(i%7), false}, point{i / 2, i, 7.5, i%3 == 0})
		out["mixed"] = append(out["mixed"], point{r.Int64N(30), r.Int64N(5), float64(r.IntN(3)), false})
		if i < 2*blockSize {
			out["blocks"] = append(out["blocks"], point{0, i, math.Inf(1), false})
		}
	}
	for i, p := range out["ordered"] {
		if p.nan {
			out["ordered"][i].value = 0
		}
	}
	return out
}

// olden is a database as it was before a migration.
type olden struct{ *Store }

func oldStore(t *testing.T, url, before string) olden {
	t.Helper()
	write, read, err := sqliteEngine.open(url)
	if err != nil {
		t.Fatal(err)
	}
	s := olden{&Store{e: sqliteEngine, write: &pool{db: write, spell: nameless}, read: &pool{db: read, spell: nameless}}}
	names, err := s.migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name >= before {
			break
		}
		if err := s.apply(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	s.exec(t, "PRAGMA foreign_keys = 0") // runs are made by the code of today
	return s
}

func (s olden) close(t *testing.T) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func (s olden) exec(t *testing.T, text string, args ...any) int64 {
	t.Helper()
	res, err := s.write.db.ExecContext(t.Context(), text, args...)
	if err != nil {
		t.Fatal(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// log adds points to the first run as the code before 0125 did, and gives those
// that there are then.
func (s olden) log(t *testing.T, key string, ps []point) (kept []point) {
	t.Helper()
	s.exec(t, "INSERT INTO metrics (run_id, key, step, at, value, nan) VALUES (1, $1, 0, 0, 0, 0)", key)
	last, ordered := ps[0], true
	for _, p := range ps {
		n := s.exec(t, `INSERT INTO metric_points (metric_id, step, at, value, nan, n) SELECT id, $1, $2, $3, $4, $5 FROM metrics WHERE key = $6
			ON CONFLICT (metric_id, step, at, value, nan) DO NOTHING`, p.step, p.at, p.value, p.nan, len(kept)+1, key)
		if n == 0 {
			continue
		}
		later := p.compare(last) > 0
		ordered = ordered && (kept == nil || later && p.at >= last.at)
		if kept = append(kept, p); later {
			last = p
		}
	}
	s.exec(t, "UPDATE metrics SET points = $1, ordered = $2, step = $3, at = $4, value = $5, nan = $6 WHERE key = $7", len(kept), ordered, last.step, last.at, last.value, last.nan, key)
	return kept
}

// sameHistory compares what is read of a metric.
func sameHistory(t *testing.T, s *Store, key string, want []point) {
	t.Helper()
	want = slices.Clone(want)
	slices.SortFunc(want, point.compareTime)
	err := s.View(t.Context(), func(tx registry.Tx) error {
		var got []point
		for mark := (registry.Mark{}); ; {
			f, err := tx.MetricPoints(t.Context(), 1, key, mark, 7)
			if err != nil {
				return err
			}
			for _, m := range f.Items {
				got = append(got, pointOf(m))
			}
			if mark = f.Next; len(mark.Keys) == 0 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
