package gitlab

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// TestLastDownload: downloads are written down when they are flushed, and only
// they: neither a look at a file nor one that was refused.
func TestLastDownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	base := fmt.Sprintf("/api/v4/projects/%d/packages", w.ids["private"])
	file := fmt.Sprintf("%s/ml_models/%d/files/dir/model.bin", base, w.ids["private/version"])
	downloaded := func() []*time.Time {
		t.Helper()
		ok(t, w.reg.FlushDownloads(t.Context()))
		var list []struct {
			At *time.Time `json:"last_downloaded_at"`
		}
		ok(t, json.Unmarshal(w.do(t, "GET", base, "reporter", "").Body.Bytes(), &list))
		out := make([]*time.Time, len(list))
		for i, k := range list {
			out[i] = k.At
		}
		return out
	}
	w.do(t, "HEAD", file, "reporter", "")
	w.do(t, "GET", file, "guest", "")
	w.do(t, "GET", file+"x", "reporter", "")
	if got := downloaded(); len(got) != 2 || got[0] != nil || got[1] != nil {
		t.Errorf("before any download: %v", got)
	}
	before := time.Now().Add(-time.Millisecond)
	w.do(t, "GET", file, "reporter", "")
	got := downloaded()
	if got[0] == nil || got[0].Before(before.Truncate(time.Millisecond)) || got[1] != nil {
		t.Errorf("after a download: %v", got)
	}
	if again := downloaded(); !again[0].Equal(*got[0]) {
		t.Errorf("without a download it moved from %v to %v", got[0], again[0])
	}
	archive := fmt.Sprintf("/api/v4/projects/%d/ml/models/%d/versions/%d/archive", w.ids["private"], w.ids["private/model"], w.ids["private/version"])
	w.do(t, "GET", archive, "reporter", "")
	if later := downloaded(); !later[0].After(*got[0]) {
		t.Errorf("a whole version was downloaded: %v, before %v", later[0], got[0])
	}
}
