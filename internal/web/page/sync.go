package page

import "strings"

// healthy says that the newest run of the tenant has nothing to say: it is done, or there is none.
func (r FreshnessRow) healthy() bool { return r.State == RunDone || r.State == "" }

// retryable says whether trying the run again makes sense.
func (r SyncRun) retryable() bool { return r.State == RunFailed || r.State == RunPartial }

// parts says what became of the subscriptions that were not simply read.
func (r SyncRun) parts() string {
	n := map[RunState]int{}
	for _, p := range r.Parts {
		n[p.State]++
	}
	var words []string
	for _, s := range []struct {
		state RunState
		words string
	}{{RunFailed, " not read"}, {RunSkipped, " skipped"}, {RunDone, " read"}} {
		if n[s.state] > 0 {
			words = append(words, Plural(n[s.state], "subscription", "subscriptions")+s.words)
		}
	}
	return strings.Join(words, ", ")
}

func freshnessTitle(m SyncFreshness) string {
	if m.onOverview() {
		return "Sync freshness"
	}
	return "Freshness by tenant"
}
