package azuresim

import (
	"slices"
	"sync"
	"time"
)

// graphResult names the rows of a query: the pages of one answer ask for the same again and again.
type graphResult struct {
	purpose string
	at      time.Time
	scope   uint64 // of the subscriptions: a fault may leave one out
}

// graphRows bounds the rows that are kept between pages: a row without its resource is about 1 KB.
const graphRows = 50_000

// graphResults keeps the rows of answers of which not all pages were read. One request at a time has
// them: they are taken out and put back.
type graphResults struct {
	mu    sync.Mutex
	rows  int
	order []graphResult
	held  map[graphResult]*kqlRelation
}

func (g *graphResults) take(key graphResult) *kqlRelation {
	g.mu.Lock()
	defer g.mu.Unlock()
	rel := g.held[key]
	if rel != nil {
		g.drop(key)
	}
	return rel
}

func (g *graphResults) drop(key graphResult) {
	g.rows -= len(g.held[key].rows)
	delete(g.held, key)
	g.order = slices.DeleteFunc(g.order, func(k graphResult) bool { return k == key })
}

// put keeps rows, without the resources that were built for the page.
func (g *graphResults) put(key graphResult, rel *kqlRelation) {
	for _, r := range rel.rows {
		for _, v := range r {
			switch f := v.(type) {
			case *lazyField:
				f.of.built = nil
			case *lazyState:
				f.built = nil
			}
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held == nil {
		g.held = map[graphResult]*kqlRelation{}
	}
	if g.held[key] != nil || len(rel.rows) > graphRows {
		return
	}
	for len(g.order) > 0 && g.rows+len(rel.rows) > graphRows {
		g.drop(g.order[0])
	}
	g.held[key] = rel
	g.order = append(g.order, key)
	g.rows += len(rel.rows)
}
