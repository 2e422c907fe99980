package registry

import (
	"net/url"
	"strconv"
)

// The metadata by which GitLab's users tell which CI job made a run; GitLab's
// documentation of experiment tracking has the first.
const (
	JobTag     = "gitlab.CI_JOB_ID"
	JobPageTag = "gitlab.CI_JOB_URL"
)

// Job gives the CI job that made a run, 0 for none: the one whose token created
// it, or the one that its metadata names. page is the job's page on whatever
// GitLab it ran, "" when unknown; it is an absolute address of http or https,
// and what it says is the caller's word.
func (r Run) Job() (id int64, page string) {
	id = r.JobID
	for _, t := range r.Tags {
		switch t.Key {
		case JobTag:
			if n, err := strconv.ParseInt(t.Value, 10, 64); err == nil && n > 0 && id == 0 {
				id = n
			}
		case JobPageTag:
			if u, err := url.Parse(t.Value); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
				page = u.String()
			}
		}
	}
	return id, page
}
