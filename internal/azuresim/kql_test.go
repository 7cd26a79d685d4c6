package azuresim

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// zoo is a table with every kind of absence: null, missing, "" and [].
func zoo() *kqlRelation {
	columns := []kqlColumn{{"id", kqlTypeString}, {"name", kqlTypeString}, {"managedBy", kqlTypeString}, {"n", kqlTypeInteger}, {"properties", kqlTypeObject}, {"tags", kqlTypeObject}}
	row := func(id, name, managedBy string, n any, properties string) kqlRow {
		p := parseJSON(properties).(map[string]any) //nolint:errcheck // our own
		return kqlRow{id, name, managedBy, n, p["p"], p["tags"]}
	}
	return &kqlRelation{columns, []kqlRow{
		row("/a", "Vm-One", "", int64(3), `{"p":{"state":"Unattached","list":[1,2],"size":{"gb":64},"when":"2026-11-20T10:00:00Z"},"tags":{"Env":"prod","cost center":"7"}}`),
		row("/b", "vm-two", "/x", int64(1), `{"p":{"state":"unattached","list":[],"size":{"gb":128},"when":"2026-10-01T00:00:00.1234567Z"}}`),
		row("/c", "disk_three", "", nil, `{"p":{"state":null,"list":null,"flag":true},"tags":{}}`),
		row("/d", "", "", int64(2), `{"p":{"list":[3],"size":{"gb":"64"},"flag":false}}`),
	}}
}

func tryKQL(query string) (string, error) {
	q, err := parseKQL(query)
	if err != nil {
		return "", err
	}
	run := &kqlRunner{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), table: func(name string) (*kqlRelation, bool) { return zoo(), name == "resources" }}
	rel, err := run.run(q)
	if err != nil {
		return "", err
	}
	return string(encodeRows(rel.columns, rel.rows, &Fault{}, false)), nil
}

