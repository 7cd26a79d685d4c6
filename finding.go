package fresnel

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Finding is something wrong, or unusual, that a rule found. Its key (tenant,
// rule, object, since) is stable: found again, it is the same finding.
type Finding struct {
	ID       int64 // given by the store
	Tenant   TenantID
	Rule     string
	Object   string // what it is about, in the rule's own words
	Since    Day    // the first day on which it holds
	Until    Day    // the last one known; what still lasts is found again
	USD      int64  // what it is worth, micro-units of CostUSD; the order of lists
	Detail   string // JSON of the rule
	First    time.Time
	Last     time.Time // when it was last found to have changed
	Resolved time.Time // when it was no longer found; zero = it holds
}

// Verdict is what people say of a finding.
type Verdict string

// The verdicts. No verdict is an open finding.
const (
	Acknowledged Verdict = "acknowledged" // somebody has seen it and looks after it
	Expected     Verdict = "expected"     // it is fine, for a reason and a time
)

// Exception is a verdict with its reason: on one finding, on all findings of a
// rule about an object, or on those about all that is in an object.
type Exception struct {
	ID      int64
	Tenant  TenantID
	Rule    string
	Object  string // of the finding, or the ARM id (lower case) of what holds its object: a subscription, a resource group, a resource
	Since   Day    // of the one finding; 0 = of any day
	Verdict Verdict
	Note    string
	Author  string
	Created time.Time
	Expires time.Time // zero = never
	Ended   time.Time // when somebody took it back; zero = not
}

// Covers tells whether the exception speaks of a finding at an instant.
func (e Exception) Covers(f Finding, now time.Time) bool {
	return e.Tenant == f.Tenant && e.Rule == f.Rule && (e.Object == f.Object || e.Holds(f.Object)) &&
		(e.Since == 0 || e.Since == f.Since) && e.Standing(now) == StandingActive
}

// Holds tells whether an object is in what the exception is of.
func (e Exception) Holds(object string) bool {
	return strings.HasPrefix(e.Object, "/subscriptions/") && strings.HasPrefix(object, e.Object+"/")
}

// Standing is whether an exception holds.
type Standing string

// The standings of an exception.
const (
	StandingActive  Standing = "active"
	StandingExpired Standing = "expired" // its time is over
	StandingEnded   Standing = "ended"   // somebody took it back, or said something else
)

// Standing tells whether the exception holds at an instant.
func (e Exception) Standing(now time.Time) Standing {
	switch {
	case !e.Ended.IsZero():
		return StandingEnded
	case !e.Expires.IsZero() && !now.Before(e.Expires):
		return StandingExpired
	}
	return StandingActive
}

// ExceptionsByObject are exceptions by what they are of.
type ExceptionsByObject map[string][]Exception

// ByObject sorts exceptions by what they are of.
func ByObject(es []Exception) ExceptionsByObject {
	out := ExceptionsByObject{}
	for _, e := range es {
		out[e.Object] = append(out[e.Object], e)
	}
	return out
}

// StateOf judges a finding by those that are of its object, or of what holds it.
func (x ExceptionsByObject) StateOf(f Finding, now time.Time) (State, *Exception) {
	var about []Exception
	for _, object := range objectsAbove(f.Object) {
		about = append(about, x[object]...)
	}
	return StateOf(f, about, now)
}

// objectsAbove lists what an exception may be of to hold an object: the object,
// and of an ARM id every id that it is in.
func objectsAbove(object string) []string {
	out := []string{object}
	if strings.HasPrefix(object, "/subscriptions/") {
		for i := strings.LastIndexByte(object, '/'); i > len("/subscriptions/"); i = strings.LastIndexByte(object[:i], '/') {
			out = append(out, object[:i])
		}
	}
	return out
}

// State is where a finding stands.
type State string

// The states of a finding.
const (
	StateOpen         State = "open"
	StateAcknowledged State = "acknowledged"
	StateExpected     State = "expected"
	StateResolved     State = "resolved"
)

// StateOf judges a finding by the exceptions at an instant, and gives the one
// that decided: expected wins over acknowledged, the newest over older ones.
func StateOf(f Finding, es []Exception, now time.Time) (State, *Exception) {
	if !f.Resolved.IsZero() {
		return StateResolved, nil
	}
	state, by := StateOpen, (*Exception)(nil)
	for i := range es {
		e := &es[i]
		if !e.Covers(f, now) {
			continue
		}
		better := by == nil || e.Verdict == Expected && by.Verdict != Expected ||
			e.Verdict == by.Verdict && e.Created.After(by.Created)
		if better {
			state, by = State(e.Verdict), e
		}
	}
	return state, by
}

// CheckException judges what a person says, on a day. An expected finding needs
// a reason and an end: what is fine for ever belongs into the rule. It fails
// with Invalid.
func CheckException(e Exception, now time.Time) error {
	switch e.Verdict {
	case Acknowledged:
	case Expected:
		if strings.TrimSpace(e.Note) == "" {
			return Errorf(Invalid, "say why this is expected: the note is empty")
		}
		if e.Expires.IsZero() {
			return Errorf(Invalid, "say until when this is expected: an expiry date is missing")
		}
	default:
		return Errorf(Invalid, "verdict %.40q: expected acknowledged or expected", e.Verdict)
	}
	if len(e.Note) > MaxNote {
		return Errorf(Invalid, "the note is longer than %d characters", MaxNote)
	}
	if !e.Expires.IsZero() && (!e.Expires.After(now) || e.Expires.After(now.AddDate(1, 0, 1))) {
		return Errorf(Invalid, "the expiry %s is not within the next year", DayOf(e.Expires))
	}
	return nil
}

// MaxNote is the longest note, in bytes.
const MaxNote = 2000

// Reconciled is what is to be kept after a search.
type Reconciled struct {
	Put      []Finding // new, or seen again with what they are now
	Resolved []Finding // held before, judged again, and no longer found
}

// Reconcile compares what was found with what is held of the same tenant and
// rule. What is found keeps the key, and so the verdicts, of the held finding
// that is the same: about the same object, as same tells, the nearest first day
// before others. judged tells whether a held finding would have been found
// again if it still held; the others are left as they are.
func Reconcile(held, found []Finding, same func(held, found Finding) bool, judged func(Finding) bool) Reconciled {
	var out Reconciled
	taken := make([]bool, len(held))
	byObject := map[string][]int{}
	for i, h := range held {
		byObject[h.Object] = append(byObject[h.Object], i)
	}
	for _, f := range slices.SortedFunc(slices.Values(found), func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Since, b.Since))
	}) {
		best := -1
		for _, i := range byObject[f.Object] {
			if !taken[i] && same(held[i], f) && (best < 0 || distance(held[i], f) < distance(held[best], f)) {
				best = i
			}
		}
		if best >= 0 {
			taken[best] = true
			f.ID, f.Since = held[best].ID, held[best].Since
		}
		out.Put = append(out.Put, f)
	}
	for i, h := range held {
		if !taken[i] && h.Resolved.IsZero() && judged(h) {
			out.Resolved = append(out.Resolved, h)
		}
	}
	return out
}

func distance(a, b Finding) int {
	d := int(a.Since - b.Since)
	return max(d, -d)
}

// maxKey is the most bytes of an object's key: engines index no more than that.
const maxKey = 400

// ObjectKey is the key of an ARM id: in lower case, because ids are compared
// without regard to case, and their case changes from answer to answer. An id
// that is longer than what is indexed is cut and ends in a hash of the whole, so
// that two of them stay two.
func ObjectKey(id string) string {
	id = strings.ToLower(id)
	if len(id) <= maxKey {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	tail := "#" + hex.EncodeToString(sum[:16])
	return strings.ToValidUTF8(id[:maxKey-len(tail)], "") + tail
}
