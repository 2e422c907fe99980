package httpxtest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// script is a parsed file.
type script struct {
	file    string
	archive *txtar.Archive
	steps   []*step
}

// step is one request with the answer it should get. Lines count from 1.
type step struct {
	line       int // of the request
	answerLine int // of the status
	endLine    int // the first line after the answer

	method, target string
	headers        []header
	body           body

	status      int
	wantHeaders []header
	wantBody    body
}

// header is a header line; absent ones have no value.
type header struct {
	line        int
	name, value string
	absent      bool
}

// body is a body as written: lines, or the name of a file.
type body struct {
	line  int // 0 when nothing is said about the body
	lines []string
	file  string
	apart bool // an empty line stands before it
}

func (b *body) text() string { return strings.Join(b.lines, "\n") }

// headerLine tells headers from bodies.
var headerLine = regexp.MustCompile(`^([A-Za-z0-9-]+):\s*(.*?)\s*$`)

// parser goes through the lines of a script.
type parser struct {
	*script
	cur    *step
	inBody bool
}

func parse(file string, data []byte) (*script, error) {
	p := parser{script: &script{file: file, archive: txtar.Parse(data)}}
	for i, line := range strings.Split(string(p.archive.Comment), "\n") {
		if err := p.add(i+1, strings.TrimSuffix(line, "\r")); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
	}
	if p.cur != nil && p.cur.answerLine == 0 {
		return nil, fmt.Errorf("%s:%d: the request has no expected answer", file, p.cur.line)
	}
	if len(p.steps) == 0 {
		return nil, fmt.Errorf("%s: no requests", file)
	}
	return p.script, nil
}

func (p *parser) add(n int, line string) error {
	switch {
	case line == "" || line[0] == '#':
		p.inBody = false
		return nil
	case line[0] == '>':
		if p.cur == nil || p.cur.answerLine != 0 {
			return p.request(n, line)
		}
		if p.cur.endLine != n {
			return fmt.Errorf("the request in line %d has no expected answer", p.cur.line)
		}
		return p.content(n, line, &p.cur.headers, &p.cur.body)
	case line[0] == '<':
		if p.cur == nil {
			return fmt.Errorf("an answer without a request")
		}
		if p.cur.answerLine == 0 {
			return p.statusLine(n, line)
		}
		if p.cur.endLine != n {
			return fmt.Errorf("a second answer to the request in line %d", p.cur.line)
		}
		return p.content(n, line, &p.cur.wantHeaders, &p.cur.wantBody)
	}
	return fmt.Errorf("lines begin with >, < or #: %q", line)
}

func (p *parser) request(n int, line string) error {
	method, target, ok := strings.Cut(strings.TrimSpace(line[1:]), " ")
	if !ok || method == "" {
		return fmt.Errorf("a request begins with a method and a target: %q", line)
	}
	p.cur = &step{line: n, endLine: n + 1, method: method, target: strings.TrimSpace(target)}
	p.steps = append(p.steps, p.cur)
	p.inBody = false
	return nil
}

func (p *parser) statusLine(n int, line string) error {
	status, err := strconv.Atoi(strings.TrimSpace(line[1:]))
	if err != nil || status < 100 || status > 999 {
		return fmt.Errorf("an answer begins with a status: %q", line)
	}
	p.cur.answerLine, p.cur.endLine, p.cur.status = n, n+1, status
	p.inBody = false
	return nil
}

// content adds a line after the first one to a request or an answer.
func (p *parser) content(n int, line string, headers *[]header, b *body) error {
	p.cur.endLine = n + 1
	rest := line[1:]
	if name, ok := strings.CutPrefix(rest, "@file "); ok {
		if b.line != 0 && len(b.lines) > 0 {
			return fmt.Errorf("a body is either lines or a file")
		}
		*b = body{line: n, file: strings.TrimSpace(name), apart: b.apart}
		p.inBody = true
		return nil
	}
	rest, spaced := strings.CutPrefix(rest, " ")
	switch m := headerLine.FindStringSubmatch(rest); {
	case b.file != "":
		return fmt.Errorf("nothing can follow the file of a body")
	case p.inBody:
		b.lines = append(b.lines, rest)
	case strings.TrimSpace(rest) == "":
		b.line, b.apart, p.inBody = n, true, true
	case !spaced && line[:2] == "<!":
		*headers = append(*headers, header{line: n, name: strings.TrimSpace(rest[1:]), absent: true})
	case m != nil:
		*headers = append(*headers, header{line: n, name: m[1], value: m[2]})
	default:
		b.line, p.inBody = n, true
		b.lines = append(b.lines, rest)
	}
	return nil
}
