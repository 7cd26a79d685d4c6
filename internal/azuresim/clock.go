package azuresim

import (
	"fmt"
	"sync"
	"time"
)

// The modes of a Clock, as /sim/clock shows and takes them.
const (
	clockReal    = "real"
	clockFrozen  = "frozen"
	clockRunning = "running"
)

// Clock is the estate's time: real, frozen at an instant, or running with an offset. It decides which
// costs Azure shows; tokens and throttles ignore it. It is safe for concurrent use.
type Clock struct {
	mu     sync.Mutex
	mode   string
	frozen time.Time     // valid when frozen
	offset time.Duration // valid when running
}

// NewClock returns a clock that shows real time.
func NewClock() *Clock { return &Clock{mode: clockReal} }

// Now is the estate's present instant, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	switch c.mode {
	case clockFrozen:
		return c.frozen
	case clockRunning:
		return time.Now().Add(c.offset).UTC()
	default:
		return time.Now().UTC()
	}
}

// Freeze stops the clock at t.
func (c *Clock) Freeze(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mode, c.frozen = clockFrozen, t.UTC()
}

// Set jumps to t and runs on from there, also if the clock was frozen.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run(t)
}

func (c *Clock) run(t time.Time) { c.mode, c.offset = clockRunning, time.Until(t) }

// Advance jumps by d; a frozen clock stays frozen.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mode == clockFrozen {
		c.frozen = c.frozen.Add(d)
		return
	}
	c.run(c.now().Add(d))
}

// Resume lets a frozen clock run on from where it stands.
func (c *Clock) Resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mode == clockFrozen {
		c.run(c.frozen)
	}
}

// Real returns the clock to real time.
func (c *Clock) Real() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mode = clockReal
}

// clockState is the wire form of a Clock at /sim/clock.
type clockState struct {
	Mode string    `json:"mode"`
	Now  time.Time `json:"now"`
}

func (c *Clock) state() clockState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return clockState{Mode: c.mode, Now: c.now()}
}

// set applies a wire state. A zero instant keeps the present one.
func (c *Clock) set(st clockState) error {
	if st.Now.IsZero() {
		st.Now = c.Now()
	}
	switch st.Mode {
	case clockReal:
		c.Real()
	case clockFrozen:
		c.Freeze(st.Now)
	case clockRunning:
		c.Set(st.Now)
	default:
		return fmt.Errorf("azuresim: clock mode %q is not real, frozen or running", st.Mode)
	}
	return nil
}

// day is a civil UTC date, as days since 1970-01-01.
type day int32

func dayOf(t time.Time) day {
	s := t.Unix()
	if s < 0 {
		s -= 86399 // so that the division rounds down
	}
	return day(s / 86400)
}

func date(year int, month time.Month, d int) day {
	return dayOf(time.Date(year, month, d, 0, 0, 0, 0, time.UTC))
}

func (d day) start() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }
func (d day) String() string   { return d.start().Format(time.DateOnly) }

// number is the date as yyyymmdd, which is how Cost Management writes UsageDate.
func (d day) number() int {
	y, m, dd := d.start().Date()
	return y*10000 + int(m)*100 + dd
}

// month is the first day of d's month.
func (d day) month() day {
	y, m, _ := d.start().Date()
	return date(y, m, 1)
}

// addMonths moves the first of a month by n months.
func (d day) addMonths(n int) day {
	y, m, _ := d.start().Date()
	return date(y, m+time.Month(n), 1)
}
