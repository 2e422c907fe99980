package web

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/formats"
	"github.com/vitrine-ml/vitrine/internal/markdown"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// The limits of what a page shows of a file.
const (
	maxText    = 256 << 10 // bytes of a text
	maxPicture = 20 << 20  // bytes of a picture
	maxRows    = 200       // of a table
	maxCells   = 50        // of a row
	maxTensors = 500
)

// preview is what a page shows of a file's content. All of it is text, escaped
// by the template, but for a card's HTML, which has passed the list of allowed
// elements, and a picture, which the browser gets from an address of its own in
// a sandbox.
type preview struct {
	Text  string
	Table [][]string // the first row is the head
	HTML  template.HTML
	Image bool
	Cut   string // what was left out, if something was
	None  string // why there is none
}

// pictures are the media types of pictures by their ending.
var pictures = map[string]string{".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".svg": "image/svg+xml", ".bmp": "image/bmp"}

// cardOf renders a text that lies beside the files of a version or run, whose
// page has an address; "" is none.
func (d *door) cardOf(text, home string) (template.HTML, error) {
	if home == "" {
		return d.prose.Render(text, nil)
	}
	return d.prose.Render(text, beside(home, "."))
}

// beside finds the files of a version or run by their addresses relative to a
// folder of it. Whether they are there shows when they are asked for.
func beside(home, folder string) markdown.Files {
	return func(name string) markdown.Place {
		name = path.Join(folder, name)
		if name == "." || name == ".." || strings.HasPrefix(name, "../") {
			return markdown.Place{}
		}
		p := markdown.Place{Page: home + "/files/" + escapePath(name)}
		if pictures[strings.ToLower(path.Ext(name))] != "" {
			p.Picture = home + "/raw/" + escapePath(name)
		}
		return p
	}
}

// previewOf makes the preview of a file, of the version or run whose page has the
// address home.
func (d *door) previewOf(f registry.File, home string, kind formats.Kind, content io.ReadSeeker) (preview, error) {
	if pictures[strings.ToLower(path.Ext(f.Path))] != "" {
		if f.Size > maxPicture {
			return preview{None: "The picture is larger than the " + humanBytes(maxPicture) + " that are shown; download it."}, nil
		}
		return preview{Image: true}, nil
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return preview{}, fmt.Errorf("preview: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(content, maxText))
	if err != nil {
		return preview{}, fmt.Errorf("preview: %w", err)
	}
	whole := int64(len(raw)) == f.Size
	if !whole {
		raw = wholeRunes(raw)
	}
	switch {
	case len(raw) == 0:
		return preview{None: "The file is empty."}, nil
	case bytes.IndexByte(raw, 0) >= 0 || !utf8.Valid(raw):
		return preview{None: "This is no text or picture; download it to look at it."}, nil
	}
	p := preview{Text: string(raw)}
	if !whole {
		p.Cut = "These are the first " + humanBytes(int64(len(raw))) + " of " + humanBytes(f.Size) + "."
	}
	return p, p.shape(d, f.Path, home, kind, whole)
}

// shape shows a text as what it is, when it is that.
func (p *preview) shape(d *door, name, home string, kind formats.Kind, whole bool) error {
	switch kind {
	case formats.JSON, formats.Config:
		var b bytes.Buffer
		if whole && json.Indent(&b, []byte(p.Text), "", "  ") == nil && b.Len() <= 4*maxText {
			p.Text = b.String()
		}
	case formats.CSV:
		p.table(strings.HasSuffix(strings.ToLower(name), ".tsv"), whole)
	case formats.Markdown:
		if !whole {
			return nil
		}
		html, err := d.prose.Render(p.Text, beside(home, path.Dir(name)))
		if err != nil {
			return err
		}
		p.HTML = html
	}
	return nil
}

// table reads a text as a table, if it is one.
func (p *preview) table(tabs, whole bool) {
	r := csv.NewReader(strings.NewReader(p.Text))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	if tabs {
		r.Comma = '\t'
	}
	var rows [][]string
	wide := false
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return // it stays a text
		}
		if len(row) > maxCells {
			row, wide = row[:maxCells], true
		}
		if rows = append(rows, row); len(rows) > maxRows {
			break
		}
	}
	if !whole && len(rows) <= maxRows && len(rows) > 1 {
		rows = rows[:len(rows)-1] // the last one may be half of one
	}
	if len(rows) > maxRows {
		rows, whole = rows[:maxRows], false
	}
	p.Table, p.Text, p.Cut = rows, "", ""
	if !whole || wide {
		p.Cut = fmt.Sprintf("These are the first %d rows, of at most %d columns; the file has more.", len(rows), maxCells)
	}
}

// wholeRunes cuts half a character at the end.
func wholeRunes(b []byte) []byte {
	for i := 1; i <= utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}
