package azuresim

import "time"

// signIns is what Entra keeps of an account's use. Instants that are zero are null; without any the
// property is absent.
type signIns struct {
	last, successful, nonInteractive time.Time
	key                              uint64
}

func (s *signIns) none() bool {
	return s.last.IsZero() && s.successful.IsZero() && s.nonInteractive.IsZero()
}

// The dates from which Entra keeps sign-ins at all, and successful ones by themselves.
var (
	signInsKept     = time.Date(2020, 4, 1, 0, 0, 0, 0, time.UTC)
	successfulSince = time.Date(2023, 12, 1, 0, 0, 0, 0, time.UTC)
)

// signInDelay is how far behind Entra shows sign-ins.
const signInDelay = 6 * time.Hour

// The ways in which accounts are used.
const (
	useActive    = iota // every few days
	useLeaving          // until shortly before the start: goes stale as the clock moves
	useStale            // not for a long time
	useNever            // not once
	useAttacked         // not for a long time, but somebody tries
	useGuessed          // never, but somebody tries
	useMachine          // only by tokens that renew themselves
	useLongStale        // not since Entra keeps successful sign-ins by themselves
	useMixed            // seldom by hand, daily by tokens
)

// use is how an account is used.
func (w *identTenant) use(i int, guest bool) int {
	switch i {
	case castGlass, castPackage:
		return useNever
	case castGlassToo:
		return useStale
	case castSync:
		return useMachine
	}
	if i < identCast {
		return useActive
	}
	n := below(mix(w.key, label("use"), uint64(i)), 100)
	if guest {
		n = n * 2 // of guests twice as many are not active
	}
	switch {
	case n < 10:
		return useStale
	case n < 14:
		return useLeaving
	case n < 19:
		return useNever
	case n < 22:
		return useAttacked
	case n < 23:
		return useGuessed
	case n < 26:
		return useMachine
	case n < 28:
		return useLongStale
	case n < 36:
		return useMixed
	}
	return useActive
}

// signIns are an account's, as Entra shows them now.
func (v *identView) signIns(a *account) signIns {
	key := mix(v.key, label("signins"), uint64(a.i))
	out := signIns{key: key}
	if a.i >= identAdded {
		n := &v.ed.added[a.i-identAdded]
		out.last, out.successful, out.nonInteractive = n.LastSignIn, n.LastSuccessful, n.LastNonInteractive
	} else {
		v.naturalSignIns(a, key, &out)
	}
	if t := a.life.signedIn; !t.IsZero() {
		out.last, out.successful = t, t
	}
	return out
}

func (v *identView) naturalSignIns(a *account, key uint64, out *signIns) {
	const day = 24 * time.Hour
	now := v.at.Add(-signInDelay)
	if !a.life.enabled { // it was used until it was disabled
		_, disabled, _ := v.natural(a.i)
		if !disabled.IsZero() && disabled.Before(now) {
			now = disabled
		}
	}
	draw := func(n uint64, lo, hi time.Duration) time.Duration {
		return time.Duration(between(mix(key, n), float64(lo), float64(hi))).Truncate(time.Second)
	}
	// latest is the last of instants that recur.
	latest := func(n uint64, every time.Duration) time.Time {
		first := a.life.born.Add(draw(n, 0, every))
		if now.Before(first) {
			return time.Time{}
		}
		return first.Add(now.Sub(first) / every * every)
	}
	before := func(n uint64, lo, hi time.Duration) time.Time { // the start, but not before it was born
		t := v.start.Add(-draw(n, lo, hi))
		if t.Before(a.life.born) || t.After(now) {
			return time.Time{}
		}
		return t
	}
	switch v.use(a.i, a.external) {
	case useActive:
		out.successful = latest(1, day+draw(2, 0, 12*day))
		out.last = out.successful
		if failed := latest(3, 15*day); below(key, 4) == 0 && failed.After(out.last) {
			out.last = failed
		}
		if below(mix(key, 4), 3) > 0 {
			out.nonInteractive = latest(5, 20*time.Hour)
		}
	case useLeaving:
		out.successful = before(1, day, 88*day)
		out.last = out.successful
	case useStale:
		out.successful = before(1, 95*day, 600*day)
		out.last = out.successful
		if below(mix(key, 4), 3) == 0 {
			out.nonInteractive = before(5, 92*day, 95*day)
		}
	case useAttacked:
		if out.successful = before(1, 100*day, 500*day); !out.successful.IsZero() {
			out.last = latest(2, 3*day)
		}
	case useGuessed:
		if a.life.born.After(successfulSince) {
			out.last = latest(2, 9*day)
		}
	case useMachine:
		out.nonInteractive = latest(1, 22*time.Hour)
	case useLongStale:
		t := signInsKept.Add(draw(1, 0, successfulSince.Sub(signInsKept)))
		if t.After(a.life.born) && t.Before(now) {
			out.last = t
		}
	case useMixed:
		out.successful = before(1, 60*day, 200*day)
		out.last = out.successful
		out.nonInteractive = latest(2, 26*time.Hour)
	}
	if out.successful.Before(successfulSince) && !out.successful.IsZero() { // Entra did not keep it then
		out.successful = time.Time{}
	}
	if !out.last.IsZero() && out.last.Before(signInsKept) {
		out.last = time.Time{}
	}
}

// wire is the property signInActivity, or nothing.
func (s *signIns) wire() any {
	if s.none() {
		return nil
	}
	request := func(t time.Time, n uint64) any {
		if t.IsZero() {
			return nil
		}
		return guid(mix(s.key, n, uint64(t.Unix())))
	}
	return identObject{
		{"lastSignInDateTime", nullTime(s.last)},
		{"lastSignInRequestId", request(s.last, 1)},
		{"lastNonInteractiveSignInDateTime", nullTime(s.nonInteractive)},
		{"lastNonInteractiveSignInRequestId", request(s.nonInteractive, 2)},
		{"lastSuccessfulSignInDateTime", nullTime(s.successful)},
		{"lastSuccessfulSignInRequestId", request(s.successful, 3)},
	}
}

func nullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}
