package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azure"
	"fresnel/internal/azuresim"
)

type demoCmd struct {
	Addr     string `help:"Address of the web server." default:"127.0.0.1:8080"`
	Dir      string `help:"Folder for the database; kept. Nothing = a temporary one." type:"path"`
	Tenants  int    `help:"Governed tenants." default:"6"`
	Seed     uint64 `help:"Another seed is another estate." default:"1"`
	Throttle string `help:"Azure's throttles: off, real (the first sync then takes as long as with Azure), or harsh (longer)." enum:"off,real,harsh" default:"off"`
}

// The demo's estate moves faster than Azure, so that pages are seen to live.
const (
	demoSync    = time.Minute
	demoRefresh = 15 * time.Minute
)

// Run starts the simulator and Fresnel, and keeps both going.
func (c demoCmd) Run(e *env) error {
	dir, done, err := c.folder()
	if err != nil {
		return err
	}
	defer done()
	clock := azuresim.NewClock()
	fmt.Fprintln(e.out, "Starting a simulated Azure...")
	sim, err := startSim(azuresim.Options{
		Seed: c.Seed, Tenants: c.Tenants, Months: e.cfg.Months, Clock: clock, Throttle: c.Throttle, RefreshEvery: demoRefresh, Logger: e.log,
	}, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer sim.Close() //nolint:errcheck // the program ends
	if os.Getenv("FRESNEL_LOG_LEVEL") == "" {
		e.log = quiet(e.log) // progress is shown by itself
	}
	cfg := c.config(e.cfg, sim, dir)
	cfg.IdentityNames = true // nobody is behind them
	if len(cfg.BreakGlass) == 0 {
		cfg.BreakGlass = emergency(sim)
	}
	if cfg.TagPolicies == "" {
		if cfg.TagPolicies, err = demoTags(sim, dir); err != nil {
			return err
		}
	}
	a, err := app.New(e.ctx, cfg, app.Options{
		Now: clock.Now, Roots: simRoots(sim), SyncEvery: demoSync, Version: version, Unlimited: c.Throttle == "off",
		Notice: "Simulated Azure: every figure was fetched over HTTP from the built-in simulator.",
	}, e.log)
	if err != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // the program ends
	if err := register(e.ctx, a, sim); err != nil {
		return err
	}
	if c.Throttle == "off" {
		if err := past(e, a, clock); err != nil {
			return err
		}
	}
	return c.serve(e, a)
}

// pastDays are the days, before today, of which compliance and identity are read before the demo begins: Azure tells only how
// things stand now, and with one day there is nothing to compare.
var pastDays = []int{28, 21, 14, 10, 8, 7, 5, 3, 1}

// past sets the simulator's clock back and reads compliance and identity on a few days, as if Fresnel had been there.
func past(e *env, a *app.App, clock *azuresim.Clock) error {
	runs, err := a.LatestRuns(e.ctx, "compliance")
	jobs := slices.DeleteFunc([]string{"compliance", "identity"}, func(j string) bool { return !slices.Contains(e.cfg.Jobs, j) })
	if err != nil || len(runs) > 0 || len(jobs) == 0 {
		return err
	}
	defer clock.Real()
	now := clock.Now()
	for i, d := range pastDays {
		clock.Freeze(now.AddDate(0, 0, -d))
		fmt.Fprintf(e.out, "Reading compliance and identity of %s, day %d of %d of the past\n", clock.Now().Format(time.DateOnly), i+1, len(pastDays))
		if _, err := a.SyncNow(e.ctx, jobs, nil); err != nil {
			return err
		}
	}
	return nil
}

func (c demoCmd) serve(e *env, a *app.App) error {
	g, ctx := errgroup.WithContext(e.ctx)
	address := make(chan string, 1)
	g.Go(func() error { return a.Serve(ctx, func(url string) { address <- url }) })
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case url := <-address:
			fmt.Fprintln(e.out, "Without sign-in, only this machine is served (loopback). First sync:")
			if err := c.firstSync(ctx, e, a); err != nil || ctx.Err() != nil {
				return err
			}
			fmt.Fprintln(e.out, "ready "+url)
			fmt.Fprintln(e.out, "Costs are read again every minute while the simulated estate changes. Ctrl-C ends the demo.")
			return nil
		}
	})
	return g.Wait()
}

