package cost

import "fresnel"

type ForecastInput struct {
	From      fresnel.Day
	Daily     []int64
	Month     fresnel.Day
	SettledTo fresnel.Day
	Today     fresnel.Day
}

type MonthEnd struct {
	Month     fresnel.Day
	Spent     int64
	Expected  int64
	Low, High int64
	Days      int
	History   int
}

func Forecast(in ForecastInput) (MonthEnd, bool) { return MonthEnd{}, false }
