package page

import "testing"

func TestRunParts(t *testing.T) {
	t.Parallel()
	for _, of := range []struct{ job, want string }{{"costs", "2 subscriptions not read, 1 subscription skipped"}, {"identity", "2 directories not read, 1 directory skipped"}} {
		r := SyncRun{Job: of.job, Parts: []RunPart{{State: RunSkipped}, {State: RunFailed}, {State: RunFailed}}}
		if got := r.parts(); got != of.want {
			t.Errorf("%s: %q, want %q", of.job, got, of.want)
		}
	}
}
