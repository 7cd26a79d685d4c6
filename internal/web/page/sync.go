package page

import "strings"

// healthy says that the newest run has nothing to say: it is done, or there is none.
func (r Reading) healthy() bool { return r.State == RunDone || r.State == "" }

// current says that all was read lately.
func (r Reading) current() bool { return r.healthy() && !r.Stale && r.Reason == "" }

// reasons are what there is to say of a tenant, by job.
func (r FreshnessRow) reasons() []string {
	var out []string
	for _, one := range []struct {
		job string
		of  Reading
	}{{"Costs: ", r.Costs}, {"Resources: ", r.Resources}, {"Compliance: ", r.Compliance}, {"Identity: ", r.Identity}} {
		if one.of.Reason != "" {
			out = append(out, one.job+one.of.Reason)
		}
	}
	if r.Costs.Reason == r.Resources.Reason && r.Costs.Reason == r.Compliance.Reason && r.Costs.Reason == r.Identity.Reason && r.Costs.Reason != "" {
		return []string{r.Costs.Reason}
	}
	return out
}

// JobName is a job in words.
func JobName(job string) string {
	switch job {
	case "costs":
		return "Costs"
	case "resources":
		return "Resources"
	case "compliance":
		return "Compliance"
	case "identity":
		return "Identity"
	}
	return Sentence(job)
}

// retryable says whether trying the run again makes sense.
func (r SyncRun) retryable() bool { return r.State == RunFailed || r.State == RunPartial }

// parts says what became of the subscriptions that were not simply read; identity
// has one part, the directory.
func (r SyncRun) parts() string {
	one, more := "subscription", "subscriptions"
	if r.Job == "identity" {
		one, more = "directory", "directories"
	}
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
			words = append(words, Plural(n[s.state], one, more)+s.words)
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
