package azuresim

import "time"

// identKept is how long a deleted account can be restored.
const identKept = 30 * 24 * time.Hour

// The events of accounts that tests make.
const (
	eventDelete  = "delete"
	eventPurge   = "purge"
	eventRestore = "restore"
	eventDisable = "disable"
	eventEnable  = "enable"
	eventSignIn  = "signin"
	eventMFA     = "mfa"
	eventNoMFA   = "nomfa"
)

// life is what an account is at an instant.
type life struct {
	born, deleted time.Time // a zero deleted: it is not
	purged        bool
	enabled       bool
	unborn        bool
	signedIn      time.Time // by an event
	mfa           string    // by an event
	changed       bool      // since the instant and the event that were asked about
}

func (l *life) alive() bool { return !l.unborn && l.deleted.IsZero() }

// kept says whether the account is deleted, and can be restored.
func (l *life) kept() bool { return !l.unborn && !l.deleted.IsZero() && !l.purged }

// numbers is one more than the greatest number of an account that was ever there, those of tests aside.
func (v *identView) numbers() int {
	n := v.accounts + v.gone
	if after := v.at.Sub(v.start); after > 0 {
		n += int(after/v.step) + 1
	}
	return n
}

// each calls a function with the number of every account that was ever there, until it says false.
func (v *identView) each(do func(i int) bool) {
	for i := range v.numbers() {
		if !do(i) {
			return
		}
	}
	for j := range v.ed.added {
		if !do(identAdded + j) {
			return
		}
	}
}

// natural is the life that an account has by itself: when it was made, disabled and deleted. The
// accounts of the cast stay as they are.
func (w *identTenant) natural(i int) (born, disabled, deleted time.Time) {
	key := mix(w.key, label("life"), uint64(i))
	draw := func(n uint64, span time.Duration) time.Duration {
		return time.Duration(unit(mix(key, n)) * float64(span)).Truncate(time.Second)
	}
	const day = 24 * time.Hour
	switch {
	case i < w.accounts:
		born = w.start.Add(-5*day - draw(1, 2500*day))
		if below(mix(key, 5), 25) == 0 {
			born = w.start.Add(-draw(1, 40*day)) // joined lately
		}
		if i >= identCast {
			deleted = w.start.Add(time.Second + draw(2, 1000*day))
		}
	case i < w.accounts+w.gone:
		born = w.start.Add(-60*day - draw(1, 2000*day))
		deleted = w.start.Add(-draw(2, 29*day))
	default:
		j := i - w.accounts - w.gone
		born = w.start.Add(time.Duration(j)*w.step + time.Second + draw(1, w.step))
		deleted = born.Add(day + draw(2, 1000*day))
	}
	switch {
	case i == castDisabled:
		disabled = w.start.Add(-100 * day)
	case i < identCast:
	case below(mix(key, 3), 100) < 7 && i < w.accounts:
		disabled = w.start.Add(-draw(4, 400*day))
	default:
		disabled = maxTime(born, w.start).Add(time.Second + draw(4, 3000*day))
	}
	return born, disabled, deleted
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// life is what an account is now.
func (v *identView) life(i int) life { return v.lifeSince(i, v.at, 0) }

// lifeSince is what an account is now, and says whether anything happened to it after an instant or
// after an event of a test.
func (v *identView) lifeSince(i int, since time.Time, seq int) life {
	var l life
	later := func(t time.Time) bool { return t.After(since) && !t.After(v.at) }
	if i >= identAdded {
		a := &v.ed.added[i-identAdded]
		l = life{born: a.Created, enabled: !a.Disabled, unborn: a.at.After(v.at), changed: a.seq > seq || later(a.at)}
	} else {
		born, disabled, deleted := v.natural(i)
		l = life{born: born, unborn: born.After(v.at), enabled: disabled.IsZero() || disabled.After(v.at), changed: later(born) || later(disabled)}
		if !deleted.IsZero() && !deleted.After(v.at) {
			l.deleted = deleted
			l.purged = !deleted.Add(identKept).After(v.at)
			l.changed = l.changed || later(deleted) || later(deleted.Add(identKept))
		}
	}
	for _, ev := range v.ed.events[i] {
		if ev.at.After(v.at) {
			continue
		}
		l.apply(ev, v.at)
		shown := ev.kind != eventSignIn && ev.kind != eventMFA && ev.kind != eventNoMFA // in what delta tells
		l.changed = l.changed || shown && (ev.seq > seq || later(ev.at))
	}
	return l
}

func (l *life) apply(ev identEvent, at time.Time) {
	switch ev.kind {
	case eventDelete:
		l.deleted, l.purged = ev.at, !ev.at.Add(identKept).After(at)
	case eventPurge:
		if l.deleted.IsZero() {
			l.deleted = ev.at
		}
		l.purged = true
	case eventRestore:
		l.deleted, l.purged = time.Time{}, false
	case eventDisable, eventEnable:
		l.enabled = ev.kind == eventEnable
	case eventSignIn:
		l.signedIn = ev.at
	case eventMFA, eventNoMFA:
		l.mfa = ev.kind
	}
}
