package page

// healthy says that the newest run of the tenant has nothing to say: it is done, or there is none.
func (r FreshnessRow) healthy() bool { return r.State == RunDone || r.State == "" }

// retryable says whether trying the run again makes sense.
func (r SyncRun) retryable() bool { return r.State == RunFailed || r.State == RunPartial }

func freshnessTitle(m SyncFreshness) string {
	if m.onOverview() {
		return "Sync freshness"
	}
	return "Freshness by tenant"
}
