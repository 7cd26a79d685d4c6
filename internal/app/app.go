// Package app wires the program together: configuration, database, Azure
// client, syncer and web server. The main package and the end-to-end tests use
// it alike.
package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"fresnel"
	"fresnel/internal/azure"
	"fresnel/internal/cache"
	"fresnel/internal/compliance"
	"fresnel/internal/connect"
	"fresnel/internal/cost"
	"fresnel/internal/identity"
	"fresnel/internal/inventory"
	"fresnel/internal/store"
	"fresnel/internal/syncer"
	"fresnel/internal/telemetry"
)

// Options are what only the demo and tests set.
type Options struct {
	Now        func() time.Time // nil = real time, or Config.Clock
	Roots      *x509.CertPool   // beside Config.AzureCAFile
	SyncEvery  time.Duration    // overrides Config.SyncEvery, without its bounds
	Lease      time.Duration    // 0 = 30 s
	TryTimeout time.Duration    // of one HTTP attempt at Azure; 0 = 60 s
	Unlimited  bool             // the other side is a simulator without throttles
	Notice     string           // shown on every page: what is special about this instance
	Scope      func(*http.Request) fresnel.Scope
	Version    string
}

// App is the program: New, then Run or one of the single tasks, then Close.
type App struct {
	cfg        Config
	opt        Options
	log        *slog.Logger
	db         *store.DB
	azure      *azure.Client
	syncer     *syncer.Syncer
	reports    cost.Reports
	inventory  inventory.Reports
	compliance compliance.Reports
	identity   identity.Reports
	names      *identity.Names
	policies   inventory.TagPolicies
	cache      *cache.Cache
	metrics    *telemetry.Metrics
	now        func() time.Time
	handler    http.Handler
	watch      *watch
}

const cacheBytes = 32 << 20

// New opens the database, migrates it, and wires everything. It asks nothing
// of Azure. Errors are Invalid or Unavailable and say what to do.
func New(ctx context.Context, cfg Config, opt Options, log *slog.Logger) (*App, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, opt: opt, log: log, now: clock(cfg, opt)}
	a.metrics = telemetry.NewMetrics(opt.Version)
	var err error
	if a.azure, err = a.newAzure(); err != nil {
		return nil, err
	}
	if a.cache, err = cache.New(cacheBytes); err != nil {
		return nil, err
	}
	a.cache.Seen = a.metrics.Cache
	if a.db, err = store.Open(ctx, cfg.Database, log); err != nil {
		return nil, err
	}
	every := cfg.SyncEvery
	if opt.SyncEvery > 0 {
		every = opt.SyncEvery
	}
	a.reports = cost.Reports{
		Reader: a.db.CostReader(), Findings: a.db.Findings(), Verdicts: a.db.Findings(), Budgets: a.db.Budgets(), Names: a.db.Tenants(),
		Now: a.now, StaleAfter: cost.StaleAfter(every),
	}
	a.inventory = inventory.Reports{
		Reader: a.db.InventoryReader(), Findings: a.db.Findings(), Verdicts: a.db.Findings(), Costs: a.db.InventoryReader(), Tags: a.db.InventoryReader(), History: a.db.InventoryReader(),
		Rules: inventory.Enabled(inventory.Rules(), cfg.WasteRules...), Now: a.now, IdleOver: int64(cfg.IdleOver) * 1_000_000,
	}
	a.compliance = compliance.Reports{
		Reader: a.db.ComplianceReader(), Writer: a.db.Compliance(), Now: a.now, Target: float64(cfg.ComplianceTarget), Stale: cost.StaleAfter(every),
	}
	a.identity = identity.Reports{Reader: a.db.IdentityReader(), Limits: cfg.limits(), Now: a.now, Stale: cost.StaleAfter(every)}
	a.names = &identity.Names{Source: a.azure, Tenants: a.db.Tenants(), Allowed: cfg.IdentityNames, Now: a.now}
	if a.policies, err = cfg.tagPolicies(); err != nil {
		return nil, errors.Join(err, a.db.Close())
	}
	a.syncer = a.newSyncer(every)
	a.watch = newWatch(a.db, log)
	if a.handler, err = a.newHandler(every); err != nil {
		return nil, errors.Join(err, a.db.Close())
	}
	a.metrics.Gauge("fresnel_data_generation", "Number of the data that readers see.", func() float64 { return float64(a.db.Generation()) })
	return a, nil
}

func clock(cfg Config, opt Options) func() time.Time {
	switch {
	case opt.Now != nil:
		return opt.Now
	case !cfg.Clock.IsZero():
		return func() time.Time { return cfg.Clock }
	}
	return time.Now
}

