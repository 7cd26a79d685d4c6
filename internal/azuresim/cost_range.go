package azuresim

import (
	"fmt"
	"time"
)

// The ranges of the query API.
const (
	maxDailyDays = 31 // of a daily answer
	maxMonths    = 37
	keptMonths   = 12 // of any other answer: what is older is left out without a word
)

// resolve turns the timeframe into days. Azure corrects periods instead of refusing them: swapped
// ends are swapped back, a future end is cut to today, a wholly future period moves to last year.
func (q *query) resolve(w *queryWire, at time.Time) error {
	today := dayOf(at)
	month := today.month()
	frame, ok := pick(w.Timeframe, "Custom", "MonthToDate", "BillingMonthToDate", "TheCurrentMonth", "TheLastMonth", "TheLastBillingMonth", "WeekToDate")
	if !ok {
		return badf("Invalid query definition: timeframe '%s' is not known.", w.Timeframe)
	}
	switch frame {
	case "Custom":
		if err := q.custom(w); err != nil {
			return err
		}
	case "WeekToDate":
		q.from, q.to = today-day((int(today)+4)%7), today // from Sunday
	case "TheLastMonth", "TheLastBillingMonth":
		q.from, q.to = month.addMonths(-1), month-1
	default:
		q.from, q.to = month, today
	}
	if q.from > q.to {
		q.from, q.to = q.to, q.from
	}
	if q.from > today {
		q.from, q.to = dayOf(q.from.start().AddDate(-1, 0, 0)), dayOf(q.to.start().AddDate(-1, 0, 0))
	}
	q.to = min(q.to, today)
	if n := int(q.to-q.from) + 1; q.granularity == daily && n > maxDailyDays {
		return badf("Invalid query definition: the time period of a Daily query must not exceed %d days, but is %d days (%s to %s).", maxDailyDays, n, q.from, q.to)
	}
	if q.from < q.to.month().addMonths(-maxMonths) {
		return badf("Invalid query definition: the time period must not exceed %d months.", maxMonths)
	}
	// Between the two limits Azure answers with the last year, and does not say so.
	if least := dayOf((q.to + 1).start().AddDate(0, -keptMonths, 0)); q.granularity != daily {
		q.from = max(q.from, least)
	}
	return nil
}

func (q *query) custom(w *queryWire) error {
	if w.TimePeriod == nil {
		return badf("Invalid query definition: timePeriod is required when timeframe is Custom.")
	}
	from, err := parseTime(w.TimePeriod.From)
	if err != nil {
		return badf("Invalid query definition: timePeriod.from '%s' is not a date.", w.TimePeriod.From)
	}
	to, err := parseTime(w.TimePeriod.To)
	if err != nil {
		return badf("Invalid query definition: timePeriod.to '%s' is not a date.", w.TimePeriod.To)
	}
	q.from, q.to = dayOf(from), dayOf(to)
	return nil
}

// parseTime takes the forms that Azure takes: with a zone, without, or only a date.
func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("azuresim: %q is not a time", s)
}
