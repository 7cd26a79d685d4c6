package azuresim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// answerGraph runs a query and writes one page of its rows.
func (s *Server) answerGraph(c *call, p principal, q *graphRequest, subs []*subscription) {
	page := pageToken{At: c.at, For: graphPurpose(p, q), Offset: q.Options.Skip}
	if sealed := q.Options.SkipToken; sealed != "" {
		var ok bool
		if page, ok = s.open(sealed, page.For); !ok {
			c.graphError("InvalidSkipToken", "The $skipToken is invalid, has expired or belongs to another query.")
			return
		}
	}
	parsed, err := parseKQL(q.Query)
	if err != nil {
		c.graphRefusal(err)
		return
	}
	key := graphResult{purpose: page.For, at: page.At.UTC().Round(0)}
	for _, sub := range subs {
		key.scope = mix(key.scope, sub.key)
	}
	w, keep, err := s.readWindow(p, q, parsed, subs, page, key)
	if err != nil {
		c.graphRefusal(err)
		return
	}
	s.needs.note(graphOwner(p), q.Query, subs, w.total)
	if s.writeGraph(c, q, parsed, w, page) && keep {
		s.results.put(key, w.rel)
	}
}

// readWindow evaluates a query: all of its rows, which are kept for the next page, or of a large table
// those around the page.
func (s *Server) readWindow(p principal, q *graphRequest, parsed *kqlQuery, subs []*subscription, page pageToken, key graphResult) (w *graphWindow, keep bool, err error) {
	if rel := s.results.take(key); rel != nil {
		return &graphWindow{rel, 0, len(rel.rows)}, true, nil
	}
	scan := &graphScan{s: s, subs: subs, tenant: p.tenantID, at: page.At, above: q.above()}
	run := &kqlRunner{now: page.At, table: scan.table}
	stream := scan.streamOf(parsed)
	if stream != nil {
		head, err := run.through(stream, -1, parsed.ops[:parsed.prefix()])
		if err != nil {
			return nil, false, err
		}
		if parsed.pageable(head) {
			w, counts, err := run.window(stream, parsed, s.counts.get(key), max(0, page.Offset-1), page.Offset+q.top())
			if err == nil {
				s.counts.put(key, counts)
			}
			return w, false, err
		}
	}
	var rel *kqlRelation
	if stream != nil {
		rel, err = run.runStream(stream, parsed)
	} else {
		rel, err = run.run(parsed)
	}
	if err != nil {
		return nil, false, err
	}
	return &graphWindow{rel, 0, len(rel.rows)}, true, nil
}

// graphPurpose ties a token to a principal's query over its scope.
func graphPurpose(p principal, q *graphRequest) string {
	text, _ := json.Marshal([]any{q.Query, q.Subscriptions, q.ManagementGroups, q.above()}) // texts cannot fail
	return "graph " + p.tenantID + " " + bodyHash(text)
}

// paged says whether rows can be got page by page: id is among the columns and nothing limits the rows.
func paged(parsed *kqlQuery, rel *kqlRelation) bool {
	return slices.ContainsFunc(rel.columns, func(c kqlColumn) bool { return c.name == "id" }) &&
		!slices.ContainsFunc(parsed.ops, func(op kqlOp) bool { return op.name == "take" })
}

// writeGraph writes one page, and says whether there is another.
func (s *Server) writeGraph(c *call, q *graphRequest, parsed *kqlQuery, w *graphWindow, page pageToken) (more bool) {
	rel := w.rel
	fault := c.fault
	if fault == nil {
		fault = &Fault{}
	}
	from := min(page.Offset, w.total)
	to := min(from+q.top(), w.total)
	next := page
	next.Offset, next.Empty = to, false
	switch fault.Kind {
	case faultEmpty:
		to, next.Offset, next.Empty = from, from, true
	case faultTruncated:
		to = from + (to-from+1)/2
	}
	more = to < w.total || next.Empty
	truncated, token := "false", ""
	switch {
	case more && paged(parsed, rel) && fault.Kind != faultTruncated:
		token = s.seal(next)
	case more:
		truncated = "true"
	}
	rows := w.rows(from, to)
	if fault.Kind == faultDuplicates && from > 0 {
		rows = slices.Concat(w.rows(from-1, from), rows) // the last of the page before
	}
	columns := rel.columns
	if fault.Kind == faultColumns {
		at := max(0, slices.IndexFunc(columns, func(k kqlColumn) bool { return strings.EqualFold(k.name, fault.Column) }))
		keep := []int{}
		for i := range columns {
			if i != at {
				keep = append(keep, i)
			}
		}
		cut := (&kqlRelation{columns, rows}).pick(keep)
		columns, rows = cut.columns, cut.rows
	}
	data := encodeRows(columns, rows, fault, strings.EqualFold(q.Options.Format, "table"))
	head, _ := json.Marshal(map[string]any{"totalRecords": w.total, "count": len(rows), "resultTruncated": truncated, "facets": []any{}}) // plain values
	body := append(head[:len(head)-1], `,"data":`...)
	body = append(body, data...)
	if token != "" {
		body = append(append(append(body, `,"$skipToken":`...), quote(token)...), '}')
	} else {
		body = append(body, '}')
	}
	if len(body) > graphPayload {
		c.graphError("ResponsePayloadTooLarge", fmt.Sprintf("Response payload size is %d, and has exceeded the limit of %d. Please consider querying less data at a time and make paginated call if needed.", len(body), graphPayload))
		return false
	}
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(body)
	return token != ""
}

// encodeRows writes rows as objects, or as a table.
func encodeRows(columns []kqlColumn, rows []kqlRow, fault *Fault, table bool) []byte {
	names := make([][]byte, len(columns))
	for i, c := range columns {
		names[i] = append(quote(c.name), ':')
	}
	out := []byte{'['}
	open, end := byte('{'), byte('}')
	if table {
		head, _ := json.Marshal(tableColumns(columns)) // names and types
		out = append(append([]byte(`{"columns":`), head...), `,"rows":[`...)
		open, end = '[', ']'
	}
	for n, r := range rows {
		if n > 0 {
			out = append(out, ',')
		}
		out = append(out, open)
		for i := range columns {
			if i > 0 {
				out = append(out, ',')
			}
			if !table {
				out = append(out, names[i]...)
			}
			out = append(out, graphValue(columns[i].name, r[i], fault, n)...)
		}
		out = append(out, end)
	}
	if table {
		return append(out, `]}`...)
	}
	return append(out, ']')
}

func tableColumns(columns []kqlColumn) []map[string]string {
	out := []map[string]string{}
	for _, c := range columns {
		out = append(out, map[string]string{"name": c.name, "type": c.kind})
	}
	return out
}

// graphValue writes a value, as the fault says.
func graphValue(column string, v any, fault *Fault, n int) []byte {
	v = force(v)
	switch fault.Kind {
	case faultCase:
		if text, ok := v.(string); ok && slices.Contains([]string{"id", "resourceGroup", "subscriptionId", "tenantId", "type"}, column) {
			v = mixCase(text, n)
		}
	case faultNulls:
		if n%3 == 0 && column != "id" {
			v = nil
		}
	}
	switch v := v.(type) {
	case nil:
		return []byte("null")
	case string:
		return plainQuote(v)
	case map[string]any, []any, bool, int64, float64:
		return []byte(jsonText(v))
	default:
		return plainQuote(kqlText(v))
	}
}

// plainQuote leaves < and & as they are, as Azure does.
func plainQuote(text string) []byte { return []byte(jsonText(text)) }
