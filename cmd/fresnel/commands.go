package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fresnel"
	"fresnel/internal/app"
	"fresnel/internal/azuresim"
	"fresnel/internal/connect"
)

func (e *env) open(opt app.Options) (*app.App, error) {
	if err := e.cfg.Validate(); err != nil {
		return nil, err
	}
	opt.Version = version
	return app.New(e.ctx, e.cfg, opt, e.log)
}

type serveCmd struct{}

// Run serves until the process is told to stop.
func (serveCmd) Run(e *env) error {
	a, err := e.open(app.Options{})
	if err != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // the program ends
	return a.Serve(e.ctx, func(url string) {
		fmt.Fprintln(e.out, "No sign-in is configured: serving this machine only (loopback).")
		fmt.Fprintln(e.out, "serving", url)
	})
}

type workerCmd struct{}

// Run syncs until the process is told to stop.
func (workerCmd) Run(e *env) error {
	a, err := e.open(app.Options{})
	if err != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // the program ends
	return a.Work(e.ctx)
}

type syncCmd struct {
	Type []string `arg:"" optional:"" help:"What to sync: costs, resources, compliance, identity. Nothing = everything." enum:"costs,resources,compliance,identity"`
}

// Run syncs once. A run that failed makes the command fail; a partial one does
// not, but is told.
func (c syncCmd) Run(e *env) error {
	a, err := e.open(app.Options{})
	if err != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // the program ends
	if len(c.Type) == 0 {
		c.Type = e.cfg.Jobs
	}
	bars := newBars(e.out, e.isTerm)
	runs, err := a.SyncNow(e.ctx, c.Type, bars.show)
	if e.ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	failed := 0
	for _, r := range runs {
		fmt.Fprintf(e.out, "%s %s: %s, %d rows read, %d written\n", r.Job, r.TenantName, r.Status, r.Result.Read, r.Result.Written)
		for _, p := range r.Result.Parts {
			fmt.Fprintf(e.out, "  %s %s: %s %s\n", p.Name, p.State, p.Reason, p.Do)
		}
		if r.Status == fresnel.Failed {
			fmt.Fprintf(e.out, "  %s %s\n", r.Reason, r.Do)
			failed++
		}
	}
	if failed > 0 {
		return fresnel.Errorf(fresnel.Unavailable, "%d of %d runs failed", failed, len(runs))
	}
	return nil
}

type migrateCmd struct{}

// Run migrates: opening the database does it.
func (migrateCmd) Run(e *env) error {
	a, err := e.open(app.Options{})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "the %s database is up to date\n", a.Engine())
	return a.Close()
}

type tenantsCmd struct {
	Import importCmd `cmd:"" help:"Add or change tenants from a JSON file."`
}

type importCmd struct {
	File string `arg:"" help:"JSON list of {\"tenant_id\", \"name\", \"client_id\", \"client_secret_ref\", \"is_active\"}; without client_id a tenant is reached through Lighthouse." type:"path"`
}

// Run imports all entries of the file or none.
func (c importCmd) Run(e *env) error {
	a, err := e.open(app.Options{})
	if err != nil {
		return err
	}
	defer a.Close() //nolint:errcheck // the program ends
	f, err := os.Open(c.File)
	if err != nil {
		return &fresnel.Error{Kind: fresnel.Invalid, Msg: "the import file cannot be read", Err: err}
	}
	defer f.Close() //nolint:errcheck // only read
	tenants, err := connect.ReadImport(f, a.CheckSecretRef)
	if err != nil {
		return err
	}
	if err := a.ImportTenants(e.ctx, tenants); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "%d tenants imported\n", len(tenants))
	return nil
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(e *env) error {
	fmt.Fprintln(e.out, "fresnel", version)
	return nil
}

