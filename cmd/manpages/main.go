// Command manpages writes the manual pages of vitrine, made of the same texts
// as its help. It is a program of its own so that what formats them is not
// linked into vitrine.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/vitrine-ml/vitrine/internal/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manpages FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "manpages: "+err.Error())
		os.Exit(1)
	}
}

// write puts a page of section 1 for every command, and one of section 7 for
// every topic of the help, into a folder. The date is SOURCE_DATE_EPOCH when
// that is set, so that the same source makes the same pages.
func write(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	root := cli.Command()
	root.DisableAutoGenTag = true
	prepare(root)
	if err := doc.GenManTree(root, header("1"), folder); err != nil {
		return err
	}
	for _, c := range root.Commands() {
		if c.IsAdditionalHelpTopicCommand() {
			if err := topic(c, filepath.Join(folder, "vitrine-"+c.Name()+".7")); err != nil {
				return err
			}
		}
	}
	return nil
}

// prepare writes the texts of a command, and of those below it, as the Markdown
// that cobra takes them for.
func prepare(c *cobra.Command) {
	c.Long = markdown(c.Long)
	for _, sub := range c.Commands() {
		prepare(sub)
	}
}

// special are the characters that mean something in the middle of Markdown.
var special = strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`, "`", "\\`")

// markdown keeps indented lines as they are, which a paragraph would run
// together, and takes their meaning from the characters of all others.
func markdown(text string) string {
	var b strings.Builder
	inBlock := false
	for line := range strings.Lines(text) {
		block := strings.HasPrefix(line, "  ")
		if block != inBlock && strings.TrimSpace(line) != "" {
			b.WriteString("\n")
			inBlock = block
		}
		if block {
			b.WriteString("    " + line)
		} else {
			b.WriteString(special.Replace(line))
		}
	}
	return b.String()
}

func header(section string) *doc.GenManHeader {
	return &doc.GenManHeader{Section: section, Source: "Vitrine", Manual: "Vitrine"}
}

// topic writes a page about no command. cobra would write a synopsis and
// options for it, so these are taken out.
func topic(c *cobra.Command, path string) error {
	var b strings.Builder
	if err := doc.GenMan(c, header("7"), &b); err != nil {
		return err
	}
	page := b.String()
	page = without(page, ".SH SYNOPSIS", ".SH DESCRIPTION")
	page = without(page, ".SH OPTIONS", ".SH SEE ALSO")
	page = strings.ReplaceAll(page, `\fBvitrine(7)\fP`, `\fBvitrine(1)\fP`)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, page)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// without takes out what is from one heading to another.
func without(page, from, to string) string {
	i, j := strings.Index(page, from), strings.Index(page, to)
	if i < 0 || j < i {
		return page
	}
	return page[:i] + page[j:]
}
