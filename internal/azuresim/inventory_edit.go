package azuresim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// edit is what a test did to a resource at an instant.
type edit struct {
	what  string // delete, move or rename
	id    string // lower case
	group string // to which it moves
	at    time.Time
}

// edit applies what tests did, in order.
func (w *world) edit(list []edit) {
	for _, e := range list {
		it := w.byID[e.id]
		if it == nil {
			continue
		}
		switch e.what {
		case "delete":
			if it.dead.IsZero() || e.at.Before(it.dead) {
				it.cut = it.cut || it.dead.IsZero()
				it.dead = e.at
			}
		case "move":
			w.move(it, e)
		case "rename":
			it.id = mixCase(it.id, 1)
			it.name = it.id[strings.LastIndexByte(it.id, '/')+1:]
		}
	}
	if len(list) > 0 {
		slices.SortFunc(w.items, func(a, b *item) int { return cmp.Compare(a.id, b.id) })
	}
}

// move ends a resource and begins it under its new id, with all that it is.
func (w *world) move(it *item, e edit) {
	moved := *it
	moved.group, moved.id, moved.born = e.group, w.id(e.group, it.kind, it.name), e.at
	it.cut, it.dead = it.cut || it.dead.IsZero(), e.at
	w.byID[strings.ToLower(moved.id)] = &moved
	w.items = append(w.items, &moved)
	for i := range w.marks {
		if m := &w.marks[i]; m.of == it {
			more := *m
			more.of, more.id = &moved, func() string { return moved.id }
			w.marks = append(w.marks, more)
		}
	}
}

// DeleteResource deletes a resource at the clock's now. What it was connected to stays as it is.
func (s *Server) DeleteResource(id string) error { return s.editResource(edit{what: "delete"}, id) }

// MoveResource moves a top-level resource to another resource group of its subscription: Azure gives it a new id.
func (s *Server) MoveResource(id, group string) error {
	return s.editResource(edit{what: "move", group: strings.ToLower(group)}, id)
}

// RenameCase changes the spelling of an id and of a name in all answers from now on, and nothing else.
func (s *Server) RenameCase(id string) error { return s.editResource(edit{what: "rename"}, id) }

func (s *Server) editResource(e edit, id string) error {
	e.id, e.at = strings.ToLower(id), s.clock.Now()
	parts := strings.Split(strings.TrimPrefix(e.id, "/subscriptions/"), "/")
	sub := s.estate.subs[parts[0]]
	if sub == nil {
		return fmt.Errorf("azuresim: %s: unknown subscription", id)
	}
	w := s.world(sub, e.at)
	if it := w.byID[e.id]; it == nil || !it.alive(e.at) {
		return fmt.Errorf("azuresim: %s: no such resource at %s", id, e.at.Format(time.RFC3339))
	}
	s.inventory.mu.Lock()
	defer s.inventory.mu.Unlock()
	s.inventory.edits[sub.id] = append(s.inventory.edits[sub.id], e)
	return nil
}

// DenySubscription takes the role of reader on a subscription from everybody, or gives it back: the
// lists of subscriptions lack it, requests to it are refused, and Resource Graph leaves it out.
func (s *Server) DenySubscription(id string, deny bool) error {
	sub := s.estate.subs[strings.ToLower(id)]
	if sub == nil {
		return fmt.Errorf("azuresim: %s: unknown subscription", id)
	}
	s.inventory.mu.Lock()
	defer s.inventory.mu.Unlock()
	s.inventory.denied[sub.id] = deny
	return nil
}

func (s *Server) isDenied(sub *subscription) bool {
	s.inventory.mu.Lock()
	defer s.inventory.mu.Unlock()
	return s.inventory.denied[sub.id]
}
