package main_test

import (
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/azuresim"
	"fresnel/internal/identity"
	"fresnel/internal/store"
)

// TestIdentityLarge reads a directory of 12,000 accounts, and one of 100,000, under Graph's published limits, with little memory;
// what is held equals the truth. A second reading asks for what changed.
func TestIdentityLarge(t *testing.T) {
	for _, size := range []struct {
		name             string
		accounts, guests int
		throttle         string
		seconds          float64 // that the bound is at least
	}{
		{"twelve thousand", 12_000, 250, "real", 15},
		{"hundred thousand at once", 100_000, 5_000, "off", 0},
		{"hundred thousand", 100_000, 5_000, "real", 180},
	} {
		t.Run(size.name, func(t *testing.T) {
			long(t)
			if size.seconds > 60 && os.Getenv("FRESNEL_TEST_HEAVY") != "1" {
				t.Skip("the report of a hundred thousand accounts takes minutes: only with FRESNEL_TEST_HEAVY=1")
			}
			clock := azuresim.NewClock()
			clock.Freeze(noon)
			sim, settings := simulator(t, azuresim.Options{
				Seed: 3, Tenants: 1, SubscriptionsPerTenant: 4, Groups: 2, Services: 4, Waste: -1, Months: 2, Clock: clock,
				Accounts: size.accounts, Guests: size.guests, Throttle: size.throttle,
			})
			for _, engine := range []string{"sqlite", "postgres"} {
				t.Run(engine, func(t *testing.T) {
					if size.throttle == "real" && engine != "sqlite" {
						t.Skip("Graph's limits are the same")
					}
					clock.Freeze(noon)
					where, db := database(t, engine)
					settings := append(slices.Clip(settings), where, frozen(sim), "FRESNEL_JOBS=identity")
					must(t, settings, "tenants", "import", importFile(t, sim))
					syncIdentity(t, "first", settings, sim, size.seconds)
					samePeople(t, sim, strings.TrimPrefix(where, "FRESNEL_DATABASE="))
					was := identityHash(t, db)
					clock.Freeze(noon.Add(4 * time.Hour))
					changed := changePeople(t, sim)
					settings = append(settings, frozen(sim))
					before := graphAsked(sim)
					syncIdentity(t, "second", settings, sim, 0)
					if n := graphAsked(sim) - before; n > 60 {
						t.Errorf("the second reading asked Graph %d times", n)
					}
					if n := number(t, db, "SELECT rows_written FROM sync_run WHERE id = (SELECT MAX(id) FROM sync_run)"); n > changed+300 { // of the numbers of the day and of roles, too
						t.Errorf("the second reading wrote %d rows, %d accounts changed", n, changed)
					}
					if identityHash(t, db) == was {
						t.Error("the second reading saw no change")
					}
					clock.Freeze(noon.Add(27 * time.Hour))
					settings = append(settings, frozen(sim))
					syncIdentity(t, "next day's", settings, sim, 0)
					samePeople(t, sim, strings.TrimPrefix(where, "FRESNEL_DATABASE="))
				})
			}
		})
	}
}

// syncIdentity reads everything once and holds time and memory against what is allowed.
func syncIdentity(t *testing.T, which string, settings []string, sim *azuresim.Server, least float64) {
	t.Helper()
	const slower, slack, limit = 1.15, 15.0, 128 << 20
	if least > 0 {
		time.Sleep(5 * time.Second) // every bucket is full again
	}
	sim.ResetBound()
	begin := time.Now()
	p := start(t, settings, "sync", "identity")
	most := memory(p)
	if code := p.wait(20 * time.Minute); code != 0 {
		t.Fatalf("fresnel sync identity: exit code %d", code)
	}
	took, peak := time.Since(begin).Seconds(), most()
	cpu := p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	bound := sim.Bound()
	t.Logf("the %s sync: %.1f s for a bound of %.1f s by %q: %.1f s allowed; %.1f s of CPU, at most %.0f MB resident, %d allowed; %d minutes with refusals",
		which, took, bound.Seconds, bound.Binding, slower*bound.Seconds+slack, cpu.Seconds(), float64(peak)/(1<<20), limit>>20, len(bound.Refused))
	if bound.Seconds < least {
		t.Errorf("a bound of %.1f s shows nothing: the directory is too small", bound.Seconds)
	}
	if least > 0 && took > slower*bound.Seconds+slack {
		t.Errorf("%.1f s is more than %.1f s", took, slower*bound.Seconds+slack)
	}
	if _, err := os.Stat("/proc/self/status"); err == nil && (peak == 0 || peak > limit) {
		t.Errorf("resident memory reached %d bytes, %d are allowed", peak, limit)
	}
	if strings.Contains(p.out.String(), "failed") {
		t.Errorf("not everything was read:\n%s", tail(p.out.String()))
	}
}

