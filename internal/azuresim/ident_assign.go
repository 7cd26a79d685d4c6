package azuresim

import "time"

// buildAssignments gives the cast its roles.
func (w *identTenant) buildAssignments() {
	const day = 24 * time.Hour
	user := func(i int) identRef { return identRef{kind: principalUser, i: i} }
	group := func(i int) identRef { return identRef{kind: principalGroup, i: i} }
	service := func(i int) identRef { return identRef{kind: principalService, i: i} }
	guests := w.firstGuests(2)
	always, custom := w.start.Add(-400*day), w.roles[len(w.roles)-2].id
	n := uint64(0)
	add := func(to identRef, role, kind string) *identAssignment {
		n++
		a := &identAssignment{id: opaqueID(mix(w.key, label("role assignment"), n)), role: role, to: to, kind: kind, from: always}
		if kind == eligible {
			a.end = w.start.Add(300 * day)
		}
		w.assignments = append(w.assignments, a)
		return a
	}
	add(user(castGlass), roleGlobal, assigned)
	add(user(castGlassToo), roleGlobal, assigned)
	add(user(castSync), roleSyncing, assigned)
	for _, role := range []string{roleGlobal, roleSecurity, roleUsers, roleExchange, roleLicences} {
		add(user(castChief), role, assigned)
	}
	add(user(castChief), rolePrivRole, eligible).activation = 2
	add(user(castEligible), roleGlobal, eligible).activation = 1
	add(user(castRoles), rolePrivRole, assigned)
	add(user(castNoMFA), roleHelpdesk, assigned)
	add(user(castSynced), roleApps, assigned)
	add(user(castDisabled), roleSecurity, assigned)
	add(user(castReader), roleGlobalRead, assigned)
	add(user(castReports), roleReports, assigned)
	add(user(castCustom), custom, assigned)
	add(user(castScoped), roleUsers, assigned).unit = 1
	add(user(castScoped), roleAuthn, eligible).unit = 2
	add(user(castLimited), roleAuthn, assigned).end = w.start.Add(20 * day)
	add(user(castHelp), roleAuthn, assigned)
	add(user(castPlain), roleDirectory, assigned)
	add(user(castLate), roleConditional, assigned).from = w.start.Add(2 * day)
	add(user(castLeft), roleCloudApps, assigned).gone = w.start.Add(3 * day)
	add(group(groupTierZero), roleHybrid, assigned)
	add(group(groupDesk), roleHelpdesk, assigned)
	add(group(groupPIM), roleSecurity, eligible)
	add(service(serviceSecret), roleApps, assigned)
	add(service(serviceManaged), roleDirectory, assigned)
	add(service(serviceCertificate), roleUsers, assigned)
	add(service(serviceOwned), roleCloudApps, assigned)
	add(identRef{kind: principalUser, i: w.accounts + w.gone, id: guid(mix(w.key, label("purged")))}, roleSecurity, assigned)
	add(identRef{kind: principalUser, i: w.accounts}, roleUsers, assigned) // was deleted: kept, not shown
	if len(guests) > 1 {
		add(user(guests[0]), roleGlobal, assigned)
		add(user(guests[1]), roleUsers, eligible).activation = 2
	}
	// A large organization has a desk in every place.
	for i := range min(w.accounts/400, 60) {
		who := identCast + below(mix(w.key, label("desk"), uint64(i)), w.accounts-identCast)
		role := [...]string{roleHelpdesk, roleAuthn, roleReports, roleUsers, roleGlobalRead}[i%5]
		if i%3 == 0 {
			add(user(who), role, eligible).activation = 1 + i%2
		} else {
			add(user(who), role, assigned)
		}
	}
}

// instance is an assignment as PIM shows it for one principal.
type instance struct {
	*identAssignment
	who        identRef
	memberType string
	id         string
}

// instances are the assignments of some kinds as PIM shows them: those of a group once for the group and
// once for each of its direct members, and one of everything again in a unit.
func (v *identView) instances(kinds ...string) []instance {
	var out []instance
	for _, a := range v.held(kinds...) {
		out = append(out, instance{a, a.to, "Direct", a.id})
		if a.to.kind == principalGroup {
			for _, m := range v.members(a.to.i, false) {
				if m.kind == principalUser {
					out = append(out, instance{a, m, "Group", opaqueID(mix(label(a.id), label(v.refID(m))))})
				}
			}
		}
		if a.to.kind == principalUser && a.to.i == castRoles && a.unit == 0 {
			x := *a
			x.unit = 1
			out = append(out, instance{&x, a.to, "Inherited", opaqueID(mix(label(a.id), 1))})
		}
	}
	return out
}

func (v *identView) scopeOf(a *identAssignment) string {
	if a.unit == 0 {
		return "/"
	}
	return "/administrativeUnits/" + v.units[a.unit-1].id
}

// roleRow is a row of roleAssignments.
type roleRow struct {
	v *identView
	a *identAssignment
}

func (r roleRow) prop(name string) any {
	switch name {
	case "id":
		return r.a.id
	case "principalId":
		return r.v.refID(r.a.to)
	case "roleDefinitionId":
		return r.a.role
	case "directoryScopeId":
		return r.v.scopeOf(r.a)
	case "principalOrganizationId":
		return r.v.t.id
	case "principal":
		return r.v.refObject(r.a.to)
	case "roleDefinition":
		return objectOf(kindRoleDefinitions, r.v.role(r.a.role), nil)
	}
	return nil
}

// scheduleRow is a row of the instances of schedules.
type scheduleRow struct {
	v *identView
	x instance
}

func (r scheduleRow) prop(name string) any {
	a := r.x.identAssignment
	switch name {
	case "id":
		return r.x.id
	case "principalId":
		return r.v.refID(r.x.who)
	case "roleDefinitionId":
		return a.role
	case "directoryScopeId":
		return r.v.scopeOf(a)
	case "startDateTime":
		return a.from
	case "endDateTime":
		return nullTime(a.end)
	case "memberType":
		return r.x.memberType
	case "assignmentType":
		return a.kind
	case "roleAssignmentOriginId", "roleAssignmentScheduleId", "roleEligibilityScheduleId":
		return guid(label(a.id))
	case "principal":
		return r.v.refObject(r.x.who)
	case "roleDefinition":
		return objectOf(kindRoleDefinitions, r.v.role(a.role), nil)
	case "activatedUsing":
		if a.kind == activated {
			return identObject{{"principalId", r.v.refID(a.to)}, {"roleDefinitionId", a.role}, {"directoryScopeId", r.v.scopeOf(a)}}
		}
	}
	return nil
}
