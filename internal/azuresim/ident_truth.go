package azuresim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// IdentityQuery asks what is true of directories. Zero thresholds are 90 days without use, 30 days for a
// new account to be used, 30 days before a credential ends, and two years for which one may be given.
type IdentityQuery struct {
	At           time.Time // zero = the clock's now
	Tenant       string    // only this one, if given
	StaleDays    int
	GraceDays    int
	ExpiringDays int
	LongDays     int
}

func (q *IdentityQuery) fill(now time.Time) {
	setDefault(&q.At, now)
	setDefault(&q.StaleDays, 90)
	setDefault(&q.GraceDays, 30)
	setDefault(&q.ExpiringDays, 30)
	setDefault(&q.LongDays, 730)
}

// Identity are the numbers of a tenant's directory. Each is the length of the list of that name
// ([IdentityLists]), whatever Graph may tell: what a tenant has no licence or permission for is counted, too.
type Identity struct {
	Tenant    string           `json:"tenant"`
	Directory DirectoryOptions `json:"directory"`
	Counts    map[string]int   `json:"counts"`
}

// Identity tells the numbers of every directory, or of one.
func (s *Server) Identity(q IdentityQuery) ([]Identity, error) {
	q.fill(s.clock.Now())
	out := []Identity{}
	for _, t := range s.estate.tenants {
		if q.Tenant != "" && !strings.EqualFold(q.Tenant, t.id) {
			continue
		}
		v := s.directoryAt(t.id, q.At)
		lists := v.truth(&q)
		counts := map[string]int{}
		for name := range IdentityLists {
			counts[name] = len(lists[name])
		}
		out = append(out, Identity{t.id, v.ed.opt, counts})
	}
	if q.Tenant != "" && len(out) == 0 {
		return nil, fmt.Errorf("azuresim: tenant %q has no directory", q.Tenant)
	}
	return out, nil
}

// IdentityList tells the ids behind a number of a tenant, sorted.
func (s *Server) IdentityList(list string, q IdentityQuery) ([]string, error) {
	q.fill(s.clock.Now())
	v := s.directoryAt(q.Tenant, q.At)
	if _, ok := IdentityLists[list]; !ok || v == nil {
		return nil, fmt.Errorf("azuresim: identity: list %q is none of %s, or tenant %q has no directory", list, strings.Join(slices.Sorted(maps.Keys(IdentityLists)), ", "), q.Tenant)
	}
	return slices.Sorted(maps.Keys(v.truth(&q)[list])), nil
}

// IdentitySets tells all lists of a tenant at once, each sorted; one that is empty is not there.
func (s *Server) IdentitySets(q IdentityQuery) (map[string][]string, error) {
	q.fill(s.clock.Now())
	v := s.directoryAt(q.Tenant, q.At)
	if v == nil {
		return nil, fmt.Errorf("azuresim: tenant %q has no directory", q.Tenant)
	}
	out := map[string][]string{}
	for name, set := range v.truth(&q) {
		out[name] = slices.Sorted(maps.Keys(set))
	}
	return out, nil
}

// lists are sets of ids by name.
type lists map[string]map[string]bool

func (l lists) add(id string, names ...string) {
	for _, n := range names {
		if l[n] == nil {
			l[n] = map[string]bool{}
		}
		l[n][id] = true
	}
}

func (l lists) has(list, id string) bool { return l[list][id] }

// when puts an id into a list if a condition holds.
func (l lists) when(condition bool, id string, names ...string) {
	if condition {
		l.add(id, names...)
	}
}

// truth walks through a directory and says of everything in which lists it is. It asks the estate, not
// the code that makes the answers.
func (v *identView) truth(q *IdentityQuery) lists {
	l := lists{}
	v.each(func(i int) bool {
		v.truthOfAccount(l, q, i)
		return true
	})
	v.truthOfRoles(l)
	v.truthOfCredentials(l, q)
	v.truthOfAzure(l)
	if !v.noP1() {
		l.add(v.accountID(castGlass), "emergency")
		l.add(v.accountID(castGlassToo), "emergency")
	}
	return l
}

