package app

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// tasks are goroutines that live and end together: the first error, or the end
// of the parent, ends all.
type tasks struct {
	g   *errgroup.Group
	ctx context.Context //nolint:containedctx // lives as long as the tasks
}

func newTasks(ctx context.Context) *tasks {
	g, ctx := errgroup.WithContext(ctx)
	return &tasks{g, ctx}
}

// Go runs one task.
func (t *tasks) Go(f func(context.Context) error) {
	t.g.Go(func() error { return f(t.ctx) })
}

// Wait waits for all and gives the first error.
func (t *tasks) Wait() error { return t.g.Wait() }
