package app_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// safeText is a text that is written by many.
type safeText struct {
	mu   sync.Mutex
	text bytes.Buffer
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

// nobody fails if the name under which a person of a tenant signs in, by which
// Azure says who changed something, is kept or told anywhere. (Tags, which
// customers write, have addresses of another domain.)
func (w *world) nobody(t *testing.T) {
	t.Helper()
	var names []string
	for _, p := range w.People() {
		names = append(names, strings.ToLower(p.UserName))
	}
	acted := 0
	for _, c := range w.Changes("", w.Clock().Now().Add(-30*24*time.Hour), w.Clock().Now()) {
		if slices.Contains(names, strings.ToLower(c.By)) {
			acted++
		}
	}
	if acted < 20 {
		t.Errorf("people changed %d resources: the test shows nothing", acted)
	}
	none := func(where, text string) {
		t.Helper()
		text = strings.ToLower(text)
		for _, name := range names {
			if i := strings.Index(text, name); i >= 0 {
				t.Errorf("%s names %s: %q", where, name, text[max(0, i-60):min(len(text), i+60)])
			}
		}
	}
	tables, mails := 0, 0
	for name, lines := range w.dump(t, "") {
		tables++
		text := strings.Join(lines, "\n")
		none("the table "+name, text)
		mails += strings.Count(text, w.People()[0].Mail)
	}
	if tables < 20 || mails == 0 {
		t.Errorf("%d tables, in which an address in a tag is found %d times: the test shows nothing", tables, mails)
	}
	if path, ok := strings.CutPrefix(w.database, "sqlite:"); ok {
		size := 0
		for _, file := range []string{path, path + "-wal"} {
			b, err := os.ReadFile(file)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			size += len(b)
			none("the file "+file, string(b))
		}
		if size < 1<<20 {
			t.Errorf("a database of %d bytes: the test shows nothing", size)
		}
	}
	for _, path := range []string{
		"/api/v1/resources/changes?limit=1000", "/api/v1/resources/changes.csv", "/api/v1/resources.csv", "/api/v1/findings?state=all&limit=1000",
		"/api/v1/sync/status?limit=1000", "/metrics", "/resources", "/sync",
	} {
		a := w.get(path)
		if a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
		none(path, a.body)
	}
	none("the log", w.logs.String())
	if !strings.Contains(w.logs.String(), "run ended") {
		t.Error("nothing was logged: the test shows nothing")
	}
}
