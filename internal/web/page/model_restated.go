package page

// Restated is the body of PathRestated.
type Restated struct {
	Region
	Sub    string
	Rows   []RestatedDay
	More   bool            // there are more than are shown; then there are no totals
	Totals []RestatedTotal // by month and currency, newest first
}

// RestatedTotal is how far a month moved in one currency.
type RestatedTotal struct{ Month, Change, Note string }