func graphAsked(sim *azuresim.Server) (n int) {
	for _, r := range sim.Requests() {
		if r.API == "msgraph" {
			n += r.Count
		}
	}
	return n
}

// changePeople changes some accounts, and tells how many.
func changePeople(t *testing.T, sim *azuresim.Server) (changed int) {
	t.Helper()
	tenant := sim.Estate()[0].ID
	for list, what := range map[string]string{"enabled-members": "delete", "enabled-guests": "delete", "disabled": "enable", "members": "disable"} {
		sets, err := sim.IdentitySets(azuresim.IdentityQuery{Tenant: tenant})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range sets[list][10:30] {
			if what == "disable" && slices.Contains(sets["disabled"], id) {
				continue
			}
			if err := sim.ChangeAccount(tenant, id, what); err != nil {
				t.Fatal(err)
			}
			changed++
		}
	}
	return changed
}

// samePeople compares numbers, and the ids behind them, with the truth.
func samePeople(t *testing.T, sim *azuresim.Server, url string) {
	t.Helper()
	db, err := store.Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it was only read
	reports := identity.Reports{Reader: db.IdentityReader(), Limits: identity.DefaultLimits(), Now: sim.Clock().Now}
	tenant := sim.Estate()[0].ID
	truth, err := sim.IdentitySets(azuresim.IdentityQuery{Tenant: tenant})
	if err != nil {
		t.Fatal(err)
	}
	union := func(names ...string) (out []string) {
		for _, n := range names {
			out = append(out, truth[n]...)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	for list, want := range map[identity.List][]string{
		identity.Users: truth["users"], identity.Guests: truth["guests"], identity.PendingGuests: truth["pending-guests"], identity.Disabled: truth["disabled"],
		identity.WithMFA: truth["mfa-registered-people"], identity.WithoutMFA: truth["mfa-unregistered-people"], identity.UnreportedMFA: truth["report-missing"],
		identity.DirectoryPower: truth["privileged"], identity.EligibleOnly: truth["privileged-eligible-only"], identity.GlobalAdmins: truth["global-administrators"],
		identity.IdleUsers: union("stale", "never"), identity.IdleGuests: union("stale-guests", "never-guests"), identity.Newcomers: truth["newcomers"],
		identity.DisabledLicensed: truth["disabled-licensed"], identity.AzurePower: truth[map[bool]string{true: "azure-power-people-delegated", false: "azure-power-people-over"}[sim.Estate()[0].Kind == "delegated"]],
	} {
		var got []string
		q := identity.ListQuery{List: list, Order: identity.ByUse, Limit: 5000}
		for {
			page, err := reports.List(t.Context(), fresnel.AllTenants(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page.Rows {
				got = append(got, a.ID)
			}
			if q.After = page.Next; q.After == nil {
				if page.Count.N != len(got) {
					t.Errorf("%s: the number is %d, the list has %d", list, page.Count.N, len(got))
				}
				break
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d, the truth is %d", list, len(got), len(want))
		}
	}
}

// identityHash is over all accounts.
func identityHash(t *testing.T, db *sql.DB) string {
	t.Helper()
	return fmt.Sprint(hashOf(t, db, "SELECT id, class, created_at, last_use, told FROM identity_account ORDER BY id"))
}