// TestKQL asks the zoo. The null rows follow Kusto's documentation: == with one null is false, != is
// true, with two both are null; an ordering with a null is null; a text is never null.
func TestKQL(t *testing.T) {
	ids := func(names ...string) string {
		out := []string{}
		for _, n := range names {
			out = append(out, `{"id":"/`+n+`"}`)
		}
		return "[" + strings.Join(out, ",") + "]"
	}
	where := func(cond string) string { return "resources | where " + cond + " | project id" }
	for query, want := range map[string]string{
		where(`properties.state == 'Unattached'`):           ids("a"),
		where(`properties.state =~ 'Unattached'`):           ids("a", "b"),
		where(`properties.state != 'Unattached'`):           ids("b", "c", "d"),
		where(`properties.state !~ 'Unattached'`):           ids("c", "d"),
		where(`properties.missing == properties.gone`):      ids(),
		where(`properties.missing != properties.gone`):      ids(),
		where(`not(properties.missing == properties.gone)`): ids(),

		where(`n > 1`):                        ids("a", "d"),
		where(`not(n > 1)`):                   ids("b"),
		where(`n <= 1 or isnull(n)`):          ids("b", "c"),
		where(`n > 1 and properties.flag`):    ids(),
		where(`n > 100 or properties.flag`):   ids("c"),
		where(`isempty(managedBy)`):           ids("a", "c", "d"),
		where(`isnull(managedBy)`):            ids(),
		where(`isnotempty(properties.state)`): ids("a", "b"),
		where(`isempty(properties.list)`):     ids("c"),

		where(`isnull(properties.list) or array_length(properties.list)==0`):                                          ids("b", "c"),
		where(`tostring(properties.list) == '[]'`):                                                                    ids("b"),
		where(`properties.size.gb == 64`):                                                                             ids("a"),
		where(`toint(properties.size.gb) == 64`):                                                                      ids("a", "d"),
		where(`properties['size']['gb'] >= 100`):                                                                      ids("b"),
		where(`properties.list[0] == 1`):                                                                              ids("a"),
		where(`properties.list[-1] == 3`):                                                                             ids("d"),
		where(`tags['cost center'] == '7'`):                                                                           ids("a"),
		where(`tags.env == 'prod'`):                                                                                   ids(),
		where(`isnull(tags)`):                                                                                         ids("b", "d"),
		where(`name has 'vm'`):                                                                                        ids("a", "b"),
		where(`name has 'v'`):                                                                                         ids(),
		where(`name has 'three'`):                                                                                     ids("c"),
		where(`name contains 'M-T'`):                                                                                  ids("b"),
		where(`name contains_cs 'M-T'`):                                                                               ids(),
		where(`name startswith 'VM-' and name !endswith 'two'`):                                                       ids("a"),
		where(`name !startswith 'vm' and name !contains 'three'`):                                                     ids("d"),
		where(`name in ('vm-one', "vm-two")`):                                                                         ids("b"),
		where(`name in~ ('VM-ONE', 'x')`):                                                                             ids("a"),
		where(`name !in ('vm-two') and name !in~ ('VM-ONE')`):                                                         ids("c", "d"),
		where(`todatetime(properties.when) < ago(30d)`):                                                               ids("b"),
		where(`todatetime(properties.when) > now() - 4d`):                                                             ids("a"),
		where(`todatetime(properties.when) > datetime(2026-11-01)`):                                                   ids("a"),
		where(`todatetime(properties.when) > datetime(2026-11-20T09:59:59.5Z)`):                                       ids("a"),
		where(`todatetime(properties.when) > datetime(2026-11-20T10:00:00.0000000Z)`):                                 ids(),
		where(`todatetime(properties.when) > datetime("2026-11-20 09:00:00")`):                                        ids("a"),
		where(`todatetime(properties.when) < datetime( 2026-10-01T01:00 )`):                                           ids("b"),
		where(`n == 3 or n == 1 and name == 'x'`):                                                                     ids("a"),
		where(`(n == 3 or n == 1) and name == 'vm-two'`):                                                              ids("b"),
		where("n == 3 // the first\n and true"):                                                                       ids("a"),
		where(`coalesce(tostring(properties.state), 'none') == 'none'`):                                               ids("c", "d"),
		where(`iff(n > 1, 'big', 'small') == 'small'`):                                                                ids("b", "c"),
		where(`strcat(name, '-', tostring(n)) == 'vm-two-1'`):                                                         ids("b"),
		where(`n + 1 == 4 and n * 2 == 6 and n / 2 == 1 and -n == 0 - 3`):                                             ids("a"),
		`resources | project id, tolower(name), properties.size.gb | take 1`:                                          `[{"id":"/a","Column2":"vm-one","properties_size_gb":64}]`,
		`resources | summarize count() by tostring(properties.state) | order by count_ desc, properties_state asc`:    `[{"properties_state":"","count_":2},{"properties_state":"Unattached","count_":1},{"properties_state":"unattached","count_":1}]`,
		`resources | summarize a=count(), b=countif(n > 1), sum(n), dcount(managedBy), min(n), max(n)`:                `[{"a":4,"b":2,"sum_n":6,"dcount_managedBy":2,"min_n":1,"max_n":3}]`,
		`resources | summarize make_list(n), s=make_set(managedBy)`:                                                   `[{"list_n":[3,1,2],"s":["","/x"]}]`,
		`resources | where false | summarize count()`:                                                                 `[{"count_":0}]`,
		`resources | where false | summarize count() by id`:                                                           `[]`,
		`resources | count`:                                                                                           `[{"Count":4}]`,
		`resources | order by n | project id`:                                                                         ids("a", "d", "b", "c"),
		`resources | sort by n asc | project id`:                                                                      ids("c", "b", "d", "a"),
		`resources | top 2 by n desc | project id`:                                                                    ids("a", "d"),
		`resources | distinct managedBy`:                                                                              `[{"managedBy":""},{"managedBy":"/x"}]`,
		`resources | extend n = n + 1 | where n == 4 | project n`:                                                     `[{"n":4}]`,
		`resources | project-away properties, tags, managedBy, n | take 1`:                                            `[{"id":"/a","name":"Vm-One"}]`,
		`resources | mv-expand x = properties.list | project id, x`:                                                   `[{"id":"/a","x":1},{"id":"/a","x":2},{"id":"/b","x":null},{"id":"/c","x":null},{"id":"/d","x":3}]`,
		`resources | mv-expand tags | project id, tags`:                                                               `[{"id":"/a","tags":{"Env":"prod"}},{"id":"/a","tags":{"cost center":"7"}},{"id":"/b","tags":null},{"id":"/c","tags":null},{"id":"/d","tags":null}]`,
		`resources | mv-expand k = bag_keys(tags) to typeof(string) | where k == 'Env' | project id`:                  ids("a"),
		`resources | project id, n | join kind=leftouter (resources | where n > 1 | project id, m = n) on id`:         `[{"id":"/a","n":3,"id1":"/a","m":3},{"id":"/b","n":1,"id1":"","m":null},{"id":"/c","n":null,"id1":"","m":null},{"id":"/d","n":2,"id1":"/d","m":2}]`,
		`resources | join kind=leftanti (resources | where n > 1) on id | project id`:                                 ids("b", "c"),
		`resources | join kind=inner (resources | project other = id, n) on $left.id == $right.other, n | project id`: ids("a", "b", "c", "d"),
		`resources | where n == 3 | union (resources | where n == 1) | project id`:                                    ids("a", "b"),
		`where n == 3 | project id`:                                                                                   ids("a"),
		`resources | project split(id, '/')[1], x = split(name, '-', 0) | take 1`:                                     `[{"Column1":"a","x":["Vm"]}]`,
	} {
		if got, err := tryKQL(query); err != nil || got != want {
			t.Errorf("%s\n got %s %v\nwant %s", query, got, err, want)
		}
	}
}

