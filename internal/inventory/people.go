package inventory

import (
	"slices"
	"strings"
)

// who are the members by which Azure names who did something or whose something
// is. They are not kept: people are known nowhere in what we hold.
var who = []string{
	"systemdata", "createdby", "createdbyuser", "createdbyobjectid", "lastmodifiedby", "modifiedby", "updatedby", "changedby",
	"userprincipalname", "owneruserprincipalname", "createdbyuserid", "principalname",
}

// address stands for the address of a person.
const address = "(address)"

// OfCustomer tells whether a path leads to what customers write: tags.
func OfCustomer(path string) bool { return strings.HasPrefix(strings.ToLower(path), "tags") }

// personal tells whether a path names who did something.
func personal(path string) bool {
	if OfCustomer(path) {
		return false
	}
	return slices.ContainsFunc(strings.FieldsFunc(strings.ToLower(path), func(r rune) bool { return r == '.' || r == '[' || r == ']' || r == '/' }), func(part string) bool {
		return slices.Contains(who, strings.Trim(part, `"'`))
	})
}

// WithoutPeople is a value without what names people: members that tell who did
// something are left out, and a text that is an address stands as such. What
// customers write into tags and names is theirs, and kept.
func (v Value) WithoutPeople() Value { return Value{without(v.v)} }

func without(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, m := range x {
			if !slices.Contains(who, strings.ToLower(k)) {
				out[k] = without(m)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = without(x[i])
		}
		return out
	case string:
		if isAddress(x) {
			return address
		}
	}
	return v
}

// isAddress tells whether a text is an e-mail address or a sign-in name, and
// nothing else.
func isAddress(s string) bool {
	local, host, ok := strings.Cut(s, "@")
	return ok && len(s) <= 320 && local != "" && strings.Contains(strings.Trim(host, "."), ".") && !strings.ContainsAny(s, " \t\r\n/\\:;,<>()\"") && !strings.Contains(host, "@")
}
