package azure

import (
	"io"
	"net/http"
	"time"

	"fresnel/internal/cost"
)

// What the tests look at from outside.

// ParseCostPage parses one answer.
func ParseCostPage(r io.Reader) ([]cost.Line, string, error) {
	p, err := parseCostPage(r)
	return p.lines, p.next, err
}

// RetryAfter reads the wait that an answer asks for.
func RetryAfter(h http.Header, now time.Time) (time.Duration, []string) { return retryAfter(h, now) }

// NextLink checks an address that an answer gave.
func (c *Client) NextLink(s string) (string, error) { return c.nextLink(s) }
