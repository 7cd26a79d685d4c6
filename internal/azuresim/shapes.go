package azuresim

// shape is an ordinary monthly or weekly pattern of a service: nothing that anyone should be told of.
type shape int

const (
	shapeFlat     shape = iota
	shapeMonthEnd       // busier on the last three days of the month
	shapeWeekday        // a batch on a fixed weekday
	shapeMonthDay       // a batch on a fixed day of each month
)

// shapeStreams gives about a tenth of the usage streams a shape. Those with a monthly batch have no
// weekend: a batch that falls on a Sunday must look as on a Monday, or nobody could recognise it.
func (e *estate) shapeStreams(s *subscription, streams []stream) {
	if e.grid {
		return
	}
	for i := range streams {
		st := &streams[i]
		h := mix(st.key, label("shape"))
		if h%10 != 0 || s.state == stateDisabled {
			continue
		}
		st.shape = shape(1 + below(mix(h, 1), 3))
		st.monthDay = 2 + below(mix(h, 2), 26)
		if st.shape != shapeWeekday {
			st.weekend = 1
		}
	}
}

// shaped is the amount of a day under the stream's shape.
func (g *generator) shaped(s *stream, d day, amount float64) float64 {
	switch s.shape {
	case shapeMonthEnd:
		if g.next-d <= 3 {
			return amount * 1.1
		}
	case shapeWeekday:
		if int(d)%7 == s.monthDay%7 {
			return amount * 1.25
		}
	case shapeMonthDay:
		if d == g.month+day(s.monthDay-1) {
			return amount + s.base/2
		}
	}
	return amount
}
