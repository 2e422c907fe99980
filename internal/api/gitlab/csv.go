package gitlab

import (
	"encoding/csv"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// csvPattern is the address of an experiment's runs as a table.
const csvPattern = "/projects/{id}/ml/experiments/{experiment_id}/csv"

func csvRoutes() []route {
	return tagged("Experiments",
		file("GET", csvPattern, project(registry.ReadRuns), "The candidates of an experiment as CSV, a row each", http.StatusOK, sendCSV))
}

// csvHead are the columns before parameters and metrics, as in GitLab's export.
var csvHead = []string{"project_id", "experiment_iid", "candidate_iid", "name", "external_id", "status", "author", "start_time", "end_time"}

func sendCSV(c *call) error {
	id, err := c.experimentID()
	if err != nil {
		return err
	}
	t, err := c.s.RunTable(c.ctx(), c.project(), id)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "experiment-" + strconv.FormatInt(id.IID, 10) + ".csv"}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-store")
	if c.r.Method == http.MethodHead {
		return nil
	}
	out := csv.NewWriter(c.w)
	if err := out.Write(csvColumns(t)); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	err = t.Rows(c.ctx(), func(runs []registry.Run) error {
		for _, r := range runs {
			if err := out.Write(csvRow(t, r)); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	})
	if err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	return nil
}

func csvColumns(t registry.RunTable) []string {
	out := append([]string{}, csvHead...)
	for _, k := range append(append([]string{}, t.Params...), t.Metrics...) {
		out = append(out, httpx.Harmless(k))
	}
	return out
}

func csvRow(t registry.RunTable, r registry.Run) []string {
	params, metrics := map[string]string{}, map[string]float64{}
	for _, p := range r.Params {
		params[p.Key] = p.Value
	}
	for _, m := range r.Metrics {
		metrics[m.Key] = m.Value
	}
	num := func(n int64) string { return strconv.FormatInt(n, 10) }
	out := []string{num(r.ProjectID), num(r.ExperimentIID), num(r.IID), httpx.Harmless(r.Name), r.EID, string(r.Status),
		httpx.Harmless(r.Author.Username), csvTime(r.StartedAt), csvTime(r.EndedAt)}
	for _, k := range t.Params {
		out = append(out, httpx.Harmless(params[k]))
	}
	for _, k := range t.Metrics {
		cell := ""
		if v, ok := metrics[k]; ok {
			cell = strconv.FormatFloat(v, 'g', -1, 64)
		}
		out = append(out, cell)
	}
	return out
}

func csvTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
