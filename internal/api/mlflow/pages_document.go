package mlflow

import (
	"errors"
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	gqlparser "github.com/vektah/gqlparser/v2/parser"
)

// Limits of one document, which are those of MLflow's server
// (mlflow/server/graphql/graphql_no_batching.py) but for the first two.
const (
	maxDocument   = 50_000 // bytes
	maxWords      = 10_000 // tokens
	maxQuestions  = 10     // fields of all operations
	maxAliases    = 10     // of one level
	pagesDepth    = 10
	maxSelections = 1000
)

// checkDocument tells why a document is not run, in MLflow's words; "" if it is.
func checkDocument(text string) string {
	if len(text) > maxDocument {
		return fmt.Sprintf("The query is too long: at most %d bytes are read.", maxDocument)
	}
	doc, err := gqlparser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxWords)
	if err != nil {
		if e, ok := errors.AsType[*gqlerror.Error](err); ok {
			return "Syntax Error: " + e.Message
		}
		return "Syntax Error"
	}
	s := documentScan{fragments: doc.Fragments}
	for _, op := range doc.Operations {
		if s.level([]ast.SelectionSet{op.SelectionSet}, 1); s.refused != "" {
			return s.refused
		}
	}
	most, got, what := maxQuestions, s.questions, "root fields"
	if got <= most {
		most, got, what = maxAliases, s.aliases, "aliases"
	}
	if got <= most {
		return ""
	}
	return fmt.Sprintf("GraphQL queries should have at most %d %s, got %d %s.", most, what, got, what)
}

// documentScan counts what a document asks, with its fragments spread.
type documentScan struct {
	fragments  ast.FragmentDefinitionList
	questions  int
	aliases    int // of the level that has most
	selections int
	refused    string
}

// level counts the fields of selection sets that are one level of a document.
func (s *documentScan) level(sets []ast.SelectionSet, depth int) {
	if depth > pagesDepth {
		s.refused = fmt.Sprintf("Query exceeds maximum depth of %d", pagesDepth)
		return
	}
	fields := s.fields(sets)
	aliases := 0
	for _, f := range fields {
		if f.Alias != f.Name {
			aliases++
		}
	}
	if depth == 1 {
		s.questions += len(fields)
	}
	s.aliases = max(s.aliases, aliases)
	if s.selections += len(fields); s.selections > maxSelections {
		s.refused = fmt.Sprintf("Query exceeds maximum total selections of %d", maxSelections)
		return
	}
	for _, f := range fields {
		if len(f.SelectionSet) > 0 && s.refused == "" {
			s.level([]ast.SelectionSet{f.SelectionSet}, depth+1)
		}
	}
}

// fields gives those of one level; each fragment counts once there.
func (s *documentScan) fields(sets []ast.SelectionSet) (out []*ast.Field) {
	spread := map[string]bool{}
	for len(sets) > 0 {
		set := sets[0]
		sets = sets[1:]
		for _, selection := range set {
			switch one := selection.(type) {
			case *ast.Field:
				out = append(out, one)
			case *ast.InlineFragment:
				sets = append(sets, one.SelectionSet)
			case *ast.FragmentSpread:
				if f := s.fragments.ForName(one.Name); f != nil && !spread[one.Name] {
					spread[one.Name] = true
					sets = append(sets, f.SelectionSet)
				}
			}
		}
	}
	return out
}
