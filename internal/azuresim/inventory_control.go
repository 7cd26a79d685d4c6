package azuresim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// controlInventory answers /sim/inventory, /sim/protected, /sim/tags, /sim/changes, /sim/people, /sim/groups, /sim/types, /sim/waste and PUT
// /sim/resources/{delete|move|rename|deny|undeny}; false if the path is none of them.
func (s *Server) controlInventory(c *call, what string) bool {
	switch what {
	case "inventory":
		s.controlStream(c, func(sub string, at time.Time, line func(any) bool) {
			s.Inventory(sub, at, func(r Resource) bool { return line(r) })
		})
	case "changes":
		s.controlStream(c, func(sub string, at time.Time, line func(any) bool) {
			for _, ch := range s.Changes(sub, at.Add(-changesKept), at) {
				if !line(ch) {
					return
				}
			}
		})
	case "groups":
		if at, ok := s.controlTime(c); ok {
			c.json(http.StatusOK, s.ResourceGroups(c.r.URL.Query().Get("subscription"), at))
		}
	case "people":
		c.json(http.StatusOK, s.People())
	case "tags":
		s.controlStream(c, s.Tags)
	case "protected":
		s.controlStream(c, func(sub string, at time.Time, line func(any) bool) {
			s.ProtectedItems(sub, at, func(r Resource) bool { return line(r) })
		})
	case "types":
		if at, ok := s.controlTime(c); ok {
			c.json(http.StatusOK, s.CountTypes(at))
		}
	case "waste":
		if at, ok := s.controlTime(c); ok {
			c.json(http.StatusOK, s.Waste(at))
		}
	default:
		action, ok := strings.CutPrefix(what, "resources/")
		if ok && c.verb(http.MethodPut) {
			if err := s.controlEdit(c, action); err != nil {
				c.bad(err)
			} else {
				c.w.WriteHeader(http.StatusNoContent)
			}
		}
		return ok
	}
	return true
}

// controlEdit reads {"id":..., "group":...}; the id of deny and undeny is that of a subscription.
func (s *Server) controlEdit(c *call, action string) error {
	var body struct{ ID, Group string }
	if err := json.NewDecoder(c.r.Body).Decode(&body); err != nil {
		return fmt.Errorf("azuresim: resources: %w", err)
	}
	switch action {
	case "delete":
		return s.DeleteResource(body.ID)
	case "move":
		return s.MoveResource(body.ID, body.Group)
	case "rename":
		return s.RenameCase(body.ID)
	case "deny", "undeny":
		return s.DenySubscription(body.ID, action == "deny")
	}
	return fmt.Errorf("azuresim: resources: %q is not delete, move, rename, deny or undeny", action)
}

func (s *Server) controlTime(c *call) (time.Time, bool) {
	text := c.r.URL.Query().Get("at")
	if text == "" {
		return c.at, true
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		c.bad(fmt.Errorf("azuresim: at: %w", err))
	}
	return at, err == nil
}

// controlStream writes NDJSON. A client that leaves ends it.
func (s *Server) controlStream(c *call, each func(sub string, at time.Time, line func(any) bool)) {
	at, ok := s.controlTime(c)
	if !ok {
		return
	}
	c.w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(c.w, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	var err error
	each(c.r.URL.Query().Get("subscription"), at, func(v any) bool {
		err = enc.Encode(v)
		return err == nil
	})
	if err != nil || out.Flush() != nil {
		panic(http.ErrAbortHandler)
	}
}
