package storetest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"fresnel/internal/compliance"
	"fresnel/internal/store"
)

// Judged is a seed estate of what policies say, over several days: the same
// settings give the same states. About 12 % of the states are non-compliant, and
// every day about 3 % of them are drawn anew.
type Judged struct {
	Tenants, Subscriptions int
	Resources              int // of a subscription; each has judgedAssignments states
	Days                   int // the last one is Asked's
	Asked                  time.Time
}

const (
	judgedAssignments = 10  // of a tenant, of an initiative each; the last two are of the same one
	judgedMembers     = 36  // policies of an initiative, of which some are in the next one, too
	judgedPolicies    = 300 // of all initiatives
	judgedRedrawn     = 33  // days after which a state is drawn anew
	judgedControls    = 15
	judgedStandards   = 3
	judgedOfStandard  = 40
	judgedExemptions  = 40 // of a tenant
)

// States is how many states the estate has on a day.
func (e Judged) States() int { return e.Tenants * e.Subscriptions * e.Resources * judgedAssignments }

// Fill sends every day's snapshots to the store, as syncs do.
func (e Judged) Fill(ctx context.Context, db *store.DB, log *slog.Logger) error {
	if err := Register(ctx, db, e.Tenants, e.Subscriptions, e.Asked); err != nil {
		return err
	}
	sink := db.Compliance()
	for day := range e.Days {
		at := e.Asked.AddDate(0, 0, day+1-e.Days)
		for i := range e.Tenants {
			for j := range e.Subscriptions {
				if _, err := sink.PutPolicy(ctx, TenantID(i), e.Policies(i, j, day), at); err != nil {
					return fmt.Errorf("storetest: fill policies: %w", err)
				}
				if _, err := sink.PutSecurity(ctx, TenantID(i), e.Security(i, j, day), at); err != nil {
					return fmt.Errorf("storetest: fill secure scores: %w", err)
				}
			}
			if day == 0 {
				if _, err := sink.PutTold(ctx, TenantID(i), e.told(i), nil, at); err != nil {
					return fmt.Errorf("storetest: fill names: %w", err)
				}
			}
			if err := sink.Close(ctx, TenantID(i), at); err != nil {
				return fmt.Errorf("storetest: close compliance: %w", err)
			}
		}
		log.InfoContext(ctx, "compliance filled", "day", day)
	}
	return nil
}

// Policies is a subscription's snapshot of a day.
func (e Judged) Policies(i, j, day int) compliance.PolicySnapshot {
	sub := SubscriptionID(i, j)
	out := compliance.PolicySnapshot{Subscription: sub}
	by := map[compliance.Key]*compliance.Counts{}
	add := func(k compliance.Key, s compliance.State) {
		if by[k] == nil {
			by[k] = &compliance.Counts{}
		}
		by[k].Add(s, 1)
	}
	for r := range e.Resources {
		strongest := compliance.Unknown
		of := map[compliance.Key]compliance.State{}
		for a := range judgedAssignments {
			check := judgedCheck(i, a, r%judgedMembers)
			s := judgedState(i, j, r, a, day)
			strongest = max(strongest, s)
			add(check, s)
			of[check.In()], of[check.Of()] = max(of[check.In()], s), max(of[check.Of()], s)
			if s == compliance.NonCompliant || s == compliance.Conflict {
				group := fmt.Sprintf("rg-app-%02d", r%12)
				out.Failures = append(out.Failures, compliance.Failure{
					Subscription: sub, Type: "microsoft.compute/virtualmachines", Group: group, State: s, Check: check,
					Resource: fmt.Sprintf("/subscriptions/%s/resourcegroups/%s/providers/microsoft.compute/virtualmachines/vm-%02d-%02d-%04d", sub, group, i, j, r),
				})
			}
		}
		for k, s := range of {
			add(k, s)
		}
		out.Counts.Add(strongest, 1)
	}
	for k, n := range by {
		c := compliance.Counted{Subscription: sub, Key: k, Counts: *n}
		if k.Kind == compliance.KindCheck {
			c.Effect = []string{"audit", "deny", "deployifnotexists", "auditifnotexists"}[len(k.Reference)*7%4]
		}
		out.Items = append(out.Items, c)
	}
	slices.SortFunc(out.Items, func(a, b compliance.Counted) int { return slices.Compare([]byte(a.Key.Text()), []byte(b.Key.Text())) })
	return out
}

// judgedState draws the state of a resource by a policy: the same in every
// assignment of the policy.
func judgedState(i, j, r, a, day int) compliance.State {
	pair := mixed(uint64(i)<<40 | uint64(j)<<30 | uint64(r)<<10 | uint64(judgedNumber(a, r%judgedMembers)))
	age := (uint64(day) + pair%judgedRedrawn) / judgedRedrawn
	switch n := mixed(pair+age) % 1000; {
	case n < 120:
		return compliance.NonCompliant
	case n < 150:
		return compliance.Exempt
	case n < 160:
		return compliance.Unknown
	case n < 162:
		return compliance.Conflict
	}
	return compliance.Compliant
}

// mixed is splitmix64.
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// judgedNumber is the policy of a member of an assignment's initiative.
func judgedNumber(a, member int) int { return min(a, judgedAssignments-2)*33 + member }

func judgedDefinition(policy int) string {
	return fmt.Sprintf("/providers/microsoft.authorization/policydefinitions/%08x-0000-4000-8000-%012x", uint32(mixed(uint64(policy))), policy)
}