func (a *App) newAzure() (*azure.Client, error) {
	roots, err := a.cfg.roots()
	if err != nil {
		return nil, err
	}
	if roots == nil {
		roots = a.opt.Roots
	}
	c := a.cfg
	return azure.New(azure.Config{
		AuthorityURL: c.AzureAuthority, ResourceManagerURL: c.AzureResourceManager, GraphURL: c.AzureGraph, VaultHost: c.AzureVaultHost,
		TenantID: c.AzureTenantID, ClientID: c.AzureClientID, Credential: azure.CredentialKind(c.AzureCredential),
		ClientSecret: c.AzureClientSecret, FederatedTokenFile: c.AzureFederatedTokenFile,
		RootCAs: roots, TryTimeout: a.opt.TryTimeout, Unlimited: a.opt.Unlimited || c.Unlimited, Now: a.now, Log: a.log, Observe: a.metrics.Azure,
	})
}

func (a *App) newSyncer(every time.Duration) *syncer.Syncer {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	lease := a.opt.Lease
	if lease == 0 {
		lease = 30 * time.Second
	}
	search := cost.Search{Reader: a.db.CostReader(), Sink: a.db.Costs(), Kept: a.db.Findings(), Now: a.now}
	job := &cost.Sync{
		Source: a.azure, Sink: a.db.Costs(), Budgets: a.azure, Kept: a.db.Budgets(), Found: search.Tenant,
		Registry: &connect.Registry{Directory: a.azure, Book: a.db.Tenants(), Now: a.now},
		Now:      a.now, Months: a.cfg.Months, Parallel: a.cfg.Parallel, Log: a.log,
	}
	waste := inventory.Search{
		Reader: a.db.InventoryReader(), Kept: a.db.Findings(), Rules: a.inventory.Rules, Now: a.now, Costs: a.db.InventoryReader(),
	}
	tags := inventory.Tally{Reader: a.db.InventoryReader(), Kept: a.db.Inventory(), Costs: a.db.InventoryReader(), Policies: a.policies, Now: a.now}
	resources := &inventory.Sync{
		Source: a.azure, Sink: a.db.Inventory(), Registry: job.Registry, Now: a.now, Log: a.log,
		Found: func(ctx context.Context, t fresnel.Tenant) error {
			return errors.Join(waste.Tenant(ctx, t), tags.Tenant(ctx, t))
		},
	}
	policies := &compliance.Sync{Source: a.azure, Sink: a.db.Compliance(), Registry: job.Registry, Now: a.now, Log: a.log}
	amiss := identity.Search{Facts: a.db.Identity(), Kept: a.db.Findings(), Limits: a.cfg.limits(), Emergency: a.cfg.breakGlass(), Now: a.now}
	people := &identity.Sync{
		Source: a.azure, Sink: a.db.Identity(), Registry: job.Registry, Judging: identity.Judging{Limits: a.cfg.limits(), Emergency: a.cfg.breakGlass()},
		Found: amiss.Tenant, Now: a.now, Log: a.log,
	}
	var jobs []syncer.Scheduled
	for _, j := range []syncer.Job{job, resources, policies, people} {
		if len(a.cfg.Jobs) == 0 || slices.Contains(a.cfg.Jobs, j.Name()) {
			jobs = append(jobs, syncer.Scheduled{Job: j, Every: every})
		}
	}
	return &syncer.Syncer{
		Jobs:  jobs,
		Queue: a.db.Runs(), Tenants: a.db.Tenants(),
		Owner: fmt.Sprintf("%s:%d", host, os.Getpid()), Workers: a.cfg.Workers, Lease: lease,
		Poll: 2 * time.Second, Now: a.now, Log: a.log, Ended: a.ended,
	}
}

func (a *App) ended(run fresnel.Run, status fresnel.RunStatus, res fresnel.Result, took time.Duration) {
	a.metrics.Run(run.Job, string(status), res.Read, res.Written, took)
	for _, p := range res.Parts {
		a.metrics.Part(run.Job, string(p.State))
	}
}

// Close ends what New began. Run and the other tasks must have returned.
func (a *App) Close() error {
	a.azure.Close()
	a.cache.Close()
	return a.db.Close()
}

// Handler is the whole web surface, for tests.
func (a *App) Handler() http.Handler { return a.handler }

// Engine names the database engine.
func (a *App) Engine() string { return a.db.Engine() }

// drainTime is how long requests may go on after the program is told to stop.
const drainTime = 10 * time.Second

