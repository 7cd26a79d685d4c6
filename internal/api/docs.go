package api

import (
	"cmp"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"fresnel/internal/web/page"
)

// Docs describes the API for its page, from the same description that
// /openapi.json serves.
func Docs(a huma.API) page.Docs {
	doc := a.OpenAPI()
	var out page.Docs
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post} {
			if op != nil {
				out.Operations = append(out.Operations, describeOperation(doc, method, path, op))
			}
		}
	}
	slices.SortFunc(out.Operations, func(a, b page.APIOperation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return out
}

func describeOperation(doc *huma.OpenAPI, method, path string, op *huma.Operation) page.APIOperation {
	o := page.APIOperation{Method: method, Path: path, Summary: op.Summary}
	for _, p := range op.Parameters {
		o.Params = append(o.Params, page.APIParam{Name: p.Name, In: p.In, Type: typeOf(doc, p.Schema), Doc: cmp.Or(p.Description, p.Schema.Description), Required: p.Required})
	}
	for _, code := range []string{"200", "202"} {
		if r := op.Responses[code]; r != nil && r.Content["application/json"] != nil {
			o.Fields = fields(doc, r.Content["application/json"].Schema, "", 0)
		}
	}
	return o
}

func resolve(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func typeOf(doc *huma.OpenAPI, s *huma.Schema) string {
	s = resolve(doc, s)
	switch {
	case s == nil:
		return ""
	case s.Type == "array":
		return "list of " + typeOf(doc, s.Items)
	case s.Format != "" && s.Type == "string":
		return s.Format
	case len(s.Enum) > 0:
		return "word"
	}
	return s.Type
}

// maxDepth ends the walk through an answer's schema.
const maxDepth = 6

// fields lists the fields of a schema by their paths.
func fields(doc *huma.OpenAPI, s *huma.Schema, path string, depth int) []page.APIField {
	s = resolve(doc, s)
	if s == nil || depth > maxDepth {
		return nil
	}
	if s.Type == "array" {
		return fields(doc, s.Items, path+"[]", depth)
	}
	names := make([]string, 0, len(s.Properties))
	for n := range s.Properties {
		names = append(names, n)
	}
	slices.Sort(names)
	var out []page.APIField
	for _, n := range names {
		p := s.Properties[n]
		at := n
		if path != "" {
			at = path + "." + n
		}
		out = append(out, page.APIField{Path: at, Type: typeOf(doc, p), Doc: p.Description})
		out = append(out, fields(doc, p, at, depth+1)...)
	}
	return out
}
