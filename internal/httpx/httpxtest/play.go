package httpxtest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// patience is how long a server may take for one answer.
const patience = 30 * time.Second

// player plays one step of a script.
type player struct {
	file  string
	step  *step
	files map[string][]byte
	vars  map[string]string

	problems []string
	fatal    bool // the rest of the script makes no sense

	res  *http.Response
	body []byte
	// What the answer's lines become under -update.
	newHeaders []string
	newBody    []string
}

func (p *player) errorf(line int, format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf("%s:%d: ", p.file, line)+fmt.Sprintf(format, args...))
}

func (p *player) fatalf(line int, format string, args ...any) {
	p.errorf(line, format, args...)
	p.fatal = true
}

// play sends the request and checks the answer.
func (p *player) play(addr string) bool {
	req, err := p.request()
	if err != nil {
		p.fatalf(p.step.line, "%v", err)
		return false
	}
	if err := p.send(addr, req); err != nil {
		p.fatalf(p.step.line, "%s %s: %v", p.step.method, p.step.target, err)
		return false
	}
	p.check()
	return len(p.problems) == 0
}

// request makes the bytes to send.
func (p *player) request() ([]byte, error) {
	target, err := expand(p.step.target, p.vars)
	if err != nil {
		return nil, err
	}
	set := map[string]string{}
	var head bytes.Buffer
	for _, h := range p.step.headers {
		v, err := expand(h.value, p.vars)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&head, "%s: %s\r\n", h.name, v)
		set[http.CanonicalHeaderKey(h.name)] = v
	}
	body, err := p.requestBody(set["Content-Type"])
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", p.step.method, target)
	if set["Host"] == "" {
		b.WriteString("Host: vitrine.test\r\n")
	}
	if p.step.body.line != 0 && set["Content-Length"] == "" && set["Transfer-Encoding"] == "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.Write(head.Bytes())
	b.WriteString("Connection: close\r\n\r\n")
	b.Write(body)
	return b.Bytes(), nil
}

func (p *player) requestBody(contentType string) ([]byte, error) {
	b := &p.step.body
	if b.file != "" {
		return p.archived(b.file)
	}
	text, err := expand(b.text(), p.vars)
	if strings.HasPrefix(contentType, "multipart/") {
		text = strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"
	}
	return []byte(text), err
}

func (p *player) archived(name string) ([]byte, error) {
	data, ok := p.files[name]
	if !ok {
		return nil, fmt.Errorf("the archive has no file %q", name)
	}
	return data, nil
}

// send speaks HTTP over a connection of its own, because http.Client would
// tidy the target up.
func (p *player) send(addr string, req []byte) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	// A server may answer and hang up before it has read everything: what
	// counts is whether there is an answer.
	_, writeErr := conn.Write(req)
	in := bufio.NewReader(conn)
	for {
		p.res, err = http.ReadResponse(in, &http.Request{Method: p.step.method})
		if err != nil || p.res.StatusCode >= 200 || p.res.StatusCode == http.StatusSwitchingProtocols {
			break // "100 Continue" and its like only announce the answer
		}
	}
	if err != nil {
		if writeErr != nil {
			return writeErr
		}
		return fmt.Errorf("no answer: %w", err)
	}
	defer p.res.Body.Close()
	p.body, err = io.ReadAll(p.res.Body)
	if err != nil {
		return fmt.Errorf("the answer was cut short after %d bytes: %w", len(p.body), err)
	}
	return nil
}

func (p *player) check() {
	st := p.step
	if p.res.StatusCode != st.status {
		p.errorf(st.answerLine, "%s %s: status %d, want %d\n%s", st.method, st.target,
			p.res.StatusCode, st.status, excerpt(p.body))
	}
	for _, h := range st.wantHeaders {
		p.checkHeader(h)
	}
	if st.wantBody.line != 0 {
		p.checkBody()
	}
}

