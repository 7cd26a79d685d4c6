package page

import "time"

// Sync is the body of PathSync.
type Sync struct {
	Stats     []Stat // tenants current, running now, failed or partial, oldest data
	Jobs      SyncJobs
	Freshness SyncFreshness
}

// Stat is one labelled figure.
type Stat struct{ Label, Figure, Note string }

// SyncFreshness lists when the costs and the resources of each tenant were last read. Trouble comes first.
type SyncFreshness struct {
	Region
	Rows    []FreshnessRow
	More    int    // rows left out; links to Sync status
	Current string // "5 of 6 tenants current"

	CurrentTenants int
	Schedule       string // "Stale after 24 h. Read every 4 h"
	CanSync        bool   // whether the viewer may start a sync: prints "Sync all now"
	CSRF           string
}

// FreshnessRow is one tenant.
type FreshnessRow struct {
	Name, URL        string
	Costs, Resources Reading
	Compliance       Reading
	Identity         Reading
}

// Reading is what a job last read of a tenant.
type Reading struct {
	At     time.Time // last good read; zero is never
	State  RunState  // of its newest run; RunDone prints only the age
	Stale  bool
	Reason string // why it is stale or failing, in words
}

// RunState is where a sync run stands.
type RunState string

// The states of a sync run.
const (
	RunQueued  RunState = "queued"
	RunRunning RunState = "running"
	RunWaiting RunState = "waiting" // for Azure's limits, told by Azure or kept by us
	RunDone    RunState = "done"
	RunPartial RunState = "partial" // some parts failed; the rest is stored
	RunFailed  RunState = "failed"
	RunSkipped RunState = "skipped" // of a part: nothing is to be read there
)

// SyncJobs lists the newest sync runs, those that run first.
type SyncJobs struct {
	Region
	Runs      []SyncRun
	LastEvent time.Time
	CanSync   bool // whether the viewer may retry
	CSRF      string
}

// SyncRun is one attempt of a job for one tenant.
type SyncRun struct {
	ID       string // printed as data-run; "sync-progress" events name it
	Job      string // "costs", as addresses name it
	Tenant   string
	TenantID string // where a retry posts to
	State    RunState
	Progress Progress  // for RunRunning and RunWaiting
	Words    string    // for RunQueued, RunDone: "behind 2 jobs", "41,208 rows in 3.4 s"
	Started  time.Time // zero while queued
	Finished time.Time
	Until    time.Time // with RunWaiting: when it goes on; with RunFailed: when it is tried again
	Reason   string    // with RunFailed and RunPartial: "403 AuthorizationFailed: the app registration lost its Reader role."
	Do       string    // what to do about it
	Parts    []RunPart
}

// RunPart is one part of a run: a subscription and what became of it.
type RunPart struct {
	Name   string
	State  RunState
	Reason string
}
