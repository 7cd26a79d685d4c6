package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// safeText is a text that is written by many.
type safeText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *safeText) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *safeText) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

var (
	address = regexp.MustCompile(`[\w.+-]+@[\w-]+\.example`)
	// doer is an address as Azure names who did something.
	doer = regexp.MustCompile(`(?i)(changed|created|modified)By[^a-z]{0,8}[\w.+-]+@`)
)

// nobody fails if the address of a person who changed something is kept or
// told anywhere but in what customers wrote: tags, and properties that are for
// addresses.
func (w *world) nobody(t *testing.T) {
	t.Helper()
	people := map[string]bool{}
	for _, c := range w.Changes("", w.Clock().Now().Add(-30*24*time.Hour), w.Clock().Now()) {
		if c.ByType == "User" && address.MatchString(c.By) {
			people[c.By] = true
		}
	}
	if len(people) < 5 {
		t.Errorf("%d people changed something: the test shows nothing", len(people))
	}
	none := func(where, text string) {
		t.Helper()
		for _, a := range address.FindAllString(text, -1) {
			if people[a] {
				t.Errorf("%s names %s: %.200s", where, a, text)
			}
		}
	}
	tables := 0
	for name := range w.dump(t, "") {
		cols := w.columns(t, name)
		if name == "tag_value" { // what customers wrote
			continue
		}
		tables++
		for _, row := range w.rows(t, "SELECT * FROM "+name) {
			for i, v := range row {
				text := ""
				switch v := v.(type) {
				case string:
					text = v
				case []byte:
					text = string(v)
				default:
					continue
				}
				if strings.Contains(text, "@") {
					none(name+"."+cols[i], withoutTags(t, name, text))
				}
			}
		}
	}
	if tables < 20 {
		t.Errorf("%d tables: the test shows nothing", tables)
	}
	if path, ok := strings.CutPrefix(w.database, "sqlite:"); ok {
		for _, file := range []string{path, path + "-wal"} {
			b, err := os.ReadFile(file)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			if m := doer.Find(b); m != nil {
				t.Errorf("%s has %q", file, m)
			}
		}
	}
	for _, c := range w.changes(t, "") {
		c.Values = slices.DeleteFunc(c.Values, func(v changedVal) bool { return strings.HasPrefix(v.Path, "tags") })
		none("a change", fmt.Sprint(c))
	}
	none("the metrics", w.get("/metrics").body)
	for line := range strings.SplitSeq(w.logs.String(), "\n") {
		none("the log", line)
	}
	if !strings.Contains(w.logs.String(), "level=DEBUG") && !strings.Contains(w.logs.String(), "level=INFO") {
		t.Error("nothing was logged: the test shows nothing")
	}
}

// withoutTags takes tags out of what is kept of a resource or of a change.
func withoutTags(t *testing.T, table, text string) string {
	t.Helper()
	var v map[string]any
	switch table {
	case "resource_doc", "resource_change":
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return text
		}
	default:
		return text
	}
	delete(v, "tags")
	if list, ok := v["values"].([]any); ok && table == "resource_change" {
		v["values"] = slices.DeleteFunc(list, func(one any) bool {
			m, _ := one.(map[string]any)
			path, _ := m["path"].(string)
			return strings.HasPrefix(path, "tags")
		})
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