// firstSync shows progress until every tenant has been read once.
func (c demoCmd) firstSync(ctx context.Context, e *env, a *app.App) error {
	bars := newBars(e.out, e.isTerm)
	t := time.NewTicker(300 * time.Millisecond)
	defer t.Stop()
	for {
		runs, err := a.LatestRuns(ctx, "costs")
		if err != nil {
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}
		ended := map[fresnel.TenantID]bool{}
		for _, r := range runs {
			if !r.Completed.IsZero() {
				ended[r.Tenant] = true
			}
		}
		bars.show(runs)
		if len(ended) >= c.Tenants {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

func (c demoCmd) folder() (dir string, done func(), err error) {
	if c.Dir == "" {
		dir, err = os.MkdirTemp("", "fresnel-demo-")
		if err != nil {
			return "", nil, &fresnel.Error{Kind: fresnel.Invalid, Msg: "no temporary folder can be made", Do: "Name a folder with --dir.", Err: err}
		}
		return dir, func() { _ = os.RemoveAll(dir) }, nil
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return "", nil, &fresnel.Error{Kind: fresnel.Invalid, Msg: "the folder " + c.Dir + " cannot be made", Do: "Name a folder that can be written with --dir.", Err: err}
	}
	return c.Dir, func() {}, nil
}

func (c demoCmd) config(cfg app.Config, sim *azuresim.Server, dir string) app.Config {
	conn := sim.Connection()
	cfg.Listen = c.Addr
	if cfg.Database == "sqlite:fresnel.db" || c.Dir != "" {
		cfg.Database = "sqlite:" + filepath.Join(dir, "fresnel.db")
	}
	cfg.AzureAuthority, cfg.AzureResourceManager, cfg.AzureGraph, cfg.AzureVaultHost = conn.AuthorityURL, conn.ResourceManagerURL, conn.GraphURL, hostOf(conn.VaultURL)
	cfg.AzureTenantID, cfg.AzureClientID, cfg.AzureClientSecret = conn.ManagingTenantID, conn.ClientID, azure.Secret(conn.ClientSecret)
	cfg.AzureCredential, cfg.AzureCAFile = string(azure.ClientSecret), ""
	return cfg
}

// demoTags writes which tags the demo's tenants must have: the first has a strict policy, the others one that is
// common. The simulated people write these keys and values in many ways.
func demoTags(sim *azuresim.Server, dir string) (string, error) {
	type tag struct {
		Key    string   `json:"key"`
		Values []string `json:"values,omitempty"`
	}
	type policy struct {
		Tenants  []string `json:"tenants"`
		Inherit  bool     `json:"inherit"`
		Required []tag    `json:"required"`
	}
	list := []policy{{[]string{"*"}, true, []tag{{Key: "env"}, {Key: "owner"}}}}
	if tenants := sim.Connection().Tenants; len(tenants) > 0 {
		strict := policy{[]string{tenants[0].ID}, false, []tag{{"env", []string{"prod", "test", "dev"}}, {Key: "costcenter"}, {Key: "owner"}}}
		list = append([]policy{strict}, list...)
	}
	raw, err := json.MarshalIndent(map[string]any{"tags": list}, "", "  ")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "tags.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return "", &fresnel.Error{Kind: fresnel.Invalid, Msg: "the demo's tag policies cannot be written to " + path, Err: err}
	}
	return path, nil
}

// emergency are the break-glass accounts that the simulated people would name.
func emergency(sim *azuresim.Server) []string {
	var out []string
	for _, t := range sim.Connection().Tenants {
		ids, err := sim.IdentityList("emergency", azuresim.IdentityQuery{Tenant: t.ID})
		if err == nil { // a tenant without a directory has none
			out = append(out, ids...)
		}
	}
	return out
}

// register makes the simulator's tenants the registered ones; others that an
// earlier demo left in the folder are switched off.
func register(ctx context.Context, a *app.App, sim *azuresim.Server) error {
	tenants, err := a.Tenants(ctx)
	if err != nil {
		return err
	}
	here := map[fresnel.TenantID]bool{}
	var put []fresnel.Tenant
	for _, t := range sim.Connection().Tenants {
		id, err := fresnel.ParseTenantID(t.ID)
		if err != nil {
			return err
		}
		here[id] = true
		put = append(put, fresnel.Tenant{ID: id, Name: t.Name, ClientID: t.ClientID, SecretRef: t.SecretRef, Active: true})
	}
	for _, t := range tenants {
		if !here[t.ID] {
			t.Active = false
			put = append(put, t)
		}
	}
	return a.ImportTenants(ctx, put)
}

// importList is the simulator's tenants as an import file has them.
func importList(conn azuresim.Connection) []map[string]string {
	var out []map[string]string
	for _, t := range conn.Tenants {
		one := map[string]string{"tenant_id": t.ID, "name": t.Name}
		if t.ClientID != "" {
			one["client_id"], one["client_secret_ref"] = t.ClientID, t.SecretRef
		}
		out = append(out, one)
	}
	return out
}

func hostOf(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		return ""
	}
	return u.Host
}

func simRoots(s *azuresim.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA())
	return pool
}
