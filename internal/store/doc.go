// Package store keeps everything that Fresnel knows in one SQL database, and
// is the only place where SQL is written.
//
// The statements are in the portable subset of SQLite, PostgreSQL and Azure
// SQL; what must differ between engines is behind the unexported dialect. It
// is not a cache of pages (internal/cache) and computes no figure beyond sums:
// the meaning of cost is in internal/cost.
//
// Every read takes a fresnel.Scope. Errors carry a fresnel.Kind: Conflict for
// lost leases and refused writes, Unavailable for a database that does not
// answer, Invalid for a database that this program cannot use.
package store
