package inventory

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/waste-rules.md")

// TestDocs holds docs/waste-rules.md to the rules: go test ./internal/inventory -run TestDocs -update.
func TestDocs(t *testing.T) {
	const file = "../../docs/waste-rules.md"
	want := document(Rules())
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/waste-rules.md is not of these rules: run go test ./internal/inventory -run TestDocs -update")
	}
}

func document(rules []Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Waste rules

Generated from internal/inventory by `+"`go test ./internal/inventory -run TestDocs -update`"+`. %d rules; the fixtures of each are in
internal/inventory/testdata/rules.

Paths are those of Resource Graph rows. Empty is null, missing, "" or [], which are alike. Where a fact that a rule needs was not
told, or an inventory that it concludes from was not read in full, it says nothing, and what it found before stays as it is.
Confidence: waste (nothing uses it), review (probably nothing does: look), advice (it is used, and could be better). Cost: whether what
is found is billed; "part" if only a part of that could be saved. A rule marked "on request" runs only where it is asked for.

| rule | finds | condition | except | confidence | cost |
|---|---|---|---|---|---|
`, len(rules))
	for _, r := range rules {
		fmt.Fprintf(&b, "| [%s](%s) | %s. %s | %s | %s | %s | %s |\n", r.ID, r.Doc, r.Title, r.Why,
			conditionOf(r), escape(strings.Join(r.Exceptions, "; ")), confidenceOf(r), costOf(r))
	}
	return b.String()
}

func conditionOf(r Rule) string {
	types := make([]string, len(r.Types))
	for i, t := range r.Types {
		types[i] = "`" + t + "`"
	}
	s := strings.Join(types, ", ") + ": " + r.Condition
	if len(r.Needs) > 0 {
		s += " (needs " + strings.Join(r.Needs, ", ") + ")"
	}
	return escape(s)
}

func escape(s string) string {
	return strings.NewReplacer("|", "\\|", "*", "\\*", "_", "\\_").Replace(s)
}

func confidenceOf(r Rule) string {
	if r.OptIn {
		return string(r.Confidence) + ", on request"
	}
	return string(r.Confidence)
}

func costOf(r Rule) string {
	switch {
	case r.Part:
		return "part"
	case r.Costs:
		return "yes"
	}
	return "no"
}