// TestKQLErrors wants a refusal that says where: the line from 1, the position in it from 0.
func TestKQLErrors(t *testing.T) {
	for query, want := range map[string]struct {
		code      string
		line, pos int
		token     string
	}{
		"resources | where":                                        {"ParserFailure", 1, 17, "<EOF>"},
		"resources |\n where name = 'x'":                           {"ParserFailure", 2, 12, "="},
		"resources | render table":                                 {"ParserFailure", 1, 12, "render"},
		"resources | where name == 'x":                             {"ParserFailure", 1, 26, "'"},
		"resources; drop":                                          {"ParserFailure", 1, 9, ";"},
		"resources | where now() > datetime(2026-13-01T00:00:00Z)": {"ParserFailure", 1, 35, "2026-13-01T00:00:00Z"},
		"resources | take x":                                       {"ParserFailure", 1, 17, "x"},
		"resources | join kind=rightsemi (resources) on id":        {"ParserFailure", 1, 22, "rightsemi"},
		"resources | mv-expand tags limit 2001":                    {"ParserFailure", 1, 33, "2001"},
		"nothing | take 1":                                         {"DisallowedLogicalTableName", 1, 0, "nothing"},
		"resources | where nope == 1":                              {"InvalidQuery", 1, 18, "nope"},
		"resources | where foo(name) == 1":                         {"InvalidQuery", 1, 18, "foo"},
		"resources | where name.x == 1":                            {"InvalidQuery", 1, 23, "x"},
		"resources | where name == 1":                              {"InvalidQuery", 1, 23, "=="},
		"resources | where name":                                   {"InvalidQuery", 1, 18, "name"},
		"resources | summarize count() by properties.state":        {"InvalidQuery", 1, 44, "state"},
		"resources | order by tags":                                {"InvalidQuery", 1, 21, "tags"},
		"resources | summarize name":                               {"InvalidQuery", 1, 22, "name"},
		"resources | mv-expand name":                               {"InvalidQuery", 1, 22, "name"},
		"resources | join (resources) on tags":                     {"InvalidQuery", 1, 32, "tags"},
		"resources | project a = 1, a = 2":                         {"InvalidQuery", 1, 31, "2"},
	} {
		_, err := tryKQL(query)
		e := &kqlError{}
		if !errors.As(err, &e) || e.code != want.code || e.line != want.line || e.pos != want.pos || e.token != want.token {
			t.Errorf("%q: %v, want %v", query, err, want)
		}
	}
	many := "resources" + strings.Repeat(" | join (resources) on id", 4)
	if _, err := tryKQL(many); err == nil || !strings.Contains(err.Error(), "DisallowedMaxNumberOfRemoteTables") {
		t.Errorf("four joins: %v", err)
	}
	for _, deep := range []string{"resources | where " + strings.Repeat("(", 5000) + "true", "resources | where " + strings.Repeat("-", 5000) + "n > 1", strings.Repeat("(", 5000) + "resources"} {
		if _, err := tryKQL(deep); err == nil {
			t.Error("a query nests without end")
		}
	}
}

// FuzzKQL wants an answer or a refusal to any text, never a panic.
func FuzzKQL(f *testing.F) {
	for _, s := range []string{
		"resources | where name has 'x' and not(n in (1, 2)) or tags['a'].b[0] =~ \"y\" | project id, a = tostring(tags)",
		"union resources, (resources | take 1) | mv-expand with_itemindex=i x = properties.list to typeof(int) limit 3 | summarize make_set(x), max(i) by id",
		"resources | join kind=leftanti (resources | distinct id) on $left.id == $right.id | top 3 by n asc | count",
		"resources | extend d = ago(1d) - now(), e = -n % 0 / 0, f = datetime(2026-01-01) + 1h | order by d, e desc",
		"resources | where name contains @'a''b' // c\n| project-away t*",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		_, err := tryKQL(query)
		e := &kqlError{}
		if err != nil && (!errors.As(err, &e) || e.line < 1) {
			t.Errorf("%q: %v", query, err)
		}
	})
}
