package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/config"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// projectRow is a project in the answers of administration.
type projectRow struct {
	ID         int64  `json:"id"`
	Path       string `json:"path"`
	Visibility string `json:"visibility"`
	Archived   bool   `json:"archived"`
	Created    string `json:"created"`
	Size       int64  `json:"size"` // bytes
	// StorageLimit is the most bytes: -1 none, 0 the server's.
	StorageLimit int64 `json:"storage_limit"`
}

func projectRowOf(p registry.Project) projectRow {
	return projectRow{ID: p.ID, Path: p.FullPath, Visibility: string(p.Visibility), Archived: p.Archived, Created: dayText(p.CreatedAt, ""),
		Size: p.Size, StorageLimit: p.StorageLimit}
}

// The words for limits that are no number of bytes.
const (
	noLimit      = "none"
	serversLimit = "server"
)

func limitText(limit int64) string {
	switch limit {
	case 0:
		return serversLimit
	case registry.Unlimited:
		return noLimit
	}
	return sizeText(limit)
}

func projectTable(rows []projectRow) table {
	t := table{Head: []string{"ID", "PATH", "VISIBILITY", "ARCHIVED", "CREATED", "SIZE", "LIMIT"}, data: rows}
	for _, r := range rows {
		t.Rows = append(t.Rows, []string{strconv.FormatInt(r.ID, 10), r.Path, r.Visibility, strconv.FormatBool(r.Archived), r.Created, sizeText(r.Size), limitText(r.StorageLimit)})
	}
	return t
}

func (a admin) projects() *cobra.Command {
	return parent("project", "Create, list, limit and delete projects",
		a.command("create GROUP-OR-USER/PATH", "Create a project", cobra.ExactArgs(1), createProject),
		a.command("list", "List projects", cobra.NoArgs, func(*cobra.Command) work { return listProjects }),
		a.command("limit PATH SIZE|none|server", "Set how much the files of a project may take up", cobra.ExactArgs(2), limitProject),
		a.command("delete PATH", "Delete a project with all that is in it", cobra.ExactArgs(1), deleteProject),
	)
}

func createProject(cmd *cobra.Command) work {
	visibility := cmd.Flags().String("visibility", "private", "private, internal or public")
	description := cmd.Flags().String("description", "", "what the project is about")
	return func(ctx context.Context, s registry.Session, args []string) (any, error) {
		i := strings.LastIndexByte(args[0], '/')
		if i <= 0 {
			return nil, fault.Invalidf("PATH", "has to be GROUP-OR-USER/PROJECT, as root/models")
		}
		n, err := s.Group(ctx, registry.NamespaceRef{Path: args[0][:i]})
		if err != nil {
			return nil, err
		}
		p, err := s.CreateProject(ctx, registry.ProjectSpec{Path: args[0][i+1:], NamespaceID: n.ID,
			Visibility: registry.Visibility(*visibility), Description: *description})
		t := projectTable([]projectRow{projectRowOf(p)})
		t.data = projectRowOf(p)
		return t, err
	}
}

func listProjects(ctx context.Context, s registry.Session, _ []string) (any, error) {
	ps, err := all(func(p registry.Page) (registry.List[registry.Project], error) {
		return s.Projects(ctx, registry.ProjectQuery{Page: p, Order: registry.Order{By: "id"}})
	})
	rows := make([]projectRow, len(ps))
	for i, p := range ps {
		rows[i] = projectRowOf(p)
	}
	return projectTable(rows), err
}

func limitProject(cmd *cobra.Command) work {
	cmd.Long = `Set how much the files of a project may take up together, as 500MB or 20GiB: what does not
fit is refused. "none" is no limit, "server" the one of the server, which it takes from
--project-storage-limit.`
	cmd.Example = "  vitrine project limit team/vision 50GiB --data ./vitrine-data"
	return func(ctx context.Context, s registry.Session, args []string) (any, error) {
		limit, err := parseLimit(args[1])
		if err != nil {
			return nil, err
		}
		p, err := s.EditProject(ctx, registry.ParseProjectRef(args[0]), registry.ProjectEdit{StorageLimit: &limit})
		t := projectTable([]projectRow{projectRowOf(p)})
		t.data = projectRowOf(p)
		return t, err
	}
}

func parseLimit(s string) (int64, error) {
	switch s {
	case noLimit:
		return registry.Unlimited, nil
	case serversLimit:
		return 0, nil
	}
	n, err := config.ParseSize(s)
	if err != nil || n == 0 {
		return 0, fault.Invalidf("SIZE", "has to be a size as 500MB or 20GiB, or none, or server; not %q", s)
	}
	return n, nil
}