// Serve answers on the configured address and, unless Config.NoSync, syncs,
// until ctx ends; then it drains. listening is called with the address.
func (a *App) Serve(ctx context.Context, listening func(url string)) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", a.cfg.Listen)
	if err != nil {
		return &fresnel.Error{Kind: fresnel.Unavailable, Msg: "cannot listen on " + a.cfg.Listen, Do: "Another program may use the port: name another one in FRESNEL_LISTEN.", Err: err}
	}
	srv := &http.Server{
		Handler: a.handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	tasks := newTasks(ctx)
	tasks.Go(a.watch.run)
	tasks.Go(a.prune)
	if !a.cfg.NoSync {
		tasks.Go(func(ctx context.Context) error { return a.syncer.Run(ctx, true) })
	}
	tasks.Go(func(ctx context.Context) error {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		a.watch.stop() // live streams would never end by themselves
		return srv.Shutdown(end)
	})
	tasks.Go(func(context.Context) error {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	if listening != nil {
		listening("http://" + ln.Addr().String())
	}
	return tasks.Wait()
}

// Work syncs on schedule, without a web server, until ctx ends.
func (a *App) Work(ctx context.Context) error {
	tasks := newTasks(ctx)
	tasks.Go(a.prune)
	tasks.Go(func(ctx context.Context) error { return a.syncer.Run(ctx, true) })
	return tasks.Wait()
}

// keepRuns is how long ended runs are kept.
const keepRuns = 30 * 24 * time.Hour

func (a *App) prune(ctx context.Context) error {
	t := time.NewTicker(6 * time.Hour)
	defer t.Stop()
	for {
		if _, err := a.db.Runs().Prune(ctx, a.now().Add(-keepRuns)); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "old runs not pruned", "err", err)
		}
		if err := a.db.Inventory().Prune(ctx, a.now().Add(-inventory.KeepChanges)); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "old resources and changes not pruned", "err", err)
		}
		if err := a.db.Compliance().Prune(ctx, a.now().AddDate(0, 0, -compliance.KeepDays)); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "old compliance not pruned", "err", err)
		}
		if err := a.db.Identity().Prune(ctx, a.now().AddDate(0, 0, -identity.KeepDays)); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "old identity not pruned", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// ImportTenants adds or changes tenants.
func (a *App) ImportTenants(ctx context.Context, tenants []fresnel.Tenant) error {
	return a.db.Tenants().Put(ctx, tenants, a.now())
}

// CheckSecretRef judges a Key Vault secret URI.
func (a *App) CheckSecretRef(s string) error { return a.azure.CheckSecretRef(s) }

// SyncNow queues the jobs for every tenant, works until all are ended, and
// gives their runs. report is called about once a second with the open runs.
func (a *App) SyncNow(ctx context.Context, jobs []string, report func([]fresnel.Run)) ([]fresnel.Run, error) {
	tenants, err := a.db.Tenants().List(ctx, fresnel.AllTenants())
	if err != nil {
		return nil, err
	}
	if len(tenants) == 0 {
		return nil, &fresnel.Error{Kind: fresnel.NotFound, Msg: "no tenant is registered", Do: "Run: fresnel tenants import FILE"}
	}
	ids := make([]fresnel.TenantID, len(tenants))
	for i, t := range tenants {
		ids[i] = t.ID
	}
	for _, j := range jobs {
		if _, _, err := a.syncer.Trigger(ctx, j, ids); err != nil && fresnel.KindOf(err) != fresnel.Conflict {
			return nil, err
		}
	}
	last := time.Time{}
	err = a.syncer.Drain(ctx, func(ctx context.Context) (bool, error) {
		open, err := a.db.Runs().List(ctx, fresnel.AllTenants(), "", true, 0, 10_000)
		if report != nil && err == nil && time.Since(last) > 500*time.Millisecond {
			last = time.Now()
			report(open)
		}
		return len(open) > 0, err
	})
	if err != nil {
		return nil, err
	}
	var out []fresnel.Run
	for _, j := range jobs {
		runs, err := a.db.Runs().Latest(ctx, fresnel.AllTenants(), j)
		if err != nil {
			return nil, err
		}
		out = append(out, runs...)
	}
	if report != nil {
		report(nil)
	}
	return out, nil
}

// LatestRuns gives each tenant's newest ended run of a job and any open one.
func (a *App) LatestRuns(ctx context.Context, job string) ([]fresnel.Run, error) {
	return a.db.Runs().Latest(ctx, fresnel.AllTenants(), job)
}

// Tenants lists the active tenants.
func (a *App) Tenants(ctx context.Context) ([]fresnel.Tenant, error) {
	return a.db.Tenants().List(ctx, fresnel.AllTenants())
}
