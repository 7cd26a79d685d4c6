package azuresim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// pageToken is what a nextLink carries. It is sealed, so that clients cannot make one, and holds the
// instant of the first page: the pages of one answer show one state of the costs.
type pageToken struct {
	Offset  int       `json:"o"`
	At      time.Time `json:"t"`
	Expires int64     `json:"x"`           // Unix seconds of real time
	For     string    `json:"f"`           // what the first page was asked for
	Empty   bool      `json:"e,omitempty"` // the page before was left empty by a fault
	Twice   bool      `json:"d,omitempty"` // a fault doubles the rows, on all pages
}

func (s *Server) seal(t pageToken) string {
	t.Expires = time.Now().Add(s.opt.NextLinkLifetime).Unix()
	payload, _ := json.Marshal(t) // plain fields cannot fail
	return base64.RawURLEncoding.EncodeToString(append(s.sign(payload), payload...))
}

func (s *Server) sign(payload []byte) []byte {
	mac := hmac.New(sha256.New, s.pagingKey[:])
	mac.Write(payload)
	return mac.Sum(nil)[:16]
}

// open reads a token back. It is not ok if anything about it is wrong or its time is over.
func (s *Server) open(sealed, purpose string) (t pageToken, ok bool) {
	t, ok = s.unseal(sealed)
	return t, ok && t.For == purpose && time.Now().Unix() < t.Expires
}

func (s *Server) unseal(sealed string) (t pageToken, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(raw) < 16 || !hmac.Equal(raw[:16], s.sign(raw[16:])) {
		return t, false
	}
	return t, json.Unmarshal(raw[16:], &t) == nil
}

// afterEmpty says whether a token stems from a page that a fault left empty.
func (s *Server) afterEmpty(sealed string) bool {
	t, ok := s.unseal(sealed)
	return ok && t.Empty
}

// bodyHash identifies a JSON body whatever its spacing and order of keys.
func bodyHash(body []byte) string {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) == nil {
		if canonical, err := json.Marshal(v); err == nil {
			body = canonical
		}
	}
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
