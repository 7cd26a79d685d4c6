package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/cost"
	"fresnel/internal/web/page"
	"fresnel/internal/web/ui"
)

// request is a request with its query understood.
type request struct {
	scope   fresnel.Scope // what the viewer may see, narrowed to the chosen tenants
	full    fresnel.Scope // what the viewer may see
	tenants []fresnel.Tenant
	chosen  []fresnel.TenantID
	subs    map[string]fresnel.Subscription // those that the query filters by
	query   page.Query
	ask     cost.Ask
	now     time.Time
	notes   []page.Notice
	theme   string
}

// keepOut says that an answer with names of people is kept by nobody.
func (q *request) keepOut(w http.ResponseWriter) {
	if q.query.Names {
		w.Header().Set("Cache-Control", "no-store")
	}
}

func (q *request) note(text string) {
	q.notes = append(q.notes, page.Notice{Kind: ui.Info, Text: text})
}

// read understands a request. Unknown words are ignored with a note; a tenant
// or subscription that the viewer does not see is NotFound.
func (h handlers) read(r *http.Request) (*request, error) {
	ctx := r.Context()
	q := &request{full: fresnel.ScopeFrom(ctx), now: h.Now()}
	if c, err := r.Cookie("theme"); err == nil {
		q.theme = c.Value
	}
	var notes []string
	q.query, notes = page.ParseQuery(r.URL.Query())
	for _, n := range notes {
		q.note(n)
	}
	// Written otherwise, as n%61mes, the cache of answers would not know it for what it is.
	q.query.Names = q.query.Names && strings.Contains(r.URL.RawQuery, "names=1")
	var err error
	if q.tenants, err = h.Tenants.List(ctx, q.full); err != nil {
		return q, err
	}
	q.scope = q.full
	if len(q.query.Tenants) > 0 {
		if q.chosen, err = fresnel.FindTenants(q.tenants, q.query.Tenants); err != nil {
			return q, err
		}
		q.scope = q.full.Narrow(q.chosen...)
	}
	if err := h.subscriptions(ctx, q); err != nil {
		return q, err
	}
	q.days(h.Reports.Today())
	q.ask.Metric, _ = cost.ParseMetric(q.query.Metric) // ParseQuery lets only known words through
	q.ask.By = q.by()
	q.ask.Subscriptions, q.ask.Services = q.query.Subs, q.query.Services
	q.ask.Groups, q.ask.Charges = q.query.RGs, q.query.Charges
	for _, n := range unknown(r) {
		q.note("Ignored " + n + ": not a known parameter.")
	}
	return q, nil
}

// days understands the period and what it is compared with.
func (q *request) days(today fresnel.Day) {
	var err error
	q.ask.Period, err = cost.ParsePeriod(q.query.Period, q.query.From, q.query.To, today)
	if err != nil {
		msg, _ := fresnel.Reason(err)
		q.note("Ignored the period: " + msg + ".")
		q.query.Period, q.query.From, q.query.To = "", "", ""
		q.ask.Period, _ = cost.Relative("", today)
	}
	q.ask.Versus, _ = cost.ParseVersus(q.query.VS) // ParseQuery lets only known words through
	if q.query.VSFrom == "" {
		return
	}
	if q.ask.Against, err = cost.ParsePeriod("", q.query.VSFrom, q.query.VSTo, today); err != nil {
		msg, _ := fresnel.Reason(err)
		q.note("Ignored what is compared with: " + msg + ".")
		q.ask.Against, q.query.VSFrom, q.query.VSTo = fresnel.Period{}, "", ""
	}
}

// subscriptions resolves those that the query names.
func (h handlers) subscriptions(ctx context.Context, q *request) error {
	var ids []string
	for _, w := range q.query.Subs {
		id := strings.ToLower(w)
		if !fresnel.IsGUID(id) {
			q.note("Ignored sub=" + clipWord(w) + ": not a subscription id.")
			continue
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	q.query.Subs = slices.Compact(ids)
	if len(q.query.Subs) == 0 {
		return nil
	}
	var err error
	if q.subs, err = h.Tenants.SubscriptionsByID(ctx, q.scope, q.query.Subs); err != nil {
		return err
	}
	for _, id := range q.query.Subs {
		if _, ok := q.subs[id]; !ok {
			return fresnel.Errorf(fresnel.NotFound, "there is no subscription %s", id)
		}
	}
	return nil
}

// by is the grouping that the query asks for.
func (q *request) by() cost.By {
	switch q.query.Group {
	case "service":
		return cost.ByService
	case "subscription":
		return cost.ByTenant | cost.BySubscription
	case "charge-type":
		return cost.ByCharge
	case "resource-group", "resource":
		if q.narrow() {
			if q.query.Group == "resource" {
				return cost.ByTenant | cost.BySubscription | cost.ByResource
			}
			return cost.ByTenant | cost.BySubscription | cost.ByGroup
		}
		q.note("Choose one tenant to group by " + strings.ReplaceAll(q.query.Group, "-", " ") + ".")
		q.query.Group = ""
	}
	return cost.ByTenant
}

// narrow tells whether the question is of so little that its resource groups and resources can be listed.
func (q *request) narrow() bool { return len(q.chosen) == 1 || len(q.query.Subs) > 0 }

// month tells whether the question is of the current month to date, the one that is foretold.
func (q *request) month() bool { return q.query.Period == "" && q.query.From == "" }

// unknown lists the parameters that no page has, at most five.
func unknown(r *http.Request) []string {
	known := map[string]bool{
		"tenant": true, "period": true, "from": true, "to": true, "vs": true, "vs_from": true, "vs_to": true, "group": true, "granularity": true,
		"metric": true, "sort": true, "cursor": true, "view": true, "state": true, "budget": true, "for": true,
		"sub": true, "service": true, "resource_group": true, "charge_type": true,
		"type": true, "location": true, "tag_key": true, "tag_value": true, "q": true, "gone": true, "wasted": true, "id": true, "rule": true, "confidence": true, "missing": true, "over": true, "kind": true, "actor": true,
		"category": true, "effect": true, "failing": true, "policy": true, "standing": true, "control": true, "source": true, "baseline": true, "list": true, "by": true, "names": true,
	}
	var out []string
	for k := range r.URL.Query() {
		if !known[k] && len(out) < 5 {
			out = append(out, clipWord(k))
		}
	}
	slices.Sort(out)
	return out
}

// clipWord bounds a word of an address that is said back.
func clipWord(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
