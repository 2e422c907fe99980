package graphql

import (
	"math"
	"strconv"

	"github.com/graph-gophers/graphql-go/ast"
	query_ast "github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// checkVariables refuses values that do not fit the declared types before
// anything is run: the library checks enums and the shape of objects, and meets
// a number that is none only when some of a document has been done.
func (d *dialect) checkVariables(defs query_ast.VariableDefinitionList, vars map[string]any) *gqlerror.Error {
	for _, def := range defs {
		v, given := vars[def.Variable]
		if !given || v == nil {
			continue // whether it may be missing is checked by validation
		}
		if why := d.misfit(def.Type, v); why != "" {
			return &gqlerror.Error{Message: "Variable $" + def.Variable + " of type " + def.Type.String() + " was provided invalid value: " + why}
		}
	}
	return nil
}

// misfit tells why a value does not fit a type as a document declares it.
func (d *dialect) misfit(t *query_ast.Type, v any) string {
	if t.Elem == nil {
		return d.unfit(d.schema.AST().Types[t.NamedType], v)
	}
	list, ok := v.([]any)
	if !ok {
		return d.misfit(t.Elem, v) // one stands for a list of one
	}
	for _, e := range list {
		if why := d.misfit(t.Elem, e); e != nil && why != "" {
			return why
		}
	}
	return ""
}

// unfit tells why a value does not fit a type of the schema.
func (d *dialect) unfit(t ast.Type, v any) string {
	if v == nil {
		return ""
	}
	switch t := t.(type) {
	case *ast.NonNull:
		return d.unfit(t.OfType, v)
	case *ast.InputObject:
		members, ok := v.(map[string]any)
		if !ok {
			return "it should be an object"
		}
		for _, f := range t.Values {
			if why := d.unfit(f.Type, members[f.Name.Name]); why != "" {
				return f.Name.Name + ": " + why
			}
		}
	case *ast.ScalarTypeDefinition:
		return unfitScalar(t.Name, v)
	}
	return ""
}

func unfitScalar(name string, v any) string {
	ok := false
	switch x := v.(type) {
	case string:
		ok = name != "Int" && name != "Float" && name != "Boolean"
	case bool:
		ok = name == "Boolean"
	case float64:
		switch name {
		case "Int":
			ok = x == math.Trunc(x) && x >= math.MinInt32 && x <= math.MaxInt32
		case "Float":
			ok = true
		case "ID":
			ok = x == math.Trunc(x) && math.Abs(x) < 1<<53
		}
	}
	if ok {
		return ""
	}
	return "Could not coerce a value to " + strconv.Quote(name)
}
