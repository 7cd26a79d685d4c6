package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"fresnel"
	"fresnel/internal/web/page"
)

func (h handlers) syncPage(ctx context.Context, q *request) (view, error) {
	if len(q.tenants) == 0 {
		return firstRun, nil
	}
	var m page.Sync
	var err error
	if m.Jobs, err = h.jobsModel(ctx, q); err != nil {
		return nil, err
	}
	if m.Freshness, err = h.freshnessModel(ctx, q, 0); err != nil {
		return nil, err
	}
	m.Stats = syncStats(q, m)
	return func(s page.Shell) templ.Component { return page.SyncPage(s, m) }, nil
}

func (h handlers) syncFreshness(ctx context.Context, q *request) (templ.Component, error) {
	limit := 0
	if q.query.View != "" {
		limit = 8
	}
	m, err := h.freshnessModel(ctx, q, limit)
	return page.SyncFreshnessPanel(m), err
}

func (h handlers) syncJobs(ctx context.Context, q *request) (templ.Component, error) {
	m, err := h.jobsModel(ctx, q)
	return page.SyncJobsPanel(m), err
}

func syncStats(q *request, m page.Sync) []page.Stat {
	running, waiting, queued, failed := 0, 0, 0, 0
	for _, r := range m.Jobs.Runs {
		switch r.State {
		case page.RunRunning:
			running++
		case page.RunWaiting:
			running++
			waiting++
		case page.RunQueued:
			queued++
		case page.RunDone, page.RunFailed, page.RunPartial:
		}
	}
	var oldest time.Time
	age, whose := page.Dash, "Nothing read yet"
	for _, row := range m.Freshness.Rows {
		for i, r := range []page.Reading{row.Costs, row.Resources, row.Compliance, row.Identity} {
			if r.State == page.RunFailed || r.State == page.RunPartial {
				failed++
			}
			if !r.At.IsZero() && (oldest.IsZero() || r.At.Before(oldest)) {
				oldest = r.At
				age, whose = page.Age(q.now, r.At), row.Name+", "+jobs[i]
			}
		}
	}
	return []page.Stat{
		{Label: "Tenants current", Figure: page.Count(m.Freshness.CurrentTenants) + " of " + page.Count(len(m.Freshness.Rows)), Note: m.Freshness.Schedule},
		{Label: "Running now", Figure: page.Count(running), Note: page.Count(waiting) + " waiting for Azure, " + page.Count(queued) + " queued"},
		{Label: "Failed or partial", Figure: page.Count(failed), Note: "by the newest run of each job and tenant"},
		{Label: "Oldest data", Figure: age, Note: whose},
	}
}

const jobsShown = 25

// jobsModel lists the newest runs, the open ones first.
func (h handlers) jobsModel(ctx context.Context, q *request) (page.SyncJobs, error) {
	runs, err := h.Runs.List(ctx, q.scope, "", false, 0, jobsShown)
	if err != nil {
		return page.SyncJobs{}, err
	}
	slices.SortStableFunc(runs, func(a, b fresnel.Run) int { return openFirst(a) - openFirst(b) })
	m := page.SyncJobs{Region: page.Region{Query: q.query}, CanSync: true, LastEvent: q.now}
	m.Fresh = page.Freshness{Now: q.now}
	for _, r := range runs {
		m.Runs = append(m.Runs, syncRun(r, q.now))
		if r.Completed.After(m.Fresh.SyncedAt) && r.Status != fresnel.Failed {
			m.Fresh.SyncedAt = r.Completed
		}
	}
	if len(runs) == 0 {
		m.Fresh.State, m.Fresh.EmptyTitle, m.Fresh.EmptyText = page.Empty, "No sync has run yet", "Runs appear here as soon as one is queued."
	}
	return m, nil
}

func openFirst(r fresnel.Run) int {
	switch r.Status {
	case fresnel.Running:
		return 0
	case fresnel.Queued:
		return 1
	case fresnel.Completed, fresnel.Partial, fresnel.Failed:
	}
	return 2
}

func syncRun(r fresnel.Run, now time.Time) page.SyncRun {
	o := page.SyncRun{
		ID: strconv.FormatInt(r.ID, 10), Job: r.Job, Tenant: r.TenantName, TenantID: string(r.Tenant), State: runState(r, now),
		Started: r.Started, Finished: r.Completed, Until: r.Progress.Wait, Reason: page.Sentence(r.Reason), Do: r.Do,
		Progress: page.Progress{Done: r.Progress.Done, Of: r.Progress.Total, Words: runWords(r)},
	}
	switch r.Status {
	case fresnel.Queued:
		o.Words = "waiting for a free place"
	case fresnel.Completed, fresnel.Partial:
		took := r.Completed.Sub(r.Started)
		o.Words = rowsOf(r.Job, r.Result.Read) + " read, " + page.Count(r.Result.Written) + " changed"
		if took > 0 {
			o.Words += " in " + short(took)
		}
	case fresnel.Running, fresnel.Failed:
	}
	for _, p := range r.Result.Parts {
		state := page.RunFailed
		switch p.State {
		case fresnel.PartSkipped:
			state = page.RunSkipped
		case fresnel.PartRead: // with something to say
			state = page.RunDone
		case fresnel.PartFailed:
		}
		reason := page.Sentence(p.Reason)
		if p.Do != "" {
			reason += ". " + p.Do
		}
		o.Parts = append(o.Parts, page.RunPart{Name: p.Name, State: state, Reason: reason})
	}
	return o
}