func (p *player) checkHeader(h header) {
	got, present := p.res.Header[http.CanonicalHeaderKey(h.name)]
	switch {
	case h.absent && present:
		p.errorf(h.line, "header %s: %q, want none", h.name, got)
		return // an update drops the line
	case h.absent:
		p.newHeaders = append(p.newHeaders, "<! "+h.name)
		return
	case !present:
		p.errorf(h.line, "header %s is missing, want %q", h.name, h.value)
		return
	}
	want := h.value
	for _, v := range slices.Concat(got, []string{strings.Join(got, ", ")}) {
		ok, filled, err := matchText(h.value, v, p.vars)
		if err != nil {
			p.fatalf(h.line, "%v", err)
			return
		}
		if ok {
			p.newHeaders = append(p.newHeaders, headerText(h.name, h.value))
			return
		}
		want = filled
	}
	all := strings.Join(got, ", ")
	p.errorf(h.line, "header %s:\n got: %s\nwant: %s", h.name, all, want)
	p.newHeaders = append(p.newHeaders, headerText(h.name, strings.ReplaceAll(all, "$", "$$")))
}

func headerText(name, value string) string { return strings.TrimRight("< "+name+": "+value, " ") }

func (p *player) checkBody() {
	b := &p.step.wantBody
	if b.file != "" {
		p.checkFile(b)
		return
	}
	if want, err := parsePattern(b.text()); err == nil {
		if got, err := parseJSON(p.body); err == nil {
			p.checkJSON(want, got)
			return
		}
	}
	text := strings.TrimSuffix(string(p.body), "\n")
	ok, want, err := matchText(b.text(), text, p.vars)
	switch {
	case err != nil:
		p.fatalf(b.line, "%v", err)
	case ok:
		p.newBody = bodyLines(b.text())
	default:
		p.errorf(b.line, "body (-want +got):\n%s", lineDiff(want, text))
		p.newBody = bodyLines(freshText(p.body))
	}
}

func (p *player) checkFile(b *body) {
	p.newBody = []string{"<@file " + b.file}
	want, err := p.archived(b.file)
	if err != nil {
		p.fatalf(b.line, "%v", err)
		return
	}
	if !bytes.Equal(want, p.body) {
		p.errorf(b.line, "body is not that of the file %s (-want +got):\n%s", b.file,
			lineDiff(string(want), string(p.body)))
	}
}

func (p *player) checkJSON(want, got *node) {
	line := p.step.wantBody.line
	filled, err := want.fill(got, p.vars)
	if err != nil {
		p.fatalf(line, "%v", err)
		return
	}
	a, b := filled.render("", true), got.render("", true)
	if a == b {
		p.newBody = bodyLines(p.step.wantBody.text())
		return
	}
	p.errorf(line, "body (-want +got):\n%s", lineDiff(a, b))
	p.newBody = bodyLines(want.refresh(got, p.vars).format())
}

// freshText writes an answer into a script where nothing matched before.
func freshText(body []byte) string {
	if n, err := parseJSON(body); err == nil {
		return n.escape().format()
	}
	return strings.ReplaceAll(strings.TrimSuffix(string(body), "\n"), "$", "$$")
}

func bodyLines(text string) []string {
	if text == "" {
		return []string{"<"}
	}
	var out []string
	for i, line := range strings.Split(text, "\n") {
		if i == 0 && (headerLine.MatchString(line) || strings.TrimSpace(line) == "") {
			out = append(out, "<")
		}
		out = append(out, strings.TrimRight("< "+line, " "))
	}
	return out
}

// newAnswer gives the lines of the answer as they should be.
func (p *player) newAnswer() []string {
	lines := append([]string{"< " + strconv.Itoa(p.res.StatusCode)}, p.newHeaders...)
	if p.step.wantBody.apart && len(p.newBody) > 0 && p.newBody[0] != "<" {
		lines = append(lines, "<")
	}
	return append(lines, p.newBody...)
}

func excerpt(b []byte) string {
	const most = 2000
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}
