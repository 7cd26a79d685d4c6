package inventory

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

func value(t testing.TB, text string) Value {
	t.Helper()
	v, err := ParseValue([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestValueAt(t *testing.T) {
	v := value(t, `{"StorageProfile":{"osDisk":{"managedDisk":{"id":"/A"}}},"a":1,"A":2,"list":[1]}`)
	if got := v.At("storageprofile", "OSDISK", "manageddisk", "ID").Text(); got != "/A" {
		t.Errorf("id is %q", got)
	}
	if n, ok := v.At("A").Int(); n != 2 || !ok {
		t.Errorf("A is %d: an exact name comes first", n)
	}
	for _, path := range [][]string{{"none"}, {"list", "0"}, {"a", "b"}, {"storageProfile", "none", "deeper"}} {
		if got := v.At(path...); !got.Empty() || got.Object() || got.Text() != "" || got.List() != nil {
			t.Errorf("%v is %v", path, got)
		}
	}
}

func TestValueEmpty(t *testing.T) {
	for text, want := range map[string]bool{
		`null`: true, `""`: true, `[]`: true, `"[]"`: true,
		`{}`: false, `0`: false, `false`: false, `[null]`: false, `" "`: false, `"x"`: false,
	} {
		if got := value(t, text).Empty(); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	if !(Value{}).Empty() || (Value{}).Object() {
		t.Error("what was not given is something")
	}
}

func TestValueScalars(t *testing.T) {
	v := value(t, `{"n":9007199254740993,"s":"42","f":"7.25","t":true,"d":"2026-01-02T03:04:05.1234567+02:00","d2":"2026-01-02 03:04:05","d3":"2026-01-02","year1":"0001-01-01T00:00:00"}`)
	if n, ok := v.At("n").Int(); !ok || n != 9007199254740993 {
		t.Errorf("n = %d", n)
	}
	if n, ok := v.At("s").Int(); !ok || n != 42 {
		t.Errorf("s = %d", n)
	}
	if _, ok := v.At("f").Int(); ok {
		t.Error("7.25 is a whole number")
	}
	if f, ok := v.At("f").Float(); !ok || f != 7.25 {
		t.Errorf("f = %g", f)
	}
	if v.At("t").Is("true") || v.At("t").Text() != "true" {
		t.Error("true is no text to compare, but has one")
	}
	for name, want := range map[string]time.Time{
		"d": time.Date(2026, 1, 2, 1, 4, 5, 123456700, time.UTC), "d2": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "d3": time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
	} {
		if got, ok := v.At(name).Time(); !ok || !got.Equal(want) {
			t.Errorf("%s = %s", name, got)
		}
	}
	for _, name := range []string{"year1", "n", "none", "t"} {
		if got, ok := v.At(name).Time(); ok {
			t.Errorf("%s is the instant %s", name, got)
		}
	}
}

func TestValueMembersAndMentions(t *testing.T) {
	v := value(t, `{"b":[{"x":"/a/VIRTUALMACHINES/vm"}],"a":null}`)
	var names []string
	for n := range v.Members() {
		names = append(names, n)
	}
	if !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("members %v", names)
	}
	if !v.Mentions("/virtualmachines/") || v.Mentions("/disks/") || value(t, `{"virtualmachines":1}`).Mentions("virtualmachines") {
		t.Error("what is mentioned")
	}
	out, err := json.Marshal(v)
	if err != nil || string(out) != `{"a":null,"b":[{"x":"/a/VIRTUALMACHINES/vm"}]}` {
		t.Errorf("%s, %v", out, err)
	}
	if _, err := ParseValue([]byte(`{"a":`)); err == nil {
		t.Error("half a value is one")
	}
}

func TestIDs(t *testing.T) {
	for _, test := range []struct{ id, sub, typ, parent string }{
		{"/subscriptions/s/resourcegroups/g/providers/microsoft.sql/servers/a/databases/d", "s", "microsoft.sql/servers/databases", "/subscriptions/s/resourcegroups/g/providers/microsoft.sql/servers/a"},
		{"/subscriptions/s/resourcegroups/g/providers/microsoft.sql/servers/a", "s", "microsoft.sql/servers", ""},
		{"/subscriptions/s/resourcegroups/g/providers/microsoft.compute/virtualmachines/v/providers/microsoft.advisor/recommendations/r", "s", "microsoft.advisor/recommendations", ""},
		{"/subscriptions/s/resourcegroups/g", "s", "", ""},
		{"/subscriptions/s", "s", "", ""},
		{"", "", "", ""},
		{"alias.guid", "", "", ""},
	} {
		if sub, typ, parent := subscriptionOf(test.id), typeOf(test.id), parentOf(test.id); sub != test.sub || typ != test.typ || parent != test.parent {
			t.Errorf("%s: %s, %s, %s", test.id, sub, typ, parent)
		}
	}
}
