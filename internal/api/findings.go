package api

import (
	"context"
	"strconv"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/findings"
)

// Finding is what a rule of any domain found.
type Finding struct {
	ID         int64      `json:"id"`
	Domain     string     `json:"domain" enum:"costs,resources,identity"`
	Rule       string     `json:"rule"`
	Title      string     `json:"title"`
	TenantID   string     `json:"tenant_id"`
	Object     string     `json:"object" doc:"ARM id in lower case, or what the rule is about in its own words"`
	State      string     `json:"state" enum:"open,acknowledged,expected,resolved"`
	Since      string     `json:"since" format:"date"`
	USD        Money      `json:"usd" doc:"What it is worth, as far as is known (CostUSD): of waste in a month, of an anomaly on its day"`
	FirstSeen  time.Time  `json:"first_seen"`
	LastSeen   time.Time  `json:"last_seen" doc:"When it was last found to have changed"`
	ResolvedAt *time.Time `json:"resolved_at,omitempty"`
	Verdict    *Said      `json:"verdict,omitempty"`
}

type findingsInput struct {
	Tenant []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
	Rule   []string `query:"rule,explode" maxItems:"100" doc:"Rule id; repeatable"`
	Domain string   `query:"domain" enum:"costs,resources,identity"`
	Object string   `query:"object" maxLength:"2000" doc:"What it is about, in any case"`
	State  string   `query:"state" enum:"open,acknowledged,expected,resolved,all" default:"open"`
	ListInput
}

// CursorMeta leads through a list that is not counted.
type CursorMeta struct {
	NextCursor string `json:"next_cursor,omitempty"`
}

type findingsOutput struct {
	Body struct {
		Data []Finding  `json:"data" doc:"Those that are worth most first"`
		Meta CursorMeta `json:"meta"`
	}
}

func (h handlers) findingQuery(ctx context.Context, in *findingsInput) (fresnel.Scope, findings.Query, error) {
	s, _, err := h.ask(ctx, CostInput{Tenant: in.Tenant})
	q := findings.Query{Rules: in.Rule, Domain: in.Domain, Object: in.Object, State: fresnel.State(in.State), Limit: in.Limit}
	if in.State == "all" {
		q.State = ""
	}
	if err == nil && in.Cursor != "" {
		q.After = &findings.Place{}
		err = uncursor(in.Cursor, q.After)
	}
	return s, q, err
}

func (h handlers) findings(ctx context.Context, in *findingsInput) (*findingsOutput, error) {
	s, q, err := h.findingQuery(ctx, in)
	if err != nil {
		return nil, err
	}
	rows, next, err := h.Findings.List(ctx, s, q)
	if err != nil {
		return nil, err
	}
	out := &findingsOutput{}
	out.Body.Data = make([]Finding, len(rows))
	for i, r := range rows {
		out.Body.Data[i] = finding(r)
	}
	if next != nil {
		out.Body.Meta.NextCursor = cursorOf(next)
	}
	return out, nil
}

func finding(r findings.Row) Finding {
	o := Finding{
		ID: r.ID, Domain: r.Rule.Domain, Rule: r.Rule.ID, Title: r.Rule.Title, TenantID: string(r.Tenant), Object: r.Object, State: string(r.State),
		Since: r.Since.String(), USD: money(r.USD, cost.USD), FirstSeen: r.First, LastSeen: r.Last,
	}
	if !r.Resolved.IsZero() {
		o.ResolvedAt = &r.Resolved
	}
	if r.Exception != nil {
		o.Verdict = said(*r.Exception)
	}
	return o
}

func said(e fresnel.Exception) *Said {
	o := &Said{Verdict: string(e.Verdict), Note: e.Note, Author: e.Author, At: e.Created}
	if !e.Expires.IsZero() {
		o.Expires = &e.Expires
	}
	return o
}

// findingsCSV reads page by page.
func (h handlers) findingsCSV(ctx context.Context, in *findingsInput) (table, error) {
	s, q, err := h.findingQuery(ctx, in)
	q.Limit = 1000
	head := []string{"id", "domain", "rule", "title", "tenant_id", "object", "state", "since", "usd", "first_seen", "resolved_at", "note", "author"}
	return table{head, func(yield func([]string, error) bool) {
		for {
			rows, next, err := h.Findings.List(ctx, s, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range rows {
				o := finding(r)
				resolved, note, by := "", "", ""
				if o.ResolvedAt != nil {
					resolved = o.ResolvedAt.Format(time.RFC3339)
				}
				if o.Verdict != nil {
					note, by = o.Verdict.Note, o.Verdict.Author
				}
				if !yield([]string{strconv.FormatInt(o.ID, 10), o.Domain, o.Rule, text(o.Title), o.TenantID, text(o.Object), o.State, o.Since, o.USD.Amount, o.FirstSeen.Format(time.RFC3339), resolved, text(note), text(by)}, nil) {
					return
				}
			}
			if q.After = next; next == nil {
				return
			}
		}
	}}, err
}

// Exception is what somebody said of findings.
type Exception struct {
	ID       int64      `json:"id"`
	TenantID string     `json:"tenant_id"`
	Rule     string     `json:"rule"`
	Title    string     `json:"title"`
	Object   string     `json:"object" doc:"Of the findings, or the ARM id of what holds theirs: a subscription, a resource group, a resource"`
	Since    string     `json:"since,omitempty" format:"date" doc:"Of the one finding that began on this day; absent = of any"`
	Standing string     `json:"standing" enum:"active,expired,ended"`
	EndedAt  *time.Time `json:"ended_at,omitempty"`
	Said
}

type exceptionsInput struct {
	Tenant   []string `query:"tenant,explode" maxItems:"500" doc:"Tenant id (GUID) or slug; repeatable; none = all that you may see"`
	Rule     []string `query:"rule,explode" maxItems:"100"`
	Domain   string   `query:"domain" enum:"costs,resources,identity"`
	Object   string   `query:"object" maxLength:"2000"`
	Standing string   `query:"standing" enum:"active,all" default:"all" doc:"all is the history: with those that expired or were taken back"`
	ListInput
}

type exceptionsOutput struct {
	Body struct {
		Data []Exception `json:"data" doc:"The newest first"`
		Meta CursorMeta  `json:"meta"`
	}
}

func (h handlers) exceptions(ctx context.Context, in *exceptionsInput) (*exceptionsOutput, error) {
	s, _, err := h.ask(ctx, CostInput{Tenant: in.Tenant})
	if err != nil {
		return nil, err
	}
	var below int64
	if err := uncursor(in.Cursor, &below); err != nil {
		return nil, err
	}
	out := &exceptionsOutput{}
	out.Body.Data = []Exception{}
	for len(out.Body.Data) < in.Limit {
		list, err := h.Findings.Exceptions(ctx, s, findings.Query{Rules: in.Rule, Domain: in.Domain, Object: in.Object, Limit: in.Limit}, below)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			if below = e.ID; in.Standing == "all" || e.Standing == fresnel.StandingActive {
				out.Body.Data = append(out.Body.Data, exception(e))
			}
			if len(out.Body.Data) == in.Limit {
				break
			}
		}
		if len(list) < in.Limit {
			return out, nil
		}
	}
	out.Body.Meta.NextCursor = cursorOf(below)
	return out, nil
}

