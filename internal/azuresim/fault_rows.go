package azuresim

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// truncateGzip sends about half of the compressed true answer as if it were whole. It does nothing
// for a client that has not asked for compression.
func (s *Server) truncateGzip(c *call, handle func(*call)) (answered bool) {
	if !strings.Contains(c.r.Header.Get("Accept-Encoding"), "gzip") {
		return false
	}
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	w := c.w
	c.w = rec
	handle(c)
	c.w = w
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write(rec.body.Bytes()) // a buffer takes everything
	_ = zip.Close()
	half := packed.Bytes()[:packed.Len()/2]
	maps.Copy(w.Header(), rec.header)
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Length", strconv.Itoa(len(half)))
	w.WriteHeader(rec.status)
	w.Write(half)
	return true
}

// revoke lets the token of a request count as expired from now on, whatever it says of itself.
func (s *Server) revoke(r *http.Request) {
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.revoked[sha256.Sum256([]byte(token))] = true
	}
}

func (s *Server) isRevoked(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.revoked) > 0 && s.revoked[sha256.Sum256([]byte(token))]
}

// preTaxOnly says whether a query must not ask for Cost: of pay-as-you-go offers never, of others
// under a fault. The message is Azure's.
func (q *query) preTaxOnly(sub *subscription, f *Fault) error {
	if sub.offer != offerPAYG && (f == nil || f.Kind != faultPreTax) {
		return nil
	}
	for _, name := range q.aggregates {
		if !strings.HasPrefix(name, "PreTax") {
			return badf("Invalid dataset aggregation '%s'; valid values: 'PreTaxCost','PreTaxCostUSD','UsageQuantity'.", name)
		}
	}
	return nil
}

// twice splits every row into two of the same key. The second ones come after all of the first, and
// so on other pages.
func twice(rows []row) []row {
	out := slices.Grow(slices.Clone(rows), len(rows))
	for i := range rows {
		first := &out[i]
		second := *first
		first.nanos, first.usd = mulDiv(first.nanos, 3, 5), mulDiv(first.usd, 3, 5)
		second.nanos -= first.nanos
		second.usd -= first.usd
		out = append(out, second)
	}
	return out
}

// mixCase writes a text in capitals and small letters at random; the same n, the same way.
func mixCase(text string, n int) string {
	h := mix(label(text), uint64(n))
	i := uint64(0)
	return strings.Map(func(r rune) rune {
		i++
		if mix(h, i)%2 == 0 {
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, text)
}

// mixRow mixes the case of a row's resource groups and resources.
func (q *query) mixRow(r row, n int) row {
	for i, name := range q.groups {
		if strings.HasPrefix(name, "Resource") && name != "ResourceLocation" {
			r.values[i] = mixCase(r.values[i], n)
		}
	}
	return r
}

// dropColumn takes a column out of an answer: the one that the fault names, or the first.
func (f *Fault) dropColumn(columns []columnWire, rows []json.RawMessage) ([]columnWire, []json.RawMessage) {
	at := max(0, slices.IndexFunc(columns, func(c columnWire) bool { return strings.EqualFold(c.Name, f.Column) }))
	for i, raw := range rows {
		var values []json.RawMessage
		_ = json.Unmarshal(raw, &values)                           // our own JSON
		rows[i], _ = json.Marshal(slices.Delete(values, at, at+1)) // of raw values
	}
	return slices.Delete(columns, at, at+1), rows
}
