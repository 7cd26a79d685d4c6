package identity

import (
	"testing"
	"time"
)

func TestUse(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	ago := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	old := Account{Enabled: true, Created: ago(2000)}
	for _, c := range []struct {
		name    string
		account Account
		sign    SignIn
		known   bool
		want    Use
	}{
		{"not told", old, SignIn{}, false, UseUnknown},
		{"used", old, SignIn{Successful: ago(10)}, true, Used},
		{"on the limit", old, SignIn{Successful: ago(90)}, true, Stale},
		{"by an application on his behalf", old, SignIn{Successful: ago(300), NonInteractive: ago(3)}, true, Used},
		{"somebody tried his password", old, SignIn{Successful: ago(300), Attempt: ago(1)}, true, Stale},
		{"only tried, never let in", old, SignIn{Attempt: ago(1)}, true, Never},
		{"before successes were told apart", old, SignIn{Attempt: time.Date(2023, 5, 1, 0, 0, 0, 0, time.UTC)}, true, Stale},
		{"never", old, SignIn{}, true, Never},
		{"never, and new", Account{Enabled: true, Created: ago(29)}, SignIn{}, true, Newcomer},
		{"never, and new no more", Account{Enabled: true, Created: ago(30)}, SignIn{}, true, Never},
	} {
		if got := UseSince(c.account.Created, c.sign.Last(), c.known, DefaultLimits(), now); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestTiers(t *testing.T) {
	t.Parallel()
	n := map[Tier]int{}
	for _, tier := range builtIn {
		n[tier]++
	}
	if n[ControlPlane]+n[Privileged]+n[Reading] != 34 || n[Reading] != 4 {
		t.Errorf("%v: Microsoft labels 34 roles, 4 of them read", n)
	}
	for _, c := range []struct {
		role Role
		want Tier
	}{
		{Role{ID: GlobalAdministrator}, ControlPlane},
		{Role{ID: "f2ef992c-3afb-46b9-b7cf-a126ee74c451"}, Reading},
		{Role{ID: "x", Privileged: true}, Privileged},
		{Role{ID: "x"}, Plain},
	} {
		if got := TierOf(c.role); got != c.want {
			t.Errorf("%+v: %v, want %v", c.role, got, c.want)
		}
	}
}
