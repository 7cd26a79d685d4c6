package azuresim

import (
	"slices"
	"strings"
)

// checkFilter checks a filter and all below it: each has exactly one form, and and/or have two
// children or more.
func checkFilter(f *filterWire) error {
	if f == nil {
		return nil
	}
	forms := 0
	for _, set := range []bool{f.And != nil, f.Or != nil, f.Not != nil, f.Dimensions != nil, f.Tags != nil} {
		if set {
			forms++
		}
	}
	switch {
	case forms != 1:
		return badf("Invalid dataset filter: exactly one of and, or, not, dimensions, tags is expected, but %d are given.", forms)
	case f.Tags != nil:
		return badf("Invalid dataset filter: tags are not simulated.")
	case f.Dimensions != nil:
		return checkDimension(f.Dimensions)
	case f.Not != nil:
		return checkFilter(f.Not)
	}
	children := append(f.And, f.Or...)
	if len(children) < 2 {
		return badf("Invalid dataset filter: and and or need at least 2 children.")
	}
	for i := range children {
		if err := checkFilter(&children[i]); err != nil {
			return err
		}
	}
	return nil
}

func checkDimension(d *dimensionWire) error {
	name, ok := pick(d.Name, dimensionColumns...)
	switch {
	case !ok:
		return badf("Invalid dataset filter dimension '%s'; valid values: '%s'.", d.Name, strings.Join(dimensionColumns, "','"))
	case !strings.EqualFold(d.Operator, "In"):
		return badf("Invalid dataset filter operator '%s'; valid values: 'In'.", d.Operator)
	case len(d.Values) == 0:
		return badf("Invalid dataset filter: dimension '%s' has no values.", d.Name)
	}
	d.Name = name
	return nil
}

// match says whether a cell passes a checked filter. Values ignore case.
func (f *filterWire) match(g *generator, c cell) bool {
	holds := func(child filterWire) bool { return child.match(g, c) }
	switch {
	case f.And != nil:
		return !slices.ContainsFunc(f.And, func(child filterWire) bool { return !holds(child) })
	case f.Or != nil:
		return slices.ContainsFunc(f.Or, holds)
	case f.Not != nil:
		return !f.Not.match(g, c)
	}
	value := g.dimension(f.Dimensions.Name, c)
	return slices.ContainsFunc(f.Dimensions.Values, func(v string) bool { return strings.EqualFold(v, value) })
}

// names says whether a filter asks for one of some columns.
func (f *filterWire) names(columns ...string) bool {
	if f == nil {
		return false
	}
	asks := func(child filterWire) bool { return child.names(columns...) }
	return slices.ContainsFunc(f.And, asks) || slices.ContainsFunc(f.Or, asks) || f.Not.names(columns...) ||
		f.Dimensions != nil && slices.Contains(columns, f.Dimensions.Name)
}