type simCmd struct {
	Addr     string        `help:"Address of the simulator's TLS listener." default:"127.0.0.1:8443"`
	Dir      string        `help:"Folder for ca.pem, tenants.json and fresnel.env, which connect Fresnel to the simulator." default:"." type:"path"`
	Tenants  int           `help:"Governed tenants." default:"6"`
	Subs     int           `name:"subscriptions" help:"Subscriptions per tenant; 0 = 4 to 9."`
	Seed     uint64        `help:"Another seed is another estate." default:"1"`
	Throttle string        `help:"off, real (the published limits) or harsh (half of them, longer waits, refusals without a reason)." enum:"off,real,harsh" default:"off"`
	Now      time.Time     `help:"Freeze the simulated clock at an instant (RFC 3339)."`
	Refresh  time.Duration `help:"How often open days are re-estimated." default:"4h"`
	Faults   string        `help:"JSON file with faults." type:"path"`
	Markup   bool          `help:"Give a tenant, a subscription and a resource group names that are markup."`
}

// Run simulates Azure until the process is told to stop.
func (c simCmd) Run(e *env) error {
	clock := azuresim.NewClock()
	if !c.Now.IsZero() {
		clock.Freeze(c.Now)
	}
	o := azuresim.Options{
		Seed: c.Seed, Tenants: c.Tenants, SubscriptionsPerTenant: c.Subs, Months: e.cfg.Months,
		Clock: clock, Throttle: c.Throttle, RefreshEvery: c.Refresh, MarkupNames: c.Markup, Logger: e.log,
	}
	if c.Faults != "" {
		faults, err := azuresim.LoadFaults(c.Faults)
		if err != nil {
			return &fresnel.Error{Kind: fresnel.Invalid, Msg: "the fault file cannot be used", Err: err}
		}
		o.Faults = faults
	}
	s, err := startSim(o, c.Addr)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // the program ends
	if err := writeConnection(c.Dir, s); err != nil {
		return err
	}
	fmt.Fprintf(e.out, "simulating Azure at %s; connect with the files in %s\n", s.URL(), c.Dir)
	<-e.ctx.Done()
	return nil
}

func startSim(o azuresim.Options, addr string) (*azuresim.Server, error) {
	s, err := azuresim.New(o)
	if err != nil {
		return nil, &fresnel.Error{Kind: fresnel.Invalid, Msg: "the simulator's options cannot be used", Err: err}
	}
	if err := s.Start(addr); err != nil {
		return nil, &fresnel.Error{Kind: fresnel.Unavailable, Msg: "the simulator cannot listen on " + addr, Do: "Choose another address.", Err: err}
	}
	return s, nil
}

// writeConnection writes what an operator would have to know of a real Azure:
// a certificate authority, the tenants to import, and the settings.
func writeConnection(dir string, s *azuresim.Server) error {
	conn := s.Connection()
	list, err := json.MarshalIndent(importList(conn), "", "  ")
	if err != nil {
		return err
	}
	ca := filepath.Join(dir, "ca.pem")
	envs := fmt.Sprintf("FRESNEL_AZURE_AUTHORITY=%s\nFRESNEL_AZURE_RESOURCE_MANAGER=%s\nFRESNEL_AZURE_GRAPH=%s\nFRESNEL_AZURE_VAULT_HOST=%s\nFRESNEL_AZURE_CA_FILE=%s\nFRESNEL_AZURE_TENANT_ID=%s\nFRESNEL_AZURE_CLIENT_ID=%s\nFRESNEL_AZURE_CREDENTIAL=secret\nFRESNEL_AZURE_CLIENT_SECRET=%s\n",
		conn.AuthorityURL, conn.ResourceManagerURL, conn.GraphURL, hostOf(conn.VaultURL), ca, conn.ManagingTenantID, conn.ClientID, conn.ClientSecret)
	for name, body := range map[string][]byte{ca: s.CA(), filepath.Join(dir, "tenants.json"): list, filepath.Join(dir, "fresnel.env"): []byte(envs)} {
		if err := os.WriteFile(name, body, 0o600); err != nil {
			return &fresnel.Error{Kind: fresnel.Invalid, Msg: "cannot write " + name, Do: "Name a folder that can be written with --dir.", Err: err}
		}
	}
	return nil
}
