package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/compliance"
	"fresnel/internal/cost"
	"fresnel/internal/inventory"
)

const (
	contoso  fresnel.TenantID = "11111111-0000-4000-8000-000000000001"
	fabrikam fresnel.TenantID = "22222222-0000-4000-8000-000000000002"
	subA                      = "aaaaaaaa-0000-4000-8000-00000000000a" // of contoso, read
	subB                      = "bbbbbbbb-0000-4000-8000-00000000000b" // of contoso, not registered
	subC                      = "cccccccc-0000-4000-8000-00000000000c" // of fabrikam, never read
	stranger                  = "99999999-0000-4000-8000-000000000009"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// held is what a fake store holds of compliance. Methods that no test needs are
// those of a nil Reader.
type held struct {
	compliance.Reader
	reads     []compliance.TenantRead
	subs      []compliance.SubscriptionHeld
	sums      []compliance.Sum
	items     []compliance.Item
	failing   []compliance.Failing // in the order of every list
	failed    []compliance.Failed
	days      []compliance.DayCount
	at        []compliance.SubscriptionAt
	moved     []compliance.Moved
	baselines []compliance.Baseline
	first     fresnel.Day

	asked   []compliance.FailingQuery
	compare [2]fresnel.Day
	breakAt int // the Failing that fails; 0 = none
}

func scoped[T any](s fresnel.Scope, list []T, tenant func(T) fresnel.TenantID, and func(T) bool) []T {
	var out []T
	for _, x := range list {
		if s.Sees(tenant(x)) && (and == nil || and(x)) {
			out = append(out, x)
		}
	}
	return out
}

func (f *held) Coverage(_ context.Context, s fresnel.Scope) ([]compliance.TenantRead, error) {
	return scoped(s, f.reads, func(r compliance.TenantRead) fresnel.TenantID { return r.Tenant }, nil), nil
}

func (f *held) Subscriptions(_ context.Context, s fresnel.Scope, only []string) ([]compliance.SubscriptionHeld, error) {
	return scoped(s, f.subs, func(x compliance.SubscriptionHeld) fresnel.TenantID { return x.Tenant }, func(x compliance.SubscriptionHeld) bool {
		return len(only) == 0 || slices.Contains(only, x.Subscription)
	}), nil
}

func (f *held) Sums(_ context.Context, s fresnel.Scope, ask compliance.SumAsk) ([]compliance.Sum, error) {
	return scoped(s, f.sums, func(x compliance.Sum) fresnel.TenantID { return x.Tenant }, func(x compliance.Sum) bool {
		is := slices.ContainsFunc(f.items, func(i compliance.Item) bool {
			return i.Num == x.Item && i.Tenant == x.Tenant && i.Kind == ask.Kind
		})
		return is && (len(ask.Items) == 0 || slices.Contains(ask.Items, x.Item)) && (len(ask.Subscriptions) == 0 || slices.Contains(ask.Subscriptions, x.Subscription))
	}), nil
}

func (f *held) Items(_ context.Context, s fresnel.Scope, nums []int64) ([]compliance.Item, error) {
	return scoped(s, f.items, func(i compliance.Item) fresnel.TenantID { return i.Tenant }, func(i compliance.Item) bool { return slices.Contains(nums, i.Num) }), nil
}

func (f *held) Told(_ context.Context, s fresnel.Scope, kinds []compliance.Kind, _ bool) ([]compliance.Item, error) {
	return scoped(s, f.items, func(i compliance.Item) fresnel.TenantID { return i.Tenant }, func(i compliance.Item) bool { return slices.Contains(kinds, i.Kind) }), nil
}

func (f *held) Checks(_ context.Context, s fresnel.Scope, policy int64) ([]compliance.Item, error) {
	return scoped(s, f.items, func(i compliance.Item) fresnel.TenantID { return i.Tenant }, func(i compliance.Item) bool {
		return i.Kind == compliance.KindCheck && i.Policy == policy
	}), nil
}

// Failing numbers the rows that fit, and goes on after the number of the place.
func (f *held) Failing(_ context.Context, s fresnel.Scope, q compliance.FailingQuery) (compliance.FailingList, error) {
	if f.asked = append(f.asked, q); len(f.asked) == f.breakAt {
		return compliance.FailingList{}, errors.New("the database is gone")
	}
	rows := scoped(s, f.failing, func(x compliance.Failing) fresnel.TenantID { return x.Tenant }, func(x compliance.Failing) bool {
		return strings.Contains(x.Name, q.Text) && (len(q.Types) == 0 || slices.Contains(q.Types, x.Type)) && (len(q.Subscriptions) == 0 || slices.Contains(q.Subscriptions, x.Subscription)) &&
			(q.Policy == 0 || slices.ContainsFunc(f.failed, func(y compliance.Failed) bool { return y.Resource == x.Resource && y.Policy == q.Policy }))
	})
	from := min(int(q.After.Arm), len(rows))
	to := min(from+q.Limit, len(rows))
	list := compliance.FailingList{Rows: rows[from:to], Total: min(len(rows), compliance.CountLimit), More: len(rows) > compliance.CountLimit}
	if to < len(rows) {
		list.Next = compliance.FailingPlace{Key: 7, Name: rows[to-1].Name, Arm: int64(to)}
	}
	return list, nil
}

func (f *held) FailuresOf(_ context.Context, s fresnel.Scope, resources []string) ([]compliance.Failed, error) {
	in := map[string]bool{}
	for _, r := range resources {
		in[r] = true
	}
	return scoped(s, f.failed, func(x compliance.Failed) fresnel.TenantID { return x.Tenant }, func(x compliance.Failed) bool { return in[x.Resource] }), nil
}

func (f *held) Days(_ context.Context, s fresnel.Scope, p fresnel.Period) ([]compliance.DayCount, error) {
	return scoped(s, f.days, func(d compliance.DayCount) fresnel.TenantID { return d.Tenant }, func(d compliance.DayCount) bool { return p.Contains(d.Day) }), nil
}

func (f *held) At(_ context.Context, s fresnel.Scope, only []string, d fresnel.Day) ([]compliance.SubscriptionAt, error) {
	f.compare = [2]fresnel.Day{f.compare[1], d}
	list := scoped(s, f.at, func(x compliance.SubscriptionAt) fresnel.TenantID { return x.Tenant }, func(x compliance.SubscriptionAt) bool {
		return x.Day <= d && (len(only) == 0 || slices.Contains(only, x.Subscription))
	})
	for i := range list {
		list[i].Day, list[i].Read = d, d.Time().Add(18*time.Hour) // as if it had been read on that day, too
	}
	return list, nil
}

func (f *held) CountsAt(context.Context, fresnel.Scope, compliance.Kind, fresnel.Day) ([]compliance.CountAt, error) {
	return nil, nil
}

func (f *held) FirstDay(context.Context, fresnel.Scope) (fresnel.Day, bool, error) {
	return f.first, f.first != 0, nil
}

func (f *held) MovedCounts(context.Context, fresnel.Scope, []string, fresnel.Day, fresnel.Day) ([]compliance.MovedCount, error) {
	return nil, nil
}

func (f *held) Moved(_ context.Context, s fresnel.Scope, _ compliance.MovedAsk, each func(compliance.Moved) bool) error {
	for _, m := range scoped(s, f.moved, func(m compliance.Moved) fresnel.TenantID { return m.Tenant }, nil) {
		if !each(m) {
			return nil
		}
	}
	return nil
}

func (f *held) Baselines(_ context.Context, s fresnel.Scope) ([]compliance.Baseline, error) {
	var out []compliance.Baseline
	for _, b := range f.baselines {
		if b.Tenants = slices.DeleteFunc(slices.Clone(b.Tenants), func(t fresnel.TenantID) bool { return !s.Sees(t) }); len(b.Tenants) > 0 {
			out = append(out, b)
		}
	}
	return out, nil
}

func (f *held) SetBaseline(_ context.Context, tenants []fresnel.TenantID, b compliance.Baseline, now time.Time) error {
	b.Tenants, b.Created = tenants, now
	f.baselines = append(f.baselines, b)
	return nil
}

func (f *held) DropBaseline(ctx context.Context, s fresnel.Scope, name string) error {
	list, _ := f.Baselines(ctx, s)
	if !slices.ContainsFunc(list, func(b compliance.Baseline) bool { return b.Name == name }) {
		return fresnel.Errorf(fresnel.NotFound, "there is no baseline %q", name)
	}
	f.baselines = slices.DeleteFunc(f.baselines, func(b compliance.Baseline) bool { return b.Name == name })
	return nil
}

// registry has the tenants and their subscriptions.
type registry struct{ Tenants }

func (registry) List(_ context.Context, s fresnel.Scope) ([]fresnel.Tenant, error) {
	list := []fresnel.Tenant{{ID: contoso, Name: "Contoso", Active: true}, {ID: fabrikam, Name: "=Fabrikam", Active: true}}
	return scoped(s, list, func(t fresnel.Tenant) fresnel.TenantID { return t.ID }, nil), nil
}

func (registry) SubscriptionsByID(_ context.Context, s fresnel.Scope, ids []string) (map[string]fresnel.Subscription, error) {
	out := map[string]fresnel.Subscription{}
	for id, t := range map[string]fresnel.TenantID{subA: contoso, subB: contoso, subC: fabrikam} {
		if s.Sees(t) && slices.Contains(ids, id) {
			out[id] = fresnel.Subscription{ID: id, Tenant: t}
		}
	}
	return out, nil
}

// groups has one management group, above subA.
type groups struct{ inventory.Reader }

func (groups) Subscriptions(_ context.Context, s fresnel.Scope) ([]inventory.SubscriptionHeld, error) {
	if !s.Sees(contoso) {
		return nil, nil
	}
	sub := inventory.SubscriptionHeld{}
	sub.Tenant, sub.Subscription = contoso, subA
	err := sub.Properties.UnmarshalJSON([]byte(`{"managementGroupAncestorsChain":[{"name":"corp","displayName":"Corp"}]}`))
	return []inventory.SubscriptionHeld{sub}, err
}

// estate is held by two tenants: contoso with a subscription that is read and
// one that Azure does not judge, fabrikam never read. Everything is named like
// a formula.
func estate() *held {
	counts := compliance.Counts{Compliant: 5, NonCompliant: 2, Conflict: 1, Exempt: 2, Unknown: 7}
	day := fresnel.DayOf(noon)
	f := &held{
		reads: []compliance.TenantRead{
			{Tenant: contoso, Name: "Contoso", Subscriptions: 2, Read: 1, Unregistered: 1, Oldest: noon.Add(-time.Hour)},
			{Tenant: fabrikam, Name: "=Fabrikam", Subscriptions: 1, LastReason: "=refused", LastDo: "grant Reader"},
		},
		subs: []compliance.SubscriptionHeld{
			{
				Tenant: contoso, TenantName: "Contoso", Subscription: subA, Name: "@prod", Counts: counts, PolicyAt: noon.Add(-time.Hour), Policy: compliance.SubjectRead,
				Score: &compliance.SecureScore{Tenant: contoso, Subscription: subA, Current: 10, Max: 40, Weight: 3}, ScoreAt: noon.Add(-2 * time.Hour), Security: compliance.SubjectRead,
			},
			{
				Tenant: contoso, TenantName: "Contoso", Subscription: subB, Name: "-old", Counts: compliance.Counts{Compliant: 99}, PolicyAt: noon.Add(-1000 * time.Hour),
				Policy: compliance.SubjectUnregistered, Security: compliance.SubjectUnregistered, Reason: "not registered",
			},
			{Tenant: fabrikam, TenantName: "=Fabrikam", Subscription: subC, Name: "+dev", Policy: compliance.SubjectFailed, Security: compliance.SubjectFailed, Reason: "=refused"},
		},
		at: []compliance.SubscriptionAt{{Tenant: contoso, Subscription: subA, Day: day - 30, Counts: compliance.Counts{Compliant: 1, NonCompliant: 1}}},
		days: []compliance.DayCount{
			{Tenant: contoso, Day: day - 29, Counts: compliance.Counts{Compliant: 1, NonCompliant: 1}, Expected: 2, Read: 1, Fresh: 1, Score: 75, Weight: 3},
			{Tenant: contoso, Day: day, Counts: compliance.Counts{Unknown: 4}, Expected: 2, Read: 1, Fresh: 1},
		},
		first: day - 30,
	}
	add := func(i compliance.Item, kind compliance.Kind, name string) {
		i.Kind, i.Name = kind, name
		f.items = append(f.items, i)
	}
	sum := func(t fresnel.TenantID, num int64, c compliance.Counts) {
		f.sums = append(f.sums, compliance.Sum{Tenant: t, Subscription: subA, Item: num, Counts: c, Points: 2_500_000, Most: 10_000_000, Subs: 1})
	}
	for n := int64(1); n <= 7; n++ {
		add(compliance.Item{Num: n, Tenant: contoso, Told: compliance.Told{ID: "=/definitions/" + strconv.Itoa(int(n)), Category: "+Storage", Effect: "audit,modify"}}, compliance.KindPolicy, "=policy "+strconv.Itoa(int(n)))
		sum(contoso, n, compliance.Counts{Compliant: 10, NonCompliant: int(n % 3)})
		add(compliance.Item{Num: 100 + n, Tenant: contoso, Told: compliance.Told{Scope: "/subscriptions/" + subA, About: "=/assignment", Category: "-Waiver", Expires: noon.Add(time.Duration(n-4) * 24 * time.Hour)}}, compliance.KindExemption, "@exemption")
	}
	add(compliance.Item{Num: 108, Tenant: contoso, Told: compliance.Told{Scope: "/subscriptions/" + subB}}, compliance.KindExemption, "\tnever")
	add(compliance.Item{Num: 109, Tenant: contoso, Told: compliance.Told{Scope: "/providers/microsoft.management/managementgroups/corp"}}, compliance.KindExemption, "above")
	add(compliance.Item{Num: 20, Tenant: fabrikam, Told: compliance.Told{ID: "theirs"}}, compliance.KindPolicy, "theirs")
	sum(fabrikam, 20, compliance.Counts{NonCompliant: 1})
	add(compliance.Item{Num: 21, Tenant: contoso, Told: compliance.Told{ID: "unjudged"}}, compliance.KindPolicy, "unjudged")
	sum(contoso, 21, compliance.Counts{Unknown: 3})
	add(compliance.Item{Num: 30, Tenant: contoso, Told: compliance.Told{Key: compliance.Key{Definition: "=control"}}}, compliance.KindControl, "@control")
	sum(contoso, 30, compliance.Counts{Exempt: 4})
	set := compliance.Told{Key: compliance.Key{Definition: "=set"}, More: compliance.More{
		Groups:  []compliance.Group{{Name: "=1.1", Title: "+title", Category: "-section"}, {Name: "1.2"}},
		Members: []compliance.Member{{Reference: "ref", Groups: []string{"=1.1"}}},
	}}
	add(compliance.Item{Num: 40, Tenant: contoso, Told: set}, compliance.KindSet, "=CIS")
	add(compliance.Item{Num: 41, Tenant: contoso, Definition: 40, Told: compliance.Told{ID: "=/assignment", More: compliance.More{Identity: true}}}, compliance.KindAssignment, "@assigned")
	add(compliance.Item{Num: 42, Tenant: contoso, Policy: 1, Assignment: 41, Told: compliance.Told{Key: compliance.Key{Reference: "ref"}, Effect: "modify"}}, compliance.KindCheck, "")
	sum(contoso, 42, compliance.Counts{Compliant: 3})
	for n := range 5 {
		id := "=/subscriptions/" + subA + "/resource" + strconv.Itoa(n)
		f.failing = append(f.failing, compliance.Failing{Resource: id, Name: "=r" + strconv.Itoa(n), Type: "@type", Group: "+group", Tenant: contoso, TenantName: "Contoso", Subscription: subA, SubscriptionName: "-sub", Since: noon, Policies: 2})
		for _, p := range []int64{1, 2} {
			f.failed = append(f.failed, compliance.Failed{Tenant: contoso, Resource: id, State: compliance.NonCompliant, Policy: p, First: noon.Add(-time.Hour), Since: noon})
		}
	}
	f.moved = []compliance.Moved{
		{Failed: f.failed[0], Kind: compliance.MovedNew, Subscription: subA, Type: "@type", Name: "=r0", Born: noon},
		{Failed: f.failed[1], Kind: compliance.MovedResolved, Subscription: subA, Type: "@type", Name: "=r0"},
	}
	return f
}

// surface serves a store to a viewer.
type surface struct {
	*testing.T
	http.Handler
}

func serve(t *testing.T, f *held, s fresnel.Scope) surface {
	t.Helper()
	now := func() time.Time { return noon }
	mux := http.NewServeMux()
	Register(mux, Service{
		Reports: cost.Reports{Now: now}, Inventory: inventory.Reports{Reader: groups{}}, Tenants: registry{}, Now: now, Log: slog.New(slog.DiscardHandler),
		Compliance: compliance.Reports{Reader: f, Writer: f, Now: now, Target: 90, Stale: 24 * time.Hour},
	})
	return surface{t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r.WithContext(fresnel.WithScope(r.Context(), s)))
	})}
}

func (s surface) do(method, path, body string) *httptest.ResponseRecorder {
	s.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(s.Context(), method, cmp.Or(path, "/"), strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	s.ServeHTTP(w, r)
	return w
}

// read gets an answer into v.
func (s surface) read(path string, v any) {
	s.Helper()
	w := s.do(http.MethodGet, path, "")
	if w.Code != 200 {
		s.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
		s.Fatalf("%s: %v", path, err)
	}
}
