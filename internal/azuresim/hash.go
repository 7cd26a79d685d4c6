package azuresim

import (
	"fmt"
	"math/bits"
)

// golden is the increment of splitmix64.
const golden = 0x9e3779b97f4a7c15

// mix folds values into a hash with the finalizer of splitmix64. All randomness of the estate comes
// from it, so that every number can be computed on its own, in any order.
func mix(h uint64, values ...uint64) uint64 {
	for _, v := range values {
		h = (h ^ v) + golden
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// label turns a word into a value for mix (FNV-1a).
func label(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// unit maps a hash to [0,1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// between maps a hash to [lo,hi).
func between(h uint64, lo, hi float64) float64 { return lo + (hi-lo)*unit(h) }

// below maps a hash to 0..n-1.
func below(h uint64, n int) int { return int(h % uint64(n)) }

// guid formats a hash as a lower-case version 4 GUID.
func guid(h uint64) string {
	a, b := mix(h, 1), mix(h, 2)
	a = a&^0xf000 | 0x4000
	b = b&^(3<<62) | 2<<62
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}

// mulDiv is v*m/d rounded half away from zero, without overflow of the product.
func mulDiv(v, m, d int64) int64 {
	neg := (v < 0) != (m < 0)
	hi, lo := bits.Mul64(magnitude(v), magnitude(m))
	lo, carry := bits.Add64(lo, uint64(d)/2, 0)
	q, _ := bits.Div64(hi+carry, lo, uint64(d))
	if neg {
		return -int64(q)
	}
	return int64(q)
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return uint64(-v)
	}
	return uint64(v)
}
