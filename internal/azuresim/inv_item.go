package azuresim

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

// inventoryTypes are the resource types of the estate: what Resource Graph shows of an ordinary one.
//
//go:embed inventory_types.json
var inventoryTypes []byte

// templates parses inventoryTypes once; nothing writes to the result.
var templates = sync.OnceValue(func() map[string]any {
	return parseJSON(string(inventoryTypes)).(map[string]any) //nolint:errcheck // our own file
})

// missing in a patch takes a key out.
const missing = "${missing}"

// body is what of a resource may change: its columns kind, sku, properties, tags and so on.
type body = map[string]any

// item is a resource of a world, alive from born until dead.
type item struct {
	w                     *world
	id, name, kind, group string // id and kind in Azure's spelling, group in lower case
	key                   uint64
	born, dead            time.Time // a zero dead: never
	shapes                []func(body, time.Time)
	deps                  []*item     // whose moments are this one's, too
	times                 []time.Time // more moments at which it changes
	still                 bool        // its sku never changes
	by                    string      // who created it; "" = drawn
	cut                   bool        // a test ended it
}

func (it *item) alive(at time.Time) bool {
	return !at.Before(it.born) && (it.dead.IsZero() || at.Before(it.dead))
}

// shape adds a change to the template.
func (it *item) shape(f func(b body, at time.Time)) *item {
	it.shapes = append(it.shapes, f)
	return it
}

// patch merges a JSON text into the template.
func (it *item) patch(text string) *item {
	if text == "" {
		return it
	}
	return it.shape(func(b body, _ time.Time) { merge(b, parseJSON(it.expand(text)).(map[string]any)) }) //nolint:errcheck // our own text
}

// set puts a value at a path.
func (it *item) set(path string, v any) *item {
	return it.shape(func(b body, _ time.Time) { put(b, path, v) })
}

// at builds the resource as it is at an instant. The caller may keep it; it shares nothing.
func (it *item) at(at time.Time) body {
	t, _ := templates()[it.kind].(map[string]any)
	b, _ := it.fill(t).(map[string]any)
	if b == nil {
		b = body{}
	}
	if b["properties"] == nil {
		b["properties"] = body{"provisioningState": "Succeeded"}
	}
	if b["location"] == nil {
		b["location"] = it.w.location
	}
	it.resize(b, at)
	if tags := it.tags(at); tags != nil {
		b["tags"] = tags
	}
	for _, f := range it.shapes {
		f(b, at)
	}
	return b
}

// fill copies a template and replaces its variables.
func (it *item) fill(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v)+2)
		for k, e := range v {
			out[k] = it.fill(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = it.fill(e)
		}
		return out
	case string:
		return it.replace(v)
	}
	return v
}

// expand replaces the variables of a JSON text: what they stand for may need escaping.
func (it *item) expand(text string) string {
	return replaceVars(text, func(name string) string {
		if name == "missing" {
			return missing
		}
		q := quote(it.variable(name))
		return string(q[1 : len(q)-1])
	})
}

func (it *item) replace(text string) string {
	if !strings.Contains(text, "${") {
		return text
	}
	return replaceVars(text, it.variable)
}

func replaceVars(text string, value func(string) string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		j := strings.IndexByte(text[i:], '}')
		b.WriteString(text[:i])
		b.WriteString(value(text[i+2 : i+j]))
		text = text[i+j+1:]
	}
}

// variable is what a template's ${name} stands for.
func (it *item) variable(name string) string {
	switch name {
	case "id":
		return it.id
	case "name":
		return it.name
	case "flat": // of names that are part of a host's
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, strings.ToLower(it.name))
	case "sub":
		return it.w.sub.id
	case "tenant":
		return it.w.sub.tenant.id
	case "slug":
		return it.w.sub.tenant.slug
	case "loc":
		return it.w.location
	case "base": // the group's resources
		return strings.TrimRight(it.w.id(it.group, "", ""), "/")
	case "born":
		return wireTime(it.born)
	case "guid":
		return guid(mix(it.key, label("guid")))
	case "guid1":
		return guid(mix(it.key, label("guid1")))
	case "n":
		return fmt.Sprint(10 + below(mix(it.key, label("n")), 200))
	case "n1":
		return fmt.Sprint(10 + below(mix(it.key, label("n1")), 200))
	}
	return ""
}

// parseJSON reads our own JSON; whole numbers become int64.
func parseJSON(text string) any {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		panic(fmt.Sprintf("azuresim: own JSON %q: %v", text, err))
	}
	return plainNumbers(v)
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = plainNumbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plainNumbers(e)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	}
	return v
}

// merge puts a patch over a body: objects are merged, null is set, missing is taken out.
func merge(b, patch map[string]any) {
	for k, v := range patch {
		switch v := v.(type) {
		case map[string]any:
			inner, ok := b[k].(map[string]any)
			if !ok {
				inner = map[string]any{}
				b[k] = inner
			}
			merge(inner, v)
		case string:
			if b[k] = v; v == missing {
				delete(b, k)
			}
		default:
			b[k] = v
		}
	}
}

// put sets a value at a path of keys.
func put(b body, path string, v any) {
	for {
		key, rest, more := strings.Cut(path, ".")
		if !more {
			b[key] = v
			return
		}
		inner, ok := b[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			b[key] = inner
		}
		b, path = inner, rest
	}
}

// refs is a list of {"id": ...}.
func refs(ids ...string) []any {
	out := []any{}
	for _, id := range ids {
		out = append(out, map[string]any{"id": id})
	}
	return out
}
