package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"fresnel"
	"fresnel/internal/inventory"
	"fresnel/internal/store"
	"fresnel/internal/store/storetest"
)

// Goals of CPU time at 2 million resources, uncached.
const (
	listGoal = 20 * time.Millisecond
	textGoal = 150 * time.Millisecond
)

// resourceQuestion is one that lists of resources ask.
type resourceQuestion struct {
	name string
	goal time.Duration
	ask  func(context.Context, *store.DB, fresnel.Scope) (string, error)
}

func listQuestion(name string, goal time.Duration, q inventory.Query) resourceQuestion {
	q.Limit = 50
	return resourceQuestion{name, goal, func(ctx context.Context, db *store.DB, s fresnel.Scope) (string, error) {
		l, err := db.InventoryReader().List(ctx, s, q)
		total := fmt.Sprint(l.Total)
		if l.More {
			total += "+"
		}
		return total, err
	}}
}

// counted asks for something whose size is a number.
func counted(name string, ask func(context.Context, *store.DB, fresnel.Scope) (int, error)) resourceQuestion {
	return resourceQuestion{name, listGoal, func(ctx context.Context, db *store.DB, s fresnel.Scope) (string, error) {
		n, err := ask(ctx, db, s)
		return fmt.Sprint(n), err
	}}
}

func resourceQuestions() []resourceQuestion {
	const vm, vault, rare = "microsoft.compute/virtualmachines", "microsoft.keyvault/vaults", "microsoft.service80/things"
	prod, team, none := "prod", "team-crm-1@example.com", "none"
	type query = inventory.Query
	var out []resourceQuestion
	list := func(name string, q query) { out = append(out, listQuestion(name, listGoal, q)) }
	text := func(name string, q query) { out = append(out, listQuestion(name, textGoal, q)) }
	list("first page", query{})
	list("by type", query{Sort: inventory.SortType})
	list("newest first", query{Sort: inventory.SortFirst})
	list("last changed first", query{Sort: inventory.SortChanged})
	list("type, common", query{Types: []string{vm}})
	list("type, rare", query{Types: []string{rare}})
	list("three types", query{Types: []string{vm, vault, rare}})
	list("two groups, common", query{Groups: []string{"networkwatcherrg", "rg-crm-prod-1"}})
	list("location, common", query{Locations: []string{"westeurope"}})
	list("location, rare", query{Locations: []string{storetest.RareLocation}})
	list("location, in between", query{Locations: []string{"japaneast"}})
	list("resource group", query{Groups: []string{"rg-crm-prod-1"}})
	list("resource group, common", query{Groups: []string{"networkwatcherrg"}})
	list("subscription", query{Subscriptions: []string{storetest.SubscriptionID(0, 3)}})
	list("type and location, common", query{Types: []string{vm}, Locations: []string{"westeurope"}})
	list("type and location, rare", query{Types: []string{vault}, Locations: []string{"qatarcentral"}})
	list("type and subscription", query{Types: []string{vm}, Subscriptions: []string{storetest.SubscriptionID(0, 3)}})
	list("type and common resource group", query{Types: []string{rare}, Groups: []string{"networkwatcherrg"}})
	list("type, location, group, subscription", query{Types: []string{vm}, Locations: []string{"westeurope"}, Groups: []string{"rg-crm-prod-3"}, Subscriptions: []string{storetest.SubscriptionID(0, 3)}})
	list("location, last changed first", query{Locations: []string{"westeurope"}, Sort: inventory.SortChanged})
	list("tag key, common", query{TagKey: "environment"})
	list("tag key, rare", query{TagKey: storetest.RareTag})
	list("tag key and value, common", query{TagKey: "environment", TagValue: &prod})
	list("tag key and value, in between", query{TagKey: "owner", TagValue: &team})
	list("tag key and value, no hit", query{TagKey: "environment", TagValue: &none})
	text("name, common", query{Text: "prod"})
	text("name, begins so", query{Text: "vm-"})
	text("name, rare", query{Text: storetest.RareName})
	text("name, no hit", query{Text: "qqqqx"})
	text("name, common letters, no hit", query{Text: "dorpdis"})
	text("name and type", query{Text: "orders", Types: []string{vm}})
	text("name and tag", query{Text: "billing", TagKey: "environment", TagValue: &prod})
	list("wasted", query{Wasted: true})
	list("wasted of a type", query{Wasted: true, Types: []string{vault}})
	return append(out,
		counted("names to choose from", func(ctx context.Context, db *store.DB, s fresnel.Scope) (int, error) {
			f, err := db.InventoryReader().Facets(ctx, s)
			return len(f.Locations) + len(f.Groups) + len(f.TagKeys), err
		}),
		counted("counts by type", func(ctx context.Context, db *store.DB, s fresnel.Scope) (int, error) {
			list, err := db.InventoryReader().Counts(ctx, s)
			return len(list), err
		}),
		counted("tagging compliance", func(ctx context.Context, db *store.DB, s fresnel.Scope) (int, error) {
			list, err := db.InventoryReader().Tags(ctx, s)
			return len(list), err
		}))
}