func judgedSet(a int) string {
	return fmt.Sprintf("/providers/microsoft.authorization/policysetdefinitions/5e000000-0000-4000-8000-%012x", min(a, judgedAssignments-2))
}

func judgedAssignment(i, a int) string {
	return fmt.Sprintf("/providers/microsoft.management/managementgroups/mg-%02d-platform/providers/microsoft.authorization/policyassignments/assignment-%02d", i, a)
}

func judgedReference(policy int) string { return fmt.Sprintf("reference of policy %d", policy) }

func judgedCheck(i, a, member int) compliance.Key {
	p := judgedNumber(a, member)
	return compliance.Key{Kind: compliance.KindCheck, Assignment: judgedAssignment(i, a), Definition: judgedDefinition(p), Reference: judgedReference(p)}
}

// Security is a subscription's secure score of a day.
func (e Judged) Security(i, j, day int) compliance.SecuritySnapshot {
	sub := SubscriptionID(i, j)
	out := compliance.SecuritySnapshot{Subscription: sub, Score: &compliance.SecureScore{Tenant: TenantID(i), Subscription: sub, Max: 60, Weight: int64(e.Resources)}}
	number := func(n, k int) int { // one in fifty is drawn anew each day
		pair := mixed(uint64(i)<<40 | uint64(j)<<30 | uint64(k)<<2 | uint64(n))
		return int(mixed(pair+(uint64(day)+pair%50)/50) % 40)
	}
	for k := range judgedControls {
		c := compliance.ControlCount{
			Subscription: sub, Key: compliance.Key{Kind: compliance.KindControl, Definition: fmt.Sprintf("c0000000-0000-4000-8000-%012x", k)},
			Name: fmt.Sprintf("Control %d", k), Passed: 10 + number(0, k), Failed: number(1, k), Skipped: number(2, k), Most: 4,
		}
		c.Current, _ = compliance.ControlScore(c.Most, c.Passed, c.Failed)
		out.Score.Current += c.Current
		out.Controls = append(out.Controls, c)
	}
	for s := range judgedStandards {
		for k := range judgedOfStandard {
			n := 1000 + s*100 + k
			out.Controls = append(out.Controls, compliance.ControlCount{
				Subscription: sub, Key: compliance.Key{Kind: compliance.KindStandardControl, Definition: fmt.Sprintf("%d.%d", k/10+1, k%10+1), Reference: fmt.Sprintf("Standard-%d", s)},
				Name: fmt.Sprintf("Requirement %d", k), Category: fmt.Sprintf("Section %d", k/10), Passed: number(0, n), Failed: number(1, n) % 5, Skipped: number(2, n) % 3,
			})
		}
	}
	return out
}

// told is what items are called in a tenant.
func (e Judged) told(i int) []compliance.Told {
	var out []compliance.Told
	long := func(what string, n int) string {
		return fmt.Sprintf("%s %d is checked on every resource to which it applies, and what does not follow it is shown together with what is to be done about it.", what, n)
	}
	begin := e.Asked.AddDate(-1, 0, 0)
	for a := range judgedAssignments {
		out = append(out, compliance.Told{
			Key: compliance.Key{Kind: compliance.KindAssignment, Assignment: judgedAssignment(i, a)}, ID: judgedAssignment(i, a), Name: fmt.Sprintf("Assignment %d", a),
			Scope: fmt.Sprintf("/providers/microsoft.management/managementgroups/mg-%02d-platform", i), About: judgedSet(a), Created: begin, More: compliance.More{Enforced: true, Identity: a%2 == 0},
		})
		if a == judgedAssignments-1 {
			continue // the initiative of the one before
		}
		set := compliance.Told{Key: compliance.Key{Kind: compliance.KindSet, Definition: judgedSet(a)}, ID: judgedSet(a), Name: fmt.Sprintf("Initiative %d", a), Category: "Regulatory Compliance"}
		for g := range judgedOfStandard {
			set.More.Groups = append(set.More.Groups, compliance.Group{Name: fmt.Sprintf("group-%02d", g), Title: fmt.Sprintf("Requirement %d", g), Category: fmt.Sprintf("Section %d", g/10)})
		}
		for m := range judgedMembers {
			set.More.Members = append(set.More.Members, compliance.Member{Reference: judgedReference(judgedNumber(a, m)), Groups: []string{fmt.Sprintf("group-%02d", m), fmt.Sprintf("group-%02d", m/2)}})
		}
		out = append(out, set)
	}
	for p := range judgedPolicies {
		out = append(out, compliance.Told{
			Key: compliance.Key{Kind: compliance.KindPolicy, Definition: judgedDefinition(p)}, ID: judgedDefinition(p), Name: fmt.Sprintf("Policy %d should be followed by all resources of its kind", p),
			Category: fmt.Sprintf("Category %d", p%25), More: compliance.More{Description: long("Policy", p), Mode: "Indexed", Custom: p%10 == 0},
		})
	}
	for x := range judgedExemptions {
		scope := "/subscriptions/" + SubscriptionID(i, x%max(1, e.Subscriptions))
		id := scope + fmt.Sprintf("/providers/microsoft.authorization/policyexemptions/exemption-%02d", x)
		out = append(out, compliance.Told{
			Key: compliance.Key{Kind: compliance.KindExemption, Definition: id}, ID: id, Name: fmt.Sprintf("Exemption %d", x), Category: "Waiver", Scope: scope, About: judgedAssignment(i, x%judgedAssignments),
			Created: begin, Expires: e.Asked.AddDate(0, 0, x-20),
		})
	}
	return out
}
