package sqlstore

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

const eventRow = `INSERT INTO events (at, actor_id, actor, actor_key, token_kind, token_id, topic, act, project_id, group_id, model_id, place, subject, detail, times, tally, user_id)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce(nullif($12, ''), (SELECT full_path FROM projects WHERE id = $13),
	(SELECT full_path FROM namespaces WHERE id = $14), ''), $15, $16, $17, nullif($18, ''), $19)`

var (
	insertEvent = stmt(eventRow + returning)
	tallyEvent  = stmt(eventRow + ` ON CONFLICT (tally) WHERE tally IS NOT NULL DO UPDATE SET times = events.times + excluded.times RETURNING id, times`)
)

var countEvent = stmt(`UPDATE events SET times = times + 1 WHERE tally = $1`)

func (t *tx) CountEvent(ctx context.Context, tally string) (bool, error) {
	n, err := t.exec(ctx, countEvent, tally)
	return n > 0, err
}

func (t *tx) InsertEvent(ctx context.Context, e registry.Event) error {
	e.Times = cmp.Or(e.Times, 1)
	args := []any{micros(e.At), e.Actor.ID, e.Actor.Username, strings.ToLower(cmp.Or(e.Actor.Username, e.Whose)), e.TokenKind, e.TokenID,
		e.Act.Topic(), e.Act, e.ProjectID, e.GroupID, e.ModelID, e.Place, e.ProjectID, e.GroupID, e.Subject, e.Detail, e.Times, e.Tally, e.UserID}
	var err error
	times := e.Times
	if e.Tally == "" {
		e.ID, err = t.id(ctx, insertEvent, args...)
	} else {
		err = t.row(ctx, tallyEvent, args, &e.ID, &times)
	}
	if counted := times > e.Times; !counted && t.fresh != nil && t.fresh.event == 0 {
		t.fresh.event = e.ID
	}
	return err
}

var dropEvents = stmt(`DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < $1 ORDER BY at, id LIMIT $2)`)

func (t *tx) DropEvents(ctx context.Context, cutoff time.Time, limit int) (int64, error) {
	return t.exec(ctx, dropEvents, micros(cutoff), limit)
}

// ofEntity are the conditions on what an event is about, as partial indexes have
// them.
var ofEntity = map[registry.Entity]string{
	registry.ProjectEntity: "e.project_id <> 0",
	registry.GroupEntity:   "e.group_id <> 0",
	registry.UserEntity:    "e.user_id <> 0 AND e.project_id = 0 AND e.group_id = 0",
	registry.ServerEntity:  "e.user_id = 0 AND e.project_id = 0 AND e.group_id = 0",
}

// eventTexts are what a search in events looks at, as the index event_texts has it.
var eventTexts = []string{"replace(replace(e.act, '.', ' '), '_', ' ')", "e.subject", "e.detail", "e.place", "e.actor"}

func (t *tx) ListEvents(ctx context.Context, q registry.EventQuery) (registry.List[registry.Event], error) {
	l := &listing{cols: `e.id, e.at, e.actor_id, e.actor, e.token_kind, e.token_id, e.act, e.project_id, e.group_id, e.model_id, e.place, e.subject, e.detail, e.times, e.user_id`,
		from: "events e", id: "e.id", initial: registry.Order{By: "at", Desc: true}, orders: map[string]column{"at": {"e.at", true}}}
	if q.ModelID != 0 {
		l.and("e.model_id = ? AND e.model_id > 0", q.ModelID)
	}
	if q.ProjectID != 0 {
		l.and("e.project_id = ? AND e.project_id > 0", q.ProjectID)
	}
	if q.GroupID != 0 {
		l.and("e.group_id = ? AND e.group_id > 0", q.GroupID)
	}
	if q.UserID != 0 {
		l.and("e.user_id = ?", q.UserID)
	}
	if q.ActorID != 0 {
		l.and("e.actor_id = ?", q.ActorID)
	}
	if q.ID != 0 {
		l.and("e.id = ?", q.ID)
	}
	if of := ofEntity[q.Entity]; of != "" {
		l.and(of)
	}
	if q.Actor != "" {
		l.and("e.actor_key = ?", strings.ToLower(q.Actor))
	}
	if n := len(q.Topics); n > 0 {
		// What is computed is in no index: SQLite would gather the rows of each
		// topic and sort them, where an index has them in the wanted order.
		col := "(e.topic || '')"
		if n == 1 && q.ModelID == 0 && q.ProjectID == 0 && q.Actor == "" {
			col = "e.topic"
		}
		l.and(col+" IN ("+marks(n)+")", anys(q.Topics)...)
	}
	l.span("e.at", q.When)
	if err := t.named(ctx, l, nameIndex{table: "event_texts"}, q.Text, registry.Order{}, eventTexts...); err != nil {
		return registry.List[registry.Event]{}, err
	}
	return fetch(ctx, t, l, registry.Order{}, q.Page, func(s scanner, e *registry.Event, extra ...any) error {
		return s.Scan(append([]any{&e.ID, instant{&e.At}, &e.Actor.ID, &e.Actor.Username, &e.TokenKind, &e.TokenID, &e.Act,
			&e.ProjectID, &e.GroupID, &e.ModelID, &e.Place, &e.Subject, &e.Detail, &e.Times, &e.UserID}, extra...)...)
	})
}
