package safety

import (
	"context"
)

// queue holds the files that are to be looked into. Each look that queues some has
// a row of its own, and the rows take turns: one version with many files keeps
// nobody else waiting.
type queue struct {
	rows [][]*job
	jobs map[knownKey]*job // that wait or are at work
	more chan struct{}     // has an element for each worker that may sleep, after something came
}

// job is a file that is looked into.
type job struct {
	File
	done   chan struct{} // closed when report is there
	report Report
}

// maxQueued is how many files wait at most; whoever asks for more asks again.
const maxQueued = 20_000

func newQueue() queue {
	return queue{jobs: map[knownKey]*job{}, more: make(chan struct{}, scansAtOnce)}
}

// add queues files, and gives the job of each; nil for those for which there is no
// room.
func (q *queue) add(files []File) []*job {
	jobs, row := make([]*job, len(files)), []*job(nil)
	for i, f := range files {
		j, ok := q.jobs[keyOf(f)]
		if !ok && len(q.jobs) < maxQueued {
			j = &job{File: f, done: make(chan struct{})}
			q.jobs[keyOf(f)] = j
			row = append(row, j)
		}
		jobs[i] = j
	}
	if len(row) == 0 {
		return jobs
	}
	q.rows = append(q.rows, row)
	for range scansAtOnce {
		select {
		case q.more <- struct{}{}:
		default: // all of them are told already
		}
	}
	return jobs
}

// next takes the first file of the row whose turn it is; nil when none waits.
func (q *queue) next() *job {
	if len(q.rows) == 0 {
		return nil
	}
	row := q.rows[0]
	q.rows = q.rows[1:]
	if len(row) > 1 {
		q.rows = append(q.rows, row[1:])
	}
	return row[0]
}

// finish tells those who wait for a job.
func (q *queue) finish(j *job, r Report) {
	delete(q.jobs, keyOf(j.File))
	j.report = r
	close(j.done)
}

// take waits for a file to look into; nil when ctx ends.
func (s *Scanner) take(ctx context.Context) *job {
	for ctx.Err() == nil {
		s.mu.Lock()
		j := s.queue.next()
		s.mu.Unlock()
		if j != nil {
			return j
		}
		select {
		case <-ctx.Done():
		case <-s.queue.more:
		}
	}
	return nil
}
