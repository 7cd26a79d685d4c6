package azuresim

import (
	"strings"
	"time"
)

// The categories of exemptions.
const (
	exemptWaiver    = "Waiver"
	exemptMitigated = "Mitigated"
)

func (e *estate) exemption(scope, display, category string, of *policyAssignment, refs ...string) *policyExemption {
	key := mix(e.seed, label("exemption"), label(scope), label(of.id), label(display))
	x := &policyExemption{name: guid(key), display: display, scope: scope, of: of, refs: refs, category: category}
	x.id = scope + authorization + "policyExemptions/" + x.name
	x.created = e.first.start().Add(time.Duration(below(mix(key, 1), 20*24*3600)) * time.Second)
	return x
}

// groupExemptions are those at management groups above a subscription: what is tried out in a sandbox
// need not be tagged.
func (e *estate) groupExemptions(sub *subscription) []*policyExemption {
	t := sub.tenant
	if sub.groupOf() != t.slug+"-sandbox" {
		return nil
	}
	tags := e.groupAssignments(t)[0]
	return []*policyExemption{e.exemption(groupPath(t.slug+"-sandbox"), "Sandboxes are not tagged", exemptWaiver, tags)}
}

// ownExemptions are those within a subscription: without an end, with one that is near, far or over, of
// whole assignments and of single definitions, of a subscription, a group or one resource.
func (w *world) ownExemptions(in []*policyAssignment) []*policyExemption {
	e, sub := w.e, w.sub
	scope := "/subscriptions/" + sub.id
	of := map[string]*policyAssignment{}
	for _, a := range in {
		of[a.name] = a
	}
	var out []*policyExemption
	add := func(x *policyExemption, expires time.Time) *policyExemption {
		x.expires = expires
		out = append(out, x)
		return x
	}
	key := mix(sub.key, label("exemptions"))
	day := 24 * time.Hour
	if sub.index%4 == 0 {
		add(e.exemption(scope, "Environment is in the subscription's name", exemptWaiver, of["tagging-baseline"], "require-environment", "inherit-owner"), time.Time{})
	}
	if cis := of["cis-azure-200"]; cis != nil && sub.index%3 == 0 {
		soon := e.start.Add(time.Duration(2+below(mix(key, 1), 4)) * day).Add(time.Duration(below(mix(key, 2), 86400)) * time.Second).Truncate(time.Second)
		add(e.exemption(w.groups[len(w.groups)/2].id, "Waits for the migration", exemptMitigated, cis), soon)
	}
	asc := of["SecurityCenterBuiltIn"]
	if it := w.steady(typeVM, key); it != nil {
		add(e.exemption(it.id, "Appliance of a vendor", exemptMitigated, asc), e.start.Add(-20*day).Truncate(time.Hour))
		add(e.exemption(it.id, "Runs where its licence allows", exemptWaiver, of["allowed-locations"]), e.start.Add(40*day).Truncate(time.Hour))
	}
	if it := w.steady(typeStorage, key); it != nil {
		add(e.exemption(it.id, "Serves the public website", exemptMitigated, asc, "disallowPublicBlobAccess", "storageRestrictNetworkAccess"), time.Time{})
		late := add(e.exemption(it.id, "Old clients speak HTTP only", exemptWaiver, of["storage-https"]), e.start.Add(30*day).Truncate(time.Hour))
		late.created = e.start.Add(28 * time.Hour).Truncate(time.Second)
	}
	if sub.markup {
		for i, x := range out {
			x.display = hostileNames[len(hostileNames)-1-i]
		}
	}
	return out
}

// steady is a resource of a type that was there before all and stays, unless a test takes it away: what
// is exempt does not change with that.
func (w *world) steady(kind string, key uint64) *item {
	var found *item
	for _, it := range w.items {
		if it.kind == kind && (it.dead.IsZero() || it.cut) && it.born.Before(w.e.first.start()) && (found == nil || mix(key, it.key) < mix(key, found.key)) {
			found = it
		}
	}
	return found
}

// covers says whether a target is within an exemption's scope.
func (x *policyExemption) covers(t *policyTarget) bool {
	return strings.HasPrefix(x.scope, "/providers/") || within(t.id, x.scope)
}

// seen is the range in which states show an exemption: evaluations begin to use it within half an hour,
// and its end shows with the next scan.
func (x *policyExemption) seen(sub *subscription) (from, to time.Time) {
	from = x.created.Add(delay(mix(sub.key, label(x.id)), assignmentDelay))
	if !x.expires.IsZero() {
		to = sub.nextScan(x.expires)
	}
	return from, to
}

// properties are an exemption's, as Azure gives them.
func (x *policyExemption) properties() map[string]any {
	out := map[string]any{
		"policyAssignmentId": x.of.id, "policyDefinitionReferenceIds": textList(x.refs), "exemptionCategory": x.category,
		"displayName": x.display, "description": x.display + ".", "assignmentScopeValidation": "Default",
		"metadata": map[string]any{"reference": "CHG" + kqlText(int64(1000+mix(label(x.id))%9000))},
	}
	if !x.expires.IsZero() {
		out["expiresOn"] = x.expires.UTC().Format(time.RFC3339)
	}
	return out
}