// exceptionsCSV reads page by page.
func (h handlers) exceptionsCSV(ctx context.Context, in *exceptionsInput) (table, error) {
	head := []string{"id", "tenant_id", "rule", "title", "object", "since", "standing", "verdict", "note", "author", "at", "expires", "ended_at"}
	if _, err := h.exceptions(ctx, in); err != nil { // before the first byte
		return table{}, err
	}
	return table{head, func(yield func([]string, error) bool) {
		ask := *in
		for {
			page, err := h.exceptions(ctx, &ask)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range page.Body.Data {
				if !yield([]string{
					strconv.FormatInt(e.ID, 10), e.TenantID, e.Rule, text(e.Title), text(e.Object), e.Since, e.Standing, e.Verdict, text(e.Note), text(e.Author),
					e.At.Format(time.RFC3339), instantText(e.Expires), instantText(e.EndedAt),
				}, nil) {
					return
				}
			}
			if ask.Cursor = page.Body.Meta.NextCursor; ask.Cursor == "" {
				return
			}
		}
	}}, nil
}

// instantText is an instant, "" = none.
func instantText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

func exception(e findings.Said) Exception {
	o := Exception{
		ID: e.ID, TenantID: string(e.Tenant), Rule: e.Exception.Rule, Title: e.Rule.Title, Object: e.Object, Standing: string(e.Standing), Said: *said(e.Exception),
	}
	if e.Since != 0 {
		o.Since = e.Since.String()
	}
	if !e.Ended.IsZero() {
		o.EndedAt = &e.Ended
	}
	return o
}

type exceptInput struct {
	Body struct {
		Rule    string `json:"rule" maxLength:"100" doc:"Rule of waste, which docs/waste-rules.md lists, or of identity"`
		Tenant  string `json:"tenant_id,omitempty" maxLength:"100" doc:"Tenant id (GUID) or slug; needed where object is no ARM id in a subscription"`
		Object  string `json:"object" maxLength:"2000" doc:"ARM id of a subscription, a resource group or a resource: all that the rule finds in it. Of a rule of identity also tenant, account/ID, app/ID, group/ID, credential/APP/KEY, role/ID (GUIDs), or any ARM id"`
		Verdict string `json:"verdict" enum:"acknowledged,expected"`
		Note    string `json:"note,omitempty" maxLength:"2000" doc:"Why; needed for expected"`
		Expires string `json:"expires,omitempty" maxLength:"10" doc:"The last day on which it holds, yyyy-mm-dd, within a year; needed for expected"`
	}
}

type exceptOutput struct {
	Body struct {
		Data Exception `json:"data"`
	}
}

func (h handlers) except(ctx context.Context, in *exceptInput) (*exceptOutput, error) {
	expires, err := endOf(in.Body.Expires)
	if err != nil {
		return nil, err
	}
	e := fresnel.Exception{Rule: in.Body.Rule, Object: in.Body.Object, Verdict: fresnel.Verdict(in.Body.Verdict), Note: in.Body.Note, Author: author(ctx), Expires: expires}
	s := fresnel.ScopeFrom(ctx)
	if in.Body.Tenant != "" {
		visible, err := h.Tenants.List(ctx, s)
		if err != nil {
			return nil, err
		}
		ids, err := fresnel.FindTenants(visible, []string{in.Body.Tenant})
		if err != nil {
			return nil, err
		}
		e.Tenant, s = ids[0], s.Narrow(ids...)
	}
	out := &exceptOutput{}
	stored, err := h.Findings.Except(ctx, s, e)
	if err != nil {
		return nil, err
	}
	out.Body.Data = exception(stored)
	return out, nil
}

type endInput struct {
	ID int64 `path:"id" minimum:"1"`
}

func (h handlers) endException(ctx context.Context, in *endInput) (*struct{}, error) {
	return nil, h.Findings.End(ctx, fresnel.ScopeFrom(ctx), in.ID)
}
