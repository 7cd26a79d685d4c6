package azuresim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// queryWire is the body of a query as clients send it.
type queryWire struct {
	Type       string `json:"type"`
	Timeframe  string `json:"timeframe"`
	TimePeriod *struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"timePeriod"`
	Dataset struct {
		Granularity string        `json:"granularity"`
		Aggregation aggregations  `json:"aggregation"`
		Grouping    []columnWire  `json:"grouping"`
		Filter      *filterWire   `json:"filter"`
		Sorting     []sortingWire `json:"sorting"`
	} `json:"dataset"`
}

type columnWire struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

type sortingWire struct {
	Direction string `json:"direction"`
	Name      string `json:"name"`
}

type filterWire struct {
	And        []filterWire   `json:"and"`
	Or         []filterWire   `json:"or"`
	Not        *filterWire    `json:"not"`
	Dimensions *dimensionWire `json:"dimensions"`
	Tags       *dimensionWire `json:"tags"`
}

type dimensionWire struct {
	Name     string   `json:"name"`
	Operator string   `json:"operator"`
	Values   []string `json:"values"`
}

// aggregations keeps the order in which a client names them: it is the order of the columns.
type aggregations []aggregation

type aggregation struct{ alias, name, function string }

// UnmarshalJSON reads a JSON object in the order of its members.
func (a *aggregations) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(strings.NewReader(string(b)))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		if string(b) == "null" {
			return nil
		}
		return fmt.Errorf("aggregation is not an object")
	}
	for dec.More() {
		alias, err := dec.Token()
		if err != nil {
			return err
		}
		var v struct {
			Name     string `json:"name"`
			Function string `json:"function"`
		}
		if err := dec.Decode(&v); err != nil {
			return err
		}
		*a = append(*a, aggregation{alias.(string), v.Name, v.Function}) //nolint:errcheck // keys of JSON objects are strings
	}
	return nil
}

// Granularities, in Azure's spelling.
const (
	daily   = "Daily"
	monthly = "Monthly"
	noneOf  = "None"
)

// The columns that can be aggregated and grouped by. Aliases name the same column.
var (
	aggregateColumns = []string{"Cost", "CostUSD", "PreTaxCost", "PreTaxCostUSD"}
	dimensionColumns = []string{
		"ResourceGroup", "ResourceGroupName", "ServiceName", "MeterCategory", "ResourceLocation",
		"SubscriptionId", "SubscriptionName", "PublisherType", "ChargeType", "PricingModel", "ResourceId", "ResourceType",
	}
)

const (
	maxAggregations = 2
	maxGroupings    = 2
)

// query is a checked query with its days resolved at an instant.
type query struct {
	metric      string
	from, to    day // both inclusive; to < from is an empty answer
	granularity string
	aggregates  []string
	groups      []string
	filter      *filterWire
	sorting     []sortingWire
	resources   bool // whether it asks for resources, by grouping or filter
}

// badQuery is the message of a 400.
type badQuery string

func (b badQuery) Error() string { return string(b) }

func badf(format string, args ...any) error { return badQuery(fmt.Sprintf(format, args...)) }

// parseQuery checks a body and resolves its days at an instant. Errors are messages for the client.
func parseQuery(body []byte, at time.Time) (*query, error) {
	var w queryWire
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, badf("Invalid query definition: the request body is not valid JSON: %v.", err)
	}
	q := &query{sorting: w.Dataset.Sorting, filter: w.Dataset.Filter}
	var ok bool
	if q.metric, ok = pick(w.Type, metricActual, metricAmortized, metricUsage); !ok {
		return nil, badf("Invalid query definition: type '%s' is not one of Usage, ActualCost, AmortizedCost.", w.Type)
	}
	if w.Dataset.Granularity == "" {
		w.Dataset.Granularity = noneOf
	}
	if q.granularity, ok = pick(w.Dataset.Granularity, daily, monthly, noneOf); !ok {
		return nil, badf("Invalid query definition: granularity '%s' is not one of None, Daily, Monthly.", w.Dataset.Granularity)
	}
	for _, step := range []func() error{
		func() error { return q.resolve(&w, at) },
		func() error { return q.aggregate(w.Dataset.Aggregation) },
		func() error { return q.group(w.Dataset.Grouping) },
		func() error { return checkFilter(q.filter) },
		q.checkSorting,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	q.resources = slices.Contains(q.groups, "ResourceId") || slices.Contains(q.groups, "ResourceType") || q.filter.names("ResourceId", "ResourceType")
	return q, nil
}

// pick finds a word in Azure's spelling without regard to case.
func pick(word string, known ...string) (string, bool) {
	for _, k := range known {
		if strings.EqualFold(word, k) {
			return k, true
		}
	}
	return "", false
}

// aggregate checks the aggregations. Without any, Azure sums PreTaxCost.
func (q *query) aggregate(list aggregations) error {
	if len(list) == 0 {
		list = aggregations{{"", "PreTaxCost", "Sum"}}
	}
	if len(list) > maxAggregations {
		return badf("Invalid dataset aggregation: at most %d aggregations are allowed.", maxAggregations)
	}
	for _, a := range list {
		name, ok := pick(a.name, aggregateColumns...)
		switch {
		case !ok:
			return badf("Invalid dataset aggregation '%s'; valid values: '%s'.", a.name, strings.Join(aggregateColumns, "','"))
		case !strings.EqualFold(a.function, "Sum"):
			return badf("Invalid dataset aggregation function '%s'; valid values: 'Sum'.", a.function)
		case slices.Contains(q.aggregates, name):
			return badf("Invalid dataset aggregation: '%s' is given twice.", name)
		}
		q.aggregates = append(q.aggregates, name)
	}
	return nil
}

func (q *query) group(list []columnWire) error {
	if len(list) > maxGroupings {
		return badf("Invalid dataset grouping: at most %d groupings are allowed.", maxGroupings)
	}
	for _, g := range list {
		name, ok := pick(g.Name, dimensionColumns...)
		switch {
		case !strings.EqualFold(g.Type, "Dimension"):
			return badf("Invalid dataset grouping type '%s'; valid values: 'Dimension'.", g.Type)
		case !ok:
			return badf("Invalid dataset grouping '%s'; valid values: '%s'.", g.Name, strings.Join(dimensionColumns, "','"))
		case slices.ContainsFunc(q.groups, func(other string) bool { return sameColumn(other, name) }):
			return badf("Invalid dataset grouping: '%s' is given twice.", name)
		}
		q.groups = append(q.groups, name)
	}
	return nil
}

// sameColumn knows that ResourceGroup is an alias of ResourceGroupName.
func sameColumn(a, b string) bool {
	return strings.TrimSuffix(a, "Name") == strings.TrimSuffix(b, "Name")
}

func (q *query) checkSorting() error {
	for i, o := range q.sorting {
		name, ok := pick(o.Name, q.columnNames()...)
		if !ok {
			return badf("Invalid dataset sorting: '%s' is not a column of the answer.", o.Name)
		}
		direction, ok := pick(o.Direction, "Ascending", "Descending")
		if !ok && o.Direction != "" {
			return badf("Invalid dataset sorting direction '%s'; valid values: 'Ascending','Descending'.", o.Direction)
		}
		q.sorting[i] = sortingWire{direction, name}
	}
	return nil
}

// columnNames are the columns of the answer: aggregates, date, groupings, and the currency last.
func (q *query) columnNames() []string {
	names := slices.Clone(q.aggregates)
	switch q.granularity {
	case daily:
		names = append(names, "UsageDate")
	case monthly:
		names = append(names, "BillingMonth")
	}
	return append(append(names, q.groups...), "Currency")
}

// units are the QPU of a query: one for each begun month of 31 days.
func (q *query) units() float64 {
	return float64(max(1, (int(q.to-q.from)+maxDailyDays)/maxDailyDays))
}
