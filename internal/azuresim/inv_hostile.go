package azuresim

import "strings"

// hostileNames are names that break whoever takes a name for something else than text: markup, the end
// of a script, quotes, line ends, text from right to left, and what a spreadsheet takes for a formula.
var hostileNames = []string{
	`<img src=x onerror=alert(1)>`, `</script><script>alert(1)</script>`, `</textarea>&lt;b&gt;`, `say "hi" & it's 'fine'`, "`${alert(1)}`",
	"first\nsecond", "carriage\r\nreturn\tand tab", "\u202eexe.gpj\u202c", "مرحبا-بالعالم", "zero\u200bwidth-🚀",
	`=HYPERLINK("https://evil.example","click")`, `+1+cmd|' /C calc'!A0`, `-2+3`, `@SUM(1,1)`, `%00%3Cb%3E`, `..\..\etc`, `'; DROP TABLE resource; --`,
}

// addHostile gives the markup estate's subscription a resource of each hostile name, with tags of all kinds.
// A slash would end a segment of the id: the id has a dash in its place.
func (w *world) addHostile() {
	if !w.sub.markup {
		return
	}
	kinds := []string{"Microsoft.KeyVault/vaults", "Microsoft.Insights/scheduledQueryRules", "Microsoft.Network/applicationSecurityGroups"}
	group := w.sub.groups[len(w.sub.groups)-1]
	for i, name := range hostileNames {
		kind := kinds[i%len(kinds)]
		it := w.insert(&item{id: w.id(group, kind, strings.ReplaceAll(name, "/", "-")), kind: kind, name: name, group: group, still: true})
		tags := map[string]any{"name": name, name: "key", "description": strings.Repeat("0123456789abcde ", 10<<10/16)}
		for _, o := range tagOddities {
			tags[o.key] = o.value
		}
		it.set("tags", tags)
	}
}

// hostileName is one of them in place of an ordinary name, always the same.
func hostileName(of string) string { return hostileNames[label(of)%uint64(len(hostileNames))] }

// HostileNames are the names that the markup estate's resources have besides ordinary ones.
func HostileNames() []string { return append([]string{}, hostileNames...) }