// short writes how long something took: "0.3 s", "42 s", "5 min 3 s".
func short(d time.Duration) string {
	switch d = d.Round(100 * time.Millisecond); {
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return page.Count(int(d.Seconds())) + " s"
	}
	return page.Count(int(d.Minutes())) + " min " + page.Count(int(d.Seconds())%60) + " s"
}

func runWords(r fresnel.Run) string {
	if r.Job == "identity" { // nobody says beforehand how many there are
		if r.Progress.Rows == 0 {
			return "Reading the directory"
		}
		return rowsOf(r.Job, r.Progress.Rows)
	}
	if r.Progress.Total == 0 {
		return "Listing subscriptions"
	}
	of := " months of cost data · "
	if r.Job == "resources" || r.Job == "compliance" {
		of = " subscriptions · "
	}
	return page.Count(r.Progress.Done) + " of " + page.Count(r.Progress.Total) + of + rowsOf(r.Job, r.Progress.Rows)
}

// rowsOf is how much a job has read.
func rowsOf(job string, n int) string {
	switch job {
	case "resources":
		return page.Plural(n, "resource", "resources")
	case "compliance":
		return page.Plural(n, "resource judged", "resources judged")
	case "identity":
		return page.Plural(n, "directory entry", "directory entries")
	}
	return page.Plural(n, "row", "rows")
}

// startSync queues a job and shows the Sync page, where its runs are seen.
func (h handlers) startSync(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	s := fresnel.ScopeFrom(ctx)
	visible, err := h.Tenants.List(ctx, s)
	var ids []fresnel.TenantID
	if err == nil {
		words := r.URL.Query()["tenant"]
		if len(words) == 0 {
			for _, t := range visible {
				ids = append(ids, t.ID)
			}
		} else {
			ids, err = fresnel.FindTenants(visible, words)
		}
	}
	if err == nil {
		err = h.trigger(ctx, r.PathValue("job"), ids)
	}
	if err != nil {
		p := h.problem(ctx, err, "")
		q := &request{now: h.Now(), full: s, tenants: visible}
		shell := h.shell(ctx, p.Title, page.PathSync, q)
		h.render(ctx, w, p.Status, page.ErrorPage(shell, p))
		return
	}
	http.Redirect(w, r, page.PathSync, http.StatusSeeOther)
}

// trigger queues a job, or all of them. What is under way is no error: the page shows it.
func (h handlers) trigger(ctx context.Context, job string, tenants []fresnel.TenantID) error {
	list := []string{job}
	if job == page.AllJobs {
		list = jobs
	}
	for _, j := range list {
		if _, _, err := h.Sync.Trigger(ctx, j, tenants); err != nil && fresnel.KindOf(err) != fresnel.Conflict {
			return err
		}
	}
	return nil
}

// keepAlive is how often a silent stream says something: proxies end streams
// that do not.
const keepAlive = 20 * time.Second

// events is the live stream of a page.
func (h handlers) events(w http.ResponseWriter, r *http.Request) {
	events, done := h.Subscribe(fresnel.ScopeFrom(r.Context()))
	defer done()
	rc := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	if _, err := fmt.Fprint(w, ": connected\n\n"); err != nil || rc.Flush() != nil {
		return
	}
	t := time.NewTicker(keepAlive)
	defer t.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-t.C:
			if _, err := fmt.Fprint(w, ": still here\n\n"); err != nil {
				return
			}
		case e, ok := <-events:
			if !ok || writeEvent(w, e, h.Now()) != nil {
				return
			}
		}
		if rc.Flush() != nil {
			return
		}
	}
}

type dataEvent struct {
	Topic string `json:"topic"`
}

type progressEvent struct {
	Run   string `json:"run"`
	State string `json:"state"`
	Done  int    `json:"done"`
	Of    int    `json:"of"`
	Words string `json:"words"`
}

func writeEvent(w http.ResponseWriter, e Event, now time.Time) error {
	for _, r := range e.Runs {
		err := send(w, "sync-progress", progressEvent{
			Run: strconv.FormatInt(r.ID, 10), State: string(runState(r, now)), Done: r.Progress.Done, Of: r.Progress.Total, Words: runWords(r),
		})
		if err != nil {
			return err
		}
	}
	if !e.Data {
		return nil
	}
	for _, topic := range []string{"cost", "inventory", "compliance", "identity", "sync"} {
		if err := send(w, "data-updated", dataEvent{topic}); err != nil {
			return err
		}
	}
	return nil
}

func send(w http.ResponseWriter, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, b)
	return err
}
