package azuresim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// deltaKept is how long a token for changes is good, by the estate's clock, and deltaPage the rows of a page.
const (
	deltaKept = 7 * 24 * time.Hour
	deltaPage = 200
)

// deltaUsers answers /users/delta: everything, and then what changed since. The token knows what was
// selected at first; Graph does not follow sign-ins, and does not let anybody choose the size of a page.
func (g *identCall) deltaUsers() {
	from, token, ok := g.deltaStart()
	if !ok {
		return
	}
	v := *g.v
	v.at = token.At
	changes := !from.since.IsZero()
	fault := Fault{}
	if g.fault != nil {
		fault = *g.fault
	}
	set := v.userSet(kindUsers, func(*life) bool { return true }, func(a *account) identRow { return a })
	n, sh := v.numbers(), asked{names: from.names}
	var rows []byte
	i, count := token.Offset, 0
	if fault.Kind == faultEmpty {
		g.deltaAnswer(nil, from, token, i, true)
		return
	}
	for ; i < set.n && count < deltaPage; i++ {
		number := i
		if i >= n {
			number = identAdded + i - n
		}
		var row []byte
		switch l := v.lifeSince(number, from.since, from.seq); {
		case l.unborn, changes && !l.changed:
			continue
		case l.alive():
			row = appendRow(nil, v.accountWith(number, l), &set, &sh, &fault, count)
			if !slices.Contains(from.names, "id") {
				row = append(append(appendText([]byte(`{"id":`), v.accountID(number)), ','), row[1:]...)
			}
		case !changes:
			continue
		default:
			reason := "changed" // it can be restored
			if l.purged {
				reason = "deleted"
			}
			row = appendValue(nil, identObject{{"id", v.accountID(number)}, {"@removed", identObject{{"reason", reason}}}})
		}
		if count > 0 {
			rows = append(rows, ',')
		}
		rows = append(rows, row...)
		count++
	}
	g.deltaAnswer(rows, from, token, i, false)
}

// deltaFrom is what a request for changes continues.
type deltaFrom struct {
	names []string  // selected at first
	since time.Time // zero = everything
	seq   int       // of the last event of a test that is known
	first int       // of the last event when the first page was asked for
}

// purpose is what a token carries, which says what was selected, since when, and after which event of a test.
func (d deltaFrom) purpose(tenant string) string {
	nanos := int64(0)
	if !d.since.IsZero() {
		nanos = d.since.UnixNano()
	}
	return fmt.Sprintf("delta %s %s %d %d %d", tenant, strings.Join(d.names, ","), nanos, d.seq, d.first)
}

// deltaStart reads what a request continues, and answers it if that cannot be.
func (g *identCall) deltaStart() (from deltaFrom, token pageToken, ok bool) {
	token = pageToken{At: g.at}
	sealed, changes := g.query.Get("$skiptoken"), false
	if text := g.query.Get("$deltatoken"); text == "latest" {
		token.Offset = 1 << 50
	} else if text != "" {
		sealed, changes = text, true
	}
	if sealed == "" {
		if slices.Contains(g.selected(), "signInActivity") {
			g.badRequest("The property 'signInActivity' is not supported by delta query.")
			return from, token, false
		}
		from.first = g.v.ed.seq
		from.names, ok = g.names(kindUsers)
		return from, token, ok
	}
	t, good := g.s.unseal(sealed)
	var tenant, names string
	var nanos int64
	_, err := fmt.Sscanf(t.For, "delta %s %s %d %d %d", &tenant, &names, &nanos, &from.seq, &from.first)
	if !good || err != nil || tenant != g.p.tenantID || !changes && time.Now().Unix() >= t.Expires {
		g.badRequest("The token is not valid.")
		return from, token, false
	}
	from.names = strings.Split(names, ",")
	if !changes {
		if nanos != 0 {
			from.since = time.Unix(0, nanos).UTC()
		}
		return from, t, true
	}
	if g.at.Sub(t.At) > deltaKept {
		g.w.Header().Set("Location", g.s.URL()+"/v1.0/users/delta?$select="+url.QueryEscape(names))
		g.fail(http.StatusGone, "resyncRequired", "Resync required. The delta token has expired.")
		return from, token, false
	}
	from.since, from.first = t.At, g.v.ed.seq
	return from, token, true
}

// deltaAnswer writes a page, with a link to the next one or to what will change.
func (g *identCall) deltaAnswer(rows []byte, from deltaFrom, token pageToken, next int, empty bool) {
	set, sh := identSet{kind: kindUsers}, asked{names: from.names}
	body := g.head(&set, &sh)
	name, param := "@odata.nextLink", "$skiptoken"
	token.Offset, token.Empty = next, empty
	if !empty && next >= g.v.numbersAt(token.At)+len(g.v.ed.added) {
		name, param, token.Offset = "@odata.deltaLink", "$deltatoken", 0
		from = deltaFrom{names: from.names, seq: from.first}
	}
	token.For = from.purpose(g.p.tenantID)
	link := g.s.URL() + "/v1.0/users/delta?" + param + "=" + g.s.seal(token)
	body = append(appendText(body, name), ':')
	body = append(appendText(body, link), `,"value":[`...)
	g.raw(append(append(body, rows...), `]}`...))
}

func (v *identView) numbersAt(at time.Time) int {
	w := *v
	w.at = at
	return w.numbers()
}
