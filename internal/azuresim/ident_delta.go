package azuresim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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
	names, since, seq, token, ok := g.deltaStart()
	if !ok {
		return
	}
	v := *g.v
	v.at = token.At
	changes := !since.IsZero()
	set := v.userSet(kindUsers, func(*life) bool { return true }, func(a *account) identRow { return a })
	n, sh := v.numbers(), asked{names: names}
	var rows []byte
	i, count := token.Offset, 0
	if g.fault != nil && g.fault.Kind == faultEmpty {
		g.deltaAnswer(nil, names, since, seq, token, i, true)
		return
	}
	for ; i < set.n && count < deltaPage; i++ {
		number := i
		if i >= n {
			number = identAdded + i - n
		}
		var row []byte
		switch l := v.lifeSince(number, since, seq); {
		case l.unborn, changes && !l.changed:
			continue
		case l.alive():
			row = appendRow(nil, v.accountWith(number, l), &set, &sh, &Fault{}, 0)
			if !slices.Contains(names, "id") {
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
	g.deltaAnswer(rows, names, since, seq, token, i, false)
}

// deltaStart reads what a request continues. Its token says what was selected, since when, and after which
// event of a test.
func (g *identCall) deltaStart() (names []string, since time.Time, seq int, token pageToken, ok bool) {
	prefix := "delta " + g.p.tenantID + " "
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
			return nil, since, 0, token, false
		}
		names, ok = g.names(kindUsers)
		return names, since, 0, token, ok
	}
	t, good := g.s.unseal(sealed)
	parts := strings.Split(strings.TrimPrefix(t.For, prefix), " ")
	if !good || !strings.HasPrefix(t.For, prefix) || len(parts) != 3 || !changes && time.Now().Unix() >= t.Expires {
		g.badRequest("The token is not valid.")
		return nil, since, 0, token, false
	}
	names = strings.Split(parts[0], ",")
	if !changes {
		nanos, _ := strconv.ParseInt(parts[1], 10, 64) // we wrote it
		seq, _ = strconv.Atoi(parts[2])
		if nanos != 0 {
			since = time.Unix(0, nanos).UTC()
		}
		return names, since, seq, t, true
	}
	if g.at.Sub(t.At) > deltaKept {
		g.w.Header().Set("Location", g.s.URL()+"/v1.0/users/delta?$select="+url.QueryEscape(parts[0]))
		g.fail(http.StatusGone, "resyncRequired", "Resync required. The delta token has expired.")
		return nil, since, 0, token, false
	}
	seq, _ = strconv.Atoi(parts[2])
	return names, t.At, seq, token, true
}

// deltaAnswer writes a page, with a link to the next one or to what will change.
func (g *identCall) deltaAnswer(rows []byte, names []string, since time.Time, seq int, token pageToken, next int, empty bool) {
	set, sh := identSet{kind: kindUsers}, asked{names: names}
	body := g.head(&set, &sh)
	more := empty || next < g.v.numbersAt(token.At)+len(g.v.ed.added)
	nanos := int64(0)
	if !since.IsZero() {
		nanos = since.UnixNano()
	}
	if !more {
		nanos, seq = 0, g.v.ed.seq
	}
	token.For = fmt.Sprintf("delta %s %s %d %d", g.p.tenantID, strings.Join(names, ","), nanos, seq)
	token.Offset, token.Empty = next, empty
	name, param := "@odata.nextLink", "$skiptoken"
	if !more {
		name, param, token.Offset = "@odata.deltaLink", "$deltatoken", 0
	}
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
