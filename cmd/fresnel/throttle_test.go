package main_test

import (
	"crypto/x509"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azure"
	"fresnel/internal/azuresim"
)

// inProcess opens the program within this process, with the simulator's clock.
func inProcess(t *testing.T, sim *azuresim.Server, months int, database string) *app.App {
	t.Helper()
	c := sim.Connection()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(sim.CA())
	a, err := app.New(t.Context(), app.Config{
		Database: database, Listen: "127.0.0.1:0", SyncEvery: 4 * time.Hour, IdleOver: 100, ComplianceTarget: 90, StaleDays: 90, Months: months, Workers: 16, Parallel: 4,
		AzureAuthority: c.AuthorityURL, AzureResourceManager: c.ResourceManagerURL, AzureGraph: c.GraphURL, AzureVaultHost: host(t, c.VaultURL),
		AzureTenantID: c.ManagingTenantID, AzureClientID: c.ClientID, AzureClientSecret: azure.Secret(c.ClientSecret), AzureCredential: string(azure.ClientSecret),
	}, app.Options{Now: sim.Clock().Now, Roots: roots, Version: "test"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	var list []fresnel.Tenant
	for _, ct := range c.Tenants {
		id, err := fresnel.ParseTenantID(ct.ID)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fresnel.Tenant{ID: id, Name: ct.Name, ClientID: ct.ClientID, SecretRef: ct.SecretRef, Active: true})
	}
	if err := a.ImportTenants(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	return a
}

// asked counts the requests that the simulated Azure has answered, and how many of them with 429.
func asked(sim *azuresim.Server) (all, refused int) {
	for _, r := range sim.Requests() {
		if r.API != "sim" {
			all += r.Count
			if r.Status == http.StatusTooManyRequests {
				refused += r.Count
			}
		}
	}
	return all, refused
}

// TestThrottle syncs under Azure's published throttles: as fast as they allow, and almost without being refused. It waits for minutes.
func TestThrottle(t *testing.T) {
	long(t)
	t.Parallel()
	const months, slower, refusals = 2, 1.15, 0.01
	clock := azuresim.NewClock()
	clock.Freeze(noon)
	sim, _ := simulator(t, azuresim.Options{Seed: 4, Tenants: 3, SubscriptionsPerTenant: 4, Months: months, Clock: clock, Throttle: "real"})
	path := filepath.Join(t.TempDir(), "fresnel.db")
	a := inProcess(t, sim, months, "sqlite:"+path)

	minute := make(chan [2]int, 1)
	timer := time.AfterFunc(time.Minute, func() { all, refused := asked(sim); minute <- [2]int{all, refused} })
	defer timer.Stop()
	begin := time.Now()
	runs, err := a.SyncNow(t.Context(), []string{"costs"}, nil)
	took := time.Since(begin)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if r.Status != fresnel.Completed {
			t.Errorf("%s: %s: %s", r.TenantName, r.Status, r.Reason)
		}
	}
	bound := sim.Bound()
	all, refused := asked(sim)
	first := [2]int{all, refused}
	select {
	case first = <-minute:
	default: // it took less
	}
	later, laterRefused := all-first[0], refused-first[1]
	t.Logf("%s for a bound of %.1f s by %s: %.3f times, at most %.2f allowed", took.Round(100*time.Millisecond), bound.Seconds, bound.Binding, took.Seconds()/bound.Seconds, slower)
	t.Logf("first minute: %d requests, %d answered 429; later: %d requests, %d answered 429", first[0], first[1], later, laterRefused)
	if bound.Seconds < 120 {
		t.Errorf("a bound of %.0f s shows nothing: the estate is too small", bound.Seconds)
	}
	if took.Seconds() > slower*bound.Seconds {
		t.Errorf("%s is more than %.2f times the bound of %.1f s", took, slower, bound.Seconds)
	}
	if float64(laterRefused) >= refusals*float64(later) {
		t.Errorf("%d of %d requests after the first minute were answered 429, not less than %.0f %%", laterRefused, later, refusals*100)
	}
	equalsTruth(t, open(t, "sqlite", "file:"+path+"?_pragma=busy_timeout(20000)"), sim, months)
}