func (v *identView) truthOfAccount(l lists, q *IdentityQuery, i int) {
	state := v.life(i)
	if state.unborn || state.purged {
		return
	}
	a := v.accountWith(i, state)
	id := a.id()
	if !state.deleted.IsZero() {
		l.add(id, "deleted")
		l.when(a.reported(), id, "report", "report-deleted")
		l.when(a.reported() && a.registered(), id, "mfa-registered")
		l.when(a.reported() && a.capable(), id, "mfa-capable")
		return
	}
	l.add(id, "users")
	outside := strings.Contains(a.principalName(), "#EXT#")
	guest := a.userType == "Guest" || a.userType == "" && outside
	kind := "members"
	if guest {
		kind = "guests"
	}
	l.add(id, kind)
	l.when(!guest && outside, id, "external-members")
	l.when(a.userType == "", id, "untyped")
	l.when(a.synced(), id, "synced")
	licensed := len(a.licences()) > 0
	l.when(licensed, id, "licensed")
	_, invitation := a.invitation()
	l.when(guest && invitation == "PendingAcceptance", id, "pending-guests")
	if !state.enabled {
		l.add(id, "disabled")
		l.when(guest, id, "disabled-guests")
		l.when(licensed, id, "disabled-licensed")
		return
	}
	l.add(id, "enabled", "enabled-"+kind)
	v.truthOfUse(l, q, a, id, kind)
	person := !guest && i != castSync && i != castPackage
	l.when(person, id, "people")
	if !a.reported() {
		l.when(person, id, "report-missing")
		return
	}
	l.add(id, "report")
	l.when(person, id, "report-people")
	l.when(a.registered(), id, "mfa-registered")
	l.when(a.capable(), id, "mfa-capable")
	l.when(person && a.registered(), id, "mfa-registered-people")
	l.when(person && !a.registered(), id, "mfa-unregistered-people")
}

// lastUse is when an account was last used: a sign-in that succeeded, or a token that renewed itself.
// lastSignInDateTime tells of attempts that failed, too; it counts only where it is older than the day
// from which successful ones are kept by themselves.
func lastUse(s signIns) time.Time {
	last := s.successful
	if last.IsZero() && s.last.Before(successfulSince) {
		last = s.last
	}
	return maxTime(last, s.nonInteractive)
}

func (v *identView) truthOfUse(l lists, q *IdentityQuery, a *account, id, kind string) {
	const day = 24 * time.Hour
	last := lastUse(v.signIns(a))
	switch {
	case last.IsZero() && a.life.born.Before(v.at.Add(-time.Duration(q.GraceDays)*day)):
		l.add(id, "never", "never-"+kind)
	case last.IsZero():
		l.add(id, "newcomers")
	case last.Before(v.at.Add(-time.Duration(q.StaleDays) * day)):
		l.add(id, "stale", "stale-"+kind)
	}
}

// truthOfCredentials judges what applications and service principals have.
func (v *identView) truthOfCredentials(l lists, q *IdentityQuery) {
	soon := v.at.AddDate(0, 0, q.ExpiringDays)
	judge := func(c identCredential) (expired, ends bool) {
		expired = !c.end.IsZero() && !c.end.After(v.at)
		ends = !expired && !c.end.IsZero() && !c.end.After(soon)
		l.add(c.id, "credentials")
		l.when(expired, c.id, "credentials-expired")
		l.when(ends, c.id, "credentials-expiring")
		l.when(!expired && !ends, c.id, "credentials-valid")
		l.when(c.end.IsZero(), c.id, "credentials-endless")
		l.when(!expired && !c.end.IsZero() && c.end.Sub(c.start) > time.Duration(q.LongDays)*24*time.Hour, c.id, "credentials-long")
		return expired, ends
	}
	for _, a := range v.apps {
		expired, ends, good := 0, 0, 0
		for _, c := range v.credentialsOf(a.id, a.credentials) {
			switch x, e := judge(c); {
			case x:
				expired++
			case e:
				ends++
			default:
				good++
			}
		}
		l.add(a.id, "applications")
		l.when(expired+ends+good == 0, a.id, "applications-without")
		l.when(expired > 0 && ends+good == 0, a.id, "applications-expired")
		l.when(ends > 0 && good == 0, a.id, "applications-expiring")
		l.when(expired+ends > 0 && good > 0, a.id, "applications-covered")
		owned := slices.ContainsFunc(a.owners, func(i int) bool { o := v.life(i); return o.alive() })
		l.when(!owned, a.id, "applications-ownerless")
	}
	for _, p := range v.principals {
		for _, c := range v.credentialsOf(p.id, p.credentials) {
			judge(c)
		}
	}
}