func deleteProject(cmd *cobra.Command) work {
	yes := cmd.Flags().Bool("yes", false, "really delete; there is no way back")
	return func(ctx context.Context, s registry.Session, args []string) (any, error) {
		if !*yes {
			return nil, fault.Invalidf("", "this deletes the project %s with all its models and files for good; add --yes", args[0])
		}
		ref := registry.ParseProjectRef(args[0])
		if err := s.DeleteProject(ctx, ref); err != nil {
			return nil, err
		}
		return "deleted " + args[0], s.PurgeProjects(ctx)
	}
}

// collectedRow is what garbage collection answers.
type collectedRow struct {
	Blobs   int64 `json:"blobs"`
	Bytes   int64 `json:"bytes"`
	Uploads int64 `json:"uploads"`
	Trash   int64 `json:"trash"`
	DryRun  bool  `json:"dry_run"`
}

// text tells what was removed, with the trash where it was asked for.
func (r collectedRow) text(trash bool) string {
	verb := "removed"
	if r.DryRun {
		verb = "would remove"
	}
	text := fmt.Sprintf("%s %s (%s) and %s", verb, counted(r.Blobs, "blob"), counted(r.Bytes, "byte"), counted(r.Uploads, "left-over upload"))
	if trash {
		text += ", and " + counted(r.Trash, "item") + " of the trash"
	}
	return text
}

func (a admin) collect() *cobra.Command {
	cmd := a.command("gc", "Remove the bytes that no file names any more", cobra.NoArgs, func(cmd *cobra.Command) work {
		dry := cmd.Flags().Bool("dry-run", false, "only tell what would be removed")
		return func(ctx context.Context, s registry.Session, _ []string) (any, error) {
			grace, err := durationOf(cmd, a.env, "gc-grace")
			if err != nil {
				return nil, err
			}
			retention, err := durationOf(cmd, a.env, "trash-retention")
			if err != nil {
				return nil, err
			}
			if !*dry {
				if err := s.PurgeProjects(ctx); err != nil {
					return nil, err
				}
			}
			c, err := s.Collect(ctx, registry.CollectOptions{Grace: grace, DryRun: *dry, Retention: retention})
			if err != nil {
				return nil, err
			}
			row := collectedRow{c.Blobs, c.Bytes, c.Uploads, c.Trash, *dry}
			return table{Head: []string{row.text(retention > 0)}, data: row}, nil
		}
	})
	cmd.Long = `Remove the bytes that no file names and that are older than the grace period
(--gc-grace), the rows of deleted projects, and the left-overs of killed servers;
with --trash-retention also the experiments and runs that were deleted longer ago.
It is safe while the server runs, which does the same every hour.`
	return cmd
}

// durationOf reads a duration as the configuration does.
func durationOf(cmd *cobra.Command, env Env, name string) (time.Duration, error) {
	v := cmd.Flag(name).Value.String()
	if e := env.Getenv(config.EnvName(name)); e != "" && !cmd.Flags().Changed(name) {
		v = e
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, fmt.Errorf("--%s: %w", name, err)
	}
	return d, nil
}

// errBad ends verify when a blob is bad; what was found is printed already.
var errBad = errors.New("there are bad blobs; restore them from a backup or push the files again after vitrine gc")

// verifiedRow is what verify answers.
type verifiedRow struct {
	Blobs int64     `json:"blobs"`
	Bytes int64     `json:"bytes"`
	Bad   []badBlob `json:"bad"`
}

type badBlob struct {
	Digest string `json:"digest"`
	Reason string `json:"reason"`
}

func (a admin) verify() *cobra.Command {
	cmd := a.command("verify", "Read every stored byte again and compare its SHA-256", cobra.NoArgs, func(cmd *cobra.Command) work {
		return func(ctx context.Context, s registry.Session, _ []string) (any, error) {
			row := verifiedRow{Bad: []badBlob{}}
			var err error
			row.Blobs, row.Bytes, err = s.Verify(ctx, func(b registry.BadBlob) error {
				row.Bad = append(row.Bad, badBlob{string(b.Digest), b.Reason})
				return nil
			})
			if err != nil {
				return nil, err
			}
			t := table{Head: []string{fmt.Sprintf("read %s, %s: %d bad", counted(row.Blobs, "blob"), counted(row.Bytes, "byte"), len(row.Bad))}, data: row}
			for _, b := range row.Bad {
				t.Rows = append(t.Rows, []string{b.Digest, b.Reason})
			}
			if len(row.Bad) == 0 {
				return t, nil
			}
			asJSON := cmd.Flag("json").Value.String() == "true"
			if err := show(a.env.Stdout, t, asJSON); err != nil {
				return nil, err
			}
			return nil, errBad
		}
	})
	cmd.Long = "Read every stored byte again and compare its SHA-256. Bad blobs are listed and the\nexit code is 1. It is safe while the server runs."
	return cmd
}
