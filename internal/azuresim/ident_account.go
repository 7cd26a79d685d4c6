package azuresim

import (
	"fmt"
	"strings"
	"time"
)

// The numbers of the cast: accounts that have a role in this.
const (
	castGlass      = iota // emergency access, never used
	castGlassToo          // emergency access, used long ago
	castSync              // the account of directory synchronization
	castPackage           // of a provisioning package
	castChief             // many roles, directly and through groups
	castEligible          // eligible, and activates it on workdays
	castRoles             // Privileged Role Administrator
	castNoMFA             // Helpdesk Administrator without MFA
	castSynced            // synchronized, and Application Administrator
	castDisabled          // disabled, and Security Administrator
	castReader            // Global Reader
	castReports           // Reports Reader, which is not privileged
	castCustom            // a custom role that is privileged
	castScoped            // User Administrator of an administrative unit
	castMember            // only through a group
	castMemberToo         // only through a group, and nested
	castPIM               // eligible through a group
	castLimited           // Authentication Administrator until a date
	castHelp              // Authentication Administrator
	castOwner             // owner of applications, without a role
	castSubscriber        // owner of subscriptions
	castLate              // becomes an administrator two days after the start
	castLeft              // is none any more three days after the start
	castPlain             // Directory Readers
)

// account is a person, a guest, or what looks like one in the list of users.
type account struct {
	v        *identView
	i        int
	key      uint64
	life     life
	external bool // a guest, or a member from elsewhere
	userType string
	added    *NewAccount
}

// account is the one of a number.
func (v *identView) account(i int) *account { return v.accountWith(i, v.life(i)) }

func (v *identView) accountWith(i int, l life) *account {
	a := &account{v: v, i: i, key: mix(v.key, label("account"), uint64(i)), life: l, userType: "Member"}
	if i >= identAdded {
		a.added = &v.ed.added[i-identAdded].NewAccount
		a.userType, a.external = a.added.UserType, strings.Contains(a.added.UserPrincipalName, "#EXT#")
		return a
	}
	switch {
	case v.guest(i):
		a.userType, a.external = "Guest", true
		if below(mix(a.key, 1), 50) == 0 {
			a.userType = "" // it was invited when guests had no type
		}
	case i < identCast:
	case below(mix(a.key, 2), 150) == 0:
		a.external = true // a guest who was made a member
	case below(mix(a.key, 3), 80) == 0:
		a.userType = "" // synchronized long ago
	}
	return a
}

// guest says whether an account is a guest: exactly as many of those at the start are as were asked for,
// evenly among them, and of those that came or went about as many.
func (w *identTenant) guest(i int) bool {
	if i < identCast {
		return false
	}
	n := w.accounts - identCast
	if i -= identCast; i >= n {
		i %= n
	}
	return (i+1)*w.guests/n != i*w.guests/n
}

// firstGuests are the numbers of guests that are there at the start and stay for the days after it.
func (w *identTenant) firstGuests(count int) []int {
	var out []int
	for i := identCast; i < w.accounts && len(out) < count; i++ {
		if !w.guest(i) {
			continue
		}
		_, disabled, deleted := w.natural(i)
		if soon := w.start.Add(60 * 24 * time.Hour); deleted.After(soon) && disabled.After(soon) {
			out = append(out, i)
		}
	}
	return out
}

func (a *account) id() string { return a.v.accountID(a.i) }

func (a *account) names() (given, plain, surname string) {
	n := below(mix(a.key, 4), len(identGiven))
	return identGiven[n], identPlain[n], a.v.surname(a.i)
}

func (a *account) displayName() string {
	given, _, surname := a.names()
	switch {
	case a.added != nil:
		return a.added.DisplayName
	case a.i == castGlass, a.i == castGlassToo:
		return fmt.Sprintf("Emergency Access %d %s", a.i+1, surname)
	case a.i == castSync:
		return "On-Premises Directory Synchronization Service Account"
	case a.i == castPackage:
		return "package_" + guid(a.key)
	case a.i >= identCast && below(mix(a.key, 5), 97) == 0, a.v.hostile && a.i >= identCast && a.i < identCast+8:
		return hostilePerson(a.i%8, given, surname)
	}
	return given + " " + surname
}

// mailName is what stands before the @ of a person.
func (a *account) mailName() string {
	_, plain, surname := a.names()
	if below(mix(a.key, 6), 200) == 0 {
		return plain + ".o'" + strings.ToLower(surname)
	}
	return plain + "." + strings.ToLower(surname)
}

func (a *account) principalName() string {
	_, _, surname := a.names()
	domain := a.v.t.slug + ".example"
	switch {
	case a.added != nil:
		return a.added.UserPrincipalName
	case a.i == castGlass, a.i == castGlassToo:
		return fmt.Sprintf("emergency%d.%s@%s", a.i+1, strings.ToLower(surname), a.v.t.domain)
	case a.i == castSync:
		return fmt.Sprintf("Sync_%s_%012x@%s", strings.ToUpper(surname[:6]), a.key&identMask, a.v.t.domain)
	case a.i == castPackage:
		return "package_" + guid(a.key) + "@" + a.v.t.domain
	case a.external:
		return strings.ReplaceAll(a.partnerMail(), "@", "_") + "#EXT#@" + a.v.t.domain
	}
	return a.mailName() + "@" + domain
}

func (a *account) partnerMail() string {
	return a.mailName() + "@" + identPartners[below(mix(a.key, 7), len(identPartners))]
}

// mail is "" if there is none.
func (a *account) mail() string {
	switch {
	case a.added != nil:
		return a.added.Mail
	case a.i <= castPackage:
		return ""
	case a.external:
		return a.partnerMail()
	case below(mix(a.key, 8), 20) == 0:
		return ""
	}
	return a.mailName() + "@" + a.v.t.slug + ".example"
}

// synced says whether the account comes from an Active Directory.
func (a *account) synced() bool {
	switch {
	case a.added != nil:
		return a.added.Synced
	case a.external:
		return false
	case a.i < identCast:
		return a.i == castSynced
	}
	return a.userType == "" || below(mix(a.key, 9), 100) < 55
}

func (a *account) passwordChanged() any {
	if a.external || a.added != nil {
		return nil
	}
	t := a.life.born.Add(time.Duration(below(mix(a.key, 10), 300*86400)) * time.Second)
	if t.After(a.v.at) {
		return a.life.born
	}
	return t
}

// licences are the places in the tenant's list of products.
func (a *account) licences() []int {
	switch {
	case a.added != nil && a.added.Licensed:
		return []int{0}
	case a.added != nil, a.external, a.i <= castPackage:
		return nil
	}
	switch n := below(mix(a.key, 11), 100); {
	case n < 70:
		return []int{0}
	case n < 80:
		return []int{0, 1}
	case n < 90:
		return []int{1}
	}
	return nil
}

// How a guest came, and whether the invitation was accepted.
func (a *account) invitation() (creation, state any) {
	if !a.external || a.added != nil && a.added.ExternalUserState == "" {
		return nil, nil
	}
	if a.added != nil {
		return "Invitation", a.added.ExternalUserState
	}
	if u := a.v.use(a.i, true); u == useNever {
		return "Invitation", "PendingAcceptance"
	}
	if below(mix(a.key, 12), 12) == 0 {
		return "Invitation", nil // invited before there was a state
	}
	return "Invitation", "Accepted"
}
