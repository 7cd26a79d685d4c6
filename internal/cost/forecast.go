package cost

// MonthEnd stands in until the forecast is merged.
type MonthEnd struct{ Spent, Expected, Low, High int64 }