// resources measures lists of 2 million resources.
func (b *bench) resources() (err error) {
	e := storetest.Resources{Tenants: 25, Subscriptions: 20, N: 2_000_000, Asked: asked}
	if b.small {
		e.N /= 10
	}
	path := filepath.Join(b.dir, "resources.db")
	start := time.Now()
	n, err := e.FillBulk(b.ctx, path)
	if err != nil {
		return err
	}
	db, err := store.Open(b.ctx, "sqlite:"+path, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(), os.Remove(path)) }()
	if err := e.KeepTags(b.ctx, db); err != nil {
		return err
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	b.say("\ninventory: %d resources of %d tenants and %d subscriptions loaded by SQL in %.0f s, %d MB", n, e.Tenants, e.Tenants*e.Subscriptions, time.Since(start).Seconds(), st.Size()>>20)
	// What a question costs that reads every resource: what indexes save.
	every, err := measure(func() error {
		_, err := db.InventoryReader().List(b.ctx, fresnel.AllTenants(), inventory.Query{Text: "#~", Limit: 1})
		return err
	})
	if err != nil {
		return err
	}
	b.say("  reading every name once: %s CPU. Uncached lists, CPU, medians; total; of reading every name", ms(every.cpu))
	b.say("    %-40s %38s %38s", "", "all tenants", "the largest tenant")
	for _, q := range resourceQuestions() {
		var line strings.Builder
		met := true
		for _, s := range []fresnel.Scope{fresnel.AllTenants(), fresnel.ScopeOf(storetest.TenantID(0))} {
			got, total, err := b.askResources(db, s, q)
			if err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			met = met && got <= q.goal
			fmt.Fprintf(&line, " %12s %9s %13.4fx", ms(got), total, float64(got)/float64(every.cpu))
		}
		b.say("    %-40s%s   goal at most %s: %s", q.name, line.String(), ms(q.goal), verdict(met))
	}
	if err := b.allPages(db); err != nil {
		return err
	}
	return b.syncResources(e, db)
}

// askResources gives the median CPU time of an answer, and its total.
func (b *bench) askResources(db *store.DB, s fresnel.Scope, q resourceQuestion) (time.Duration, string, error) {
	total, err := q.ask(b.ctx, db, s) // prepares the statements
	var took []time.Duration
	for start := time.Now(); err == nil && (len(took) < 3 || time.Since(start) < 300*time.Millisecond && len(took) < 9); {
		var one spent
		one, err = measure(func() error { _, err := q.ask(b.ctx, db, s); return err })
		took = append(took, one.cpu)
	}
	return median(took), total, err
}

// allPages reads a long list to its end, as CSV does.
func (b *bench) allPages(db *store.DB) error {
	const most = 100_000
	rows := 0
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak := before.HeapAlloc
	s, err := measure(func() error {
		q := inventory.Query{Limit: 1000, Uncounted: true}
		for rows < most {
			l, err := db.InventoryReader().List(b.ctx, fresnel.AllTenants(), q)
			if err != nil {
				return err
			}
			rows += len(l.Rows)
			if runtime.ReadMemStats(&now); now.HeapAlloc > peak {
				peak = now.HeapAlloc
			}
			if q.After = l.Next; q.After.Arm == 0 {
				break
			}
		}
		return nil
	})
	b.say("  %d rows in pages of 1000: %s CPU, %.0fk rows/s, the heap grew by at most %d MB", rows, ms(s.cpu), rate(rows, s.cpu), (peak-before.HeapAlloc)>>20)
	return err
}

// syncResources measures the sync of a subscription among all the others.
func (b *bench) syncResources(e storetest.Resources, db *store.DB) error {
	i := e.Tenants - 1
	list := e.Of(i, e.Subscriptions-1)
	for n := range list { // of another application: all are new
		list[n].ID = strings.Replace(list[n].ID, "/providers/", "/providers/new", 1)
	}
	few := e.Of(i, 0)[:20]
	for range 2 { // prepares the statements
		few[0].Name += "x"
		if _, err := db.Inventory().Put(b.ctx, storetest.TenantID(i), storetest.SubscriptionID(i, 0), few, asked); err != nil {
			return err
		}
		for n := range few {
			few[n].ID += "x"
		}
	}
	for round, pass := range []string{"new", "unchanged", "one of a hundred changed", "every one changed"} {
		for n := range list {
			if round == 3 || round == 2 && n%100 == 0 {
				list[n].Kind = pass
			}
		}
		s, err := measure(func() error {
			return e.Sync(b.ctx, db, i, e.Subscriptions-1, list, asked.Add(time.Duration(round)*time.Hour))
		})
		if err != nil {
			return err
		}
		b.say("  sync of a subscription of %d, %-26s %9s CPU, %.1fk resources/s", len(list), pass+":", ms(s.cpu), rate(len(list), s.wall))
	}
	return db.Inventory().Verify(b.ctx)
}
