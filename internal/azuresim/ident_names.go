package azuresim

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// The names of people. A surname is made of syllables that spell the tenant and the account, so that no
// two people share one, and nothing else in a database or a log looks like it.
var (
	identGiven = [32]string{
		"Anneliese", "Bram", "Céleste", "Dmitri", "Eloïse", "Farid", "Giulia", "Håkon", "Ingrid", "João", "Katarzyna", "Liam", "Maëlle", "Nuno", "Oksana", "Piotr",
		"Quentin", "Rosalía", "Søren", "Théo", "Ursula", "Václav", "Wanda", "Xenia", "Yusuf", "Zofia", "Amélie", "Björn", "Chiara", "Dörte", "Emre", "Fionnuala",
	}
	identPlain = [32]string{
		"anneliese", "bram", "celeste", "dmitri", "eloise", "farid", "giulia", "hakon", "ingrid", "joao", "katarzyna", "liam", "maelle", "nuno", "oksana", "piotr",
		"quentin", "rosalia", "soren", "theo", "ursula", "vaclav", "wanda", "xenia", "yusuf", "zofia", "amelie", "bjorn", "chiara", "dorte", "emre", "fionnuala",
	}
	identSyllables = [64]string{
		"bal", "bex", "bor", "bryn", "cal", "cev", "dax", "del", "dor", "drev", "fal", "fen", "fir", "gal", "gav", "gor",
		"hal", "hex", "hol", "jar", "jev", "jol", "kal", "kev", "kor", "kryn", "lav", "lex", "lor", "mav", "mel", "mor",
		"nal", "nev", "nor", "pal", "pev", "pol", "qual", "quor", "rav", "rel", "rix", "sal", "sev", "sol", "tal", "tev",
		"tor", "tryn", "val", "vex", "vor", "wal", "wex", "wyn", "yal", "yev", "yor", "zal", "zek", "zil", "zor", "zyn",
	}
	identPartners = [8]string{"northwind-partner.example", "kontor-it.example", "audit-allianz.example", "freelance.example", "datenwerk.example", "agence-bleue.example", "tailspin.example", "bauplan.example"}
)

// surname spells an account: two syllables of the tenant, three or four of the account.
func (w *identTenant) surname(n int) string {
	var b strings.Builder
	s := &identSyllables
	b.WriteString(s[w.word>>6])
	b.WriteString(s[w.word&63])
	b.WriteString(s[n>>12&63])
	b.WriteString(s[n>>6&63])
	b.WriteString(s[n&63])
	if high := n >> 18; high > 0 {
		b.WriteString(s[high&63])
	}
	out := []byte(b.String())
	out[0] -= 'a' - 'A'
	return string(out)
}

// hostilePerson writes a person's name as somebody who means harm, or only has an unusual name, would.
func hostilePerson(kind int, given, surname string) string {
	switch kind {
	case 0:
		return `<script>alert("` + surname + `")</script>`
	case 1:
		return `O'` + surname + `, ` + given + ` "The Boss" & Co`
	case 2:
		return "\u202e" + surname + "\u202c " + given + " مدير"
	case 3:
		return `=cmd|'/C calc'!` + surname
	case 4:
		return given + " " + surname + `'; DROP TABLE users;--`
	case 5:
		return given + " 🦊\u200d" + surname
	case 6:
		return "\t" + given + "\n" + surname + ` \" {{.}} ${jndi}`
	default:
		return given + " " + strings.Repeat("van der ", 20) + surname
	}
}

// identMask has as many bits as the end of a GUID, and identSpread and identGather undo each other: the
// number of an account is hidden in its id, so that it is found without an index.
const (
	identMask   = 1<<48 - 1
	identSpread = 0x5851f42d4c957f2d
)

var identGather = inverse(identSpread)

// inverse is the multiplicative inverse of an odd number, modulo 2^64.
func inverse(m uint64) uint64 {
	x := m
	for range 6 {
		x *= 2 - m*x
	}
	return x
}

// accountID is the id of an account.
func (w *identTenant) accountID(i int) string {
	h := mix(w.key, label("user"), uint64(i))
	return joinGUID(h, (uint64(i)*identSpread^w.idSalt)&identMask)
}

// joinGUID makes a version 4 GUID of two halves, the second of 48 bits.
func joinGUID(h, low uint64) string {
	var raw [16]byte
	for j := range 8 {
		raw[j] = byte(h >> (56 - 8*j))
	}
	raw[6] = raw[6]&0x0f | 0x40
	raw[8], raw[9] = byte(h>>40)&0x3f|0x80, byte(h>>16)
	for j := range 6 {
		raw[10+j] = byte(low >> (40 - 8*j))
	}
	var out [36]byte
	hex.Encode(out[:8], raw[:4])
	hex.Encode(out[9:13], raw[4:6])
	hex.Encode(out[14:18], raw[6:8])
	hex.Encode(out[19:23], raw[8:10])
	hex.Encode(out[24:], raw[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// accountOf finds the number of an account by its id; false if there is none.
func (v *identView) accountOf(id string) (int, bool) {
	id = strings.ToLower(id)
	if len(id) != 36 {
		return 0, false
	}
	var low uint64
	if _, err := fmt.Sscanf(id[24:], "%012x", &low); err != nil {
		return 0, false
	}
	i := int((low ^ v.idSalt) * identGather & identMask)
	if i >= v.numbers() && (i < identAdded || i >= identAdded+len(v.ed.added)) || v.accountID(i) != id {
		return 0, false
	}
	return i, true
}
