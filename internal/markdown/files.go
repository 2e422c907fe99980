package markdown

import (
	"net/url"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// Place is where a file that a text names can be seen.
type Place struct {
	Page    string // its address; empty: nowhere
	Picture string // address of the file itself, if a page may show it as a picture
}

// Files finds the files that a text lies beside, by the relative addresses that
// it has for them, unescaped: "img/plot.png", "../LICENSE".
type Files func(name string) Place

// resolve lets relative addresses lead to files. Those that lead nowhere become
// text, and what is no picture becomes a link.
func resolve(doc ast.Node, at Files) error {
	var links []*ast.Link
	var images []*ast.Image
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Link:
			if entering {
				links = append(links, n)
			}
		case *ast.Image:
			if entering {
				images = append(images, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, n := range images {
		resolveImage(n, at)
	}
	for _, n := range links {
		if name, rest, ok := relative(n.Destination); ok {
			lead(n, n, at(name).Page, rest)
		}
	}
	return err
}

func resolveImage(n *ast.Image, at Files) {
	name, rest, ok := relative(n.Destination)
	if !ok {
		return
	}
	p := at(name)
	if p.Picture != "" {
		n.Destination = []byte(p.Picture)
		return
	}
	link := ast.NewLink()
	link.Title = n.Title
	lead(n, link, p.Page, rest)
}

// lead puts a link with a node's content in its place, or only the content, when
// there is no page or the node is in a link already.
func lead(n ast.Node, link *ast.Link, page, rest string) {
	if page != "" && !linked(n) {
		link.Destination = []byte(page + rest)
		if ast.Node(link) != n {
			move(n, link)
			n.Parent().ReplaceChild(n.Parent(), n, link)
		}
		return
	}
	for c := n.FirstChild(); c != nil; c = n.FirstChild() {
		n.Parent().InsertBefore(n.Parent(), n, c)
	}
	n.Parent().RemoveChild(n.Parent(), n)
}

func move(from, to ast.Node) {
	for c := from.FirstChild(); c != nil; c = from.FirstChild() {
		to.AppendChild(to, c)
	}
}

// linked reports whether a node is in a link.
func linked(n ast.Node) bool {
	for p := n.Parent(); p != nil; p = p.Parent() {
		if p.Kind() == ast.KindLink {
			return true
		}
	}
	return false
}

// relative splits the address of a file beside a text into its name and the part
// of it, "#usage". ok is false for every other address.
func relative(dest []byte) (name, part string, ok bool) {
	u, err := url.Parse(string(dest))
	if err != nil || u.Scheme != "" || u.Opaque != "" || u.Host != "" || u.User != nil || u.Path == "" || strings.HasPrefix(u.Path, "/") {
		return "", "", false
	}
	if u.Fragment != "" {
		part = "#" + u.EscapedFragment()
	}
	return u.Path, part, true
}
