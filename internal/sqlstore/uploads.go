package sqlstore

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

const uploadCols = `u.id, u.eid, coalesce(u.owner_id, 0), coalesce(u.deploy_token_id, 0), u.project_id, coalesce(u.version_id, 0), coalesce(u.run_iid, 0), u.generic,
	u.generic_version, u.path, u.file_status, u.absent, u.match, u.expect, u.size, u.parted, u.note, u.received, u.hash_state, u.digest,
	u.state, u.created_at, u.expires_at`

var (
	insertUpload = stmt(`INSERT INTO uploads (eid, owner_id, deploy_token_id, project_id, version_id, run_iid, generic, generic_version, path, file_status,
		absent, match, expect, size, parted, note, state, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) RETURNING id`)
	uploadByEID  = stmt(`SELECT ` + uploadCols + ` FROM uploads u WHERE u.eid = $1 AND u.project_id = $2`)
	updateUpload = stmt(`UPDATE uploads SET expect = $1, size = $2, received = $3, hash_state = $4, digest = $5, state = $6, expires_at = $7
		WHERE id = $8`)
	deleteUpload       = stmt(`DELETE FROM uploads WHERE id = $1`)
	dropExpiredUploads = stmt(`DELETE FROM uploads WHERE id IN (SELECT id FROM uploads WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2)`)
	uploadOfBlob       = stmt(`SELECT 1 FROM uploads WHERE digest = $1 AND state = $2 LIMIT 1`)

	partName = stmt(`SELECT eid FROM upload_parts WHERE upload_id = $1 AND number = $2`)
	putPart  = stmt(`INSERT INTO upload_parts (upload_id, number, eid, size, digest) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (upload_id, number) DO UPDATE SET eid = excluded.eid, size = excluded.size, digest = excluded.digest`)
	partsOf = stmt(`SELECT number, eid, size, digest FROM upload_parts WHERE upload_id = $1 ORDER BY number`)
)

func (t *tx) InsertUpload(ctx context.Context, u registry.Upload) (int64, error) {
	return t.id(ctx, insertUpload, u.EID, ref(u.Owner.UserID), ref(u.Owner.DeployID), u.ProjectID, ref(u.Package.VersionID), ref(u.Package.RunIID), u.Package.Generic,
		u.Package.Version, u.Path, u.Status, u.Absent, u.Match, u.Expect, u.Size, u.Parted, u.Note, u.State, micros(u.CreatedAt), micros(u.ExpiresAt))
}

func scanUpload(s scanner, u *registry.Upload, extra ...any) error {
	return s.Scan(append([]any{&u.ID, &u.EID, &u.Owner.UserID, &u.Owner.DeployID, &u.ProjectID, &u.Package.VersionID, &u.Package.RunIID, &u.Package.Generic,
		&u.Package.Version, &u.Path, &u.Status, &u.Absent, &u.Match, &u.Expect, &u.Size, &u.Parted, &u.Note, &u.Progress.Offset,
		base64Bytes{&u.Progress.State}, &u.Digest, &u.State, instant{&u.CreatedAt}, instant{&u.ExpiresAt}}, extra...)...)
}

// base64Bytes scans a text into the bytes that it stands for.
type base64Bytes struct{ b *[]byte }

// Scan implements sql.Scanner.
func (b base64Bytes) Scan(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("bytes are %T, not a text", v)
	}
	var err error
	*b.b, err = base64.StdEncoding.DecodeString(s)
	return err
}

func (t *tx) UploadByEID(ctx context.Context, projectID int64, eid string) (registry.Upload, error) {
	var u registry.Upload
	err := t.scanOne(ctx, uploadByEID, []any{eid, projectID}, func(s scanner) error { return scanUpload(s, &u) })
	return u, named(err, "upload", eid)
}

func (t *tx) ListUploads(ctx context.Context, q registry.UploadQuery) (registry.List[registry.Upload], error) {
	l := &listing{cols: uploadCols, from: "uploads u", id: "u.id", initial: registry.Order{By: "id", Desc: true},
		orders: map[string]column{"id": {"u.id", true}}}
	if q.Owner.DeployID != 0 {
		l.and("u.deploy_token_id = ?", q.Owner.DeployID)
	} else {
		l.and("u.owner_id = ?", q.Owner.UserID)
	}
	l.and("u.project_id = ?", q.ProjectID)
	l.and("u.state <> ?", registry.UploadStored)
	l.and("u.expires_at > ?", micros(q.Now))
	switch k := q.Package; {
	case k.VersionID != 0:
		l.and("u.version_id = ?", k.VersionID)
	case k.RunIID != 0:
		l.and("u.run_iid = ?", k.RunIID)
	case k.Generic != "":
		l.and("u.generic = ?", k.Generic)
		l.and("u.generic_version = ?", k.Version)
	}
	if q.Path != "" {
		l.and("u.path = ?", q.Path)
	}
	if q.Expect != "" {
		l.and("u.expect = ?", q.Expect)
	}
	return fetch(ctx, t, l, registry.Order{}, q.Page, scanUpload)
}

func (t *tx) UpdateUpload(ctx context.Context, u registry.Upload) error {
	n, err := t.exec(ctx, updateUpload, u.Expect, u.Size, u.Progress.Offset, base64.StdEncoding.EncodeToString(u.Progress.State), u.Digest,
		u.State, micros(u.ExpiresAt), u.ID)
	return hit(n, err, "upload", u.ID)
}

func (t *tx) DeleteUpload(ctx context.Context, id int64) error {
	_, err := t.exec(ctx, deleteUpload, id)
	return err
}

func (t *tx) DropExpiredUploads(ctx context.Context, now time.Time, limit int) (int64, error) {
	return t.exec(ctx, dropExpiredUploads, micros(now), limit)
}

func (t *tx) NeededUploads(ctx context.Context, names []string) (map[string]bool, error) {
	out := map[string]bool{}
	if len(names) == 0 {
		return out, nil
	}
	args := make([]any, 0, len(names)+1)
	for _, n := range names {
		args = append(args, n)
	}
	args = append(args, registry.UploadStored)
	in := placeholders(1, len(names))
	stored := placeholders(len(args), 1)
	text := `SELECT u.eid FROM uploads u WHERE u.eid IN (` + in + `) AND u.state <> ` + stored + `
		UNION ALL SELECT p.eid FROM upload_parts p JOIN uploads u ON u.id = p.upload_id WHERE p.eid IN (` + in + `) AND u.state <> ` + stored
	err := t.rows(ctx, text, args, func(s scanner) error {
		var name string
		err := s.Scan(&name)
		out[name] = true
		return err
	})
	return out, err
}

func (t *tx) PutUploadPart(ctx context.Context, uploadID int64, p registry.UploadPart) (string, error) {
	var replaced string
	if err := ignoreNone(t.row(ctx, partName, []any{uploadID, p.Number}, &replaced)); err != nil {
		return "", err
	}
	_, err := t.exec(ctx, putPart, uploadID, p.Number, p.EID, p.Size, p.Digest)
	return replaced, err
}

func (t *tx) UploadParts(ctx context.Context, uploadID int64) ([]registry.UploadPart, error) {
	var out []registry.UploadPart
	err := t.rows(ctx, string(partsOf), []any{uploadID}, func(s scanner) error {
		var p registry.UploadPart
		err := s.Scan(&p.Number, &p.EID, &p.Size, &p.Digest)
		out = append(out, p)
		return err
	})
	return out, err
}
