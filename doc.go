// Package fresnel is the vocabulary of the program: tenants, scopes, money,
// days, sync runs and errors, with no dependency but the standard library.
//
// It is not a place for behaviour of a domain (see internal/cost) or of a
// technology (see internal/store, internal/azure).
package fresnel
