package inventory

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"
)

// testNow is when every test evaluates.
var testNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// memory is an estate of a slice.
type memory struct {
	rows   []Resource // by key
	byKey  map[string]int
	byType map[string][]int
	unread set
	held   map[[2]string]time.Time // rule, key
}

func newMemory(rows []Resource) *memory {
	m := &memory{rows: slices.Clone(rows), byKey: map[string]int{}, byType: map[string][]int{}, unread: set{}, held: map[[2]string]time.Time{}}
	slices.SortFunc(m.rows, func(a, b Resource) int { return cmp.Compare(a.Key(), b.Key()) })
	for i := range m.rows {
		m.byKey[m.rows[i].Key()] = i
		m.byType[m.rows[i].Type] = append(m.byType[m.rows[i].Type], i)
	}
	return m
}

func (m *memory) Get(key string) (Resource, bool) {
	i, ok := m.byKey[key]
	if !ok {
		return Resource{}, false
	}
	return m.rows[i], true
}

func (m *memory) Each(types ...string) iter.Seq[Resource] {
	return func(yield func(Resource) bool) {
		var at []int
		for _, t := range types {
			at = append(at, m.byType[t]...)
		}
		slices.Sort(at)
		for i := range len(m.rows) {
			switch {
			case len(types) > 0 && i >= len(at):
				return
			case len(types) > 0 && !yield(m.rows[at[i]]), len(types) == 0 && !yield(m.rows[i]):
				return
			}
		}
	}
}

func (m *memory) Complete(subscription string) bool {
	if subscription == "" {
		return len(m.unread) == 0
	}
	known := strings.HasPrefix(subscription, "sub-") // of any other tenant we read nothing
	return known && !m.unread.has(subscription)
}

func (m *memory) HeldSince(rule, key string) (time.Time, bool) {
	t, ok := m.held[[2]string{rule, key}]
	return t, ok
}

func (m *memory) Now() time.Time { return testNow }
