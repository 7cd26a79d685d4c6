// Package page holds Fresnel's pages and partials: view models as plain structs, and the templ templates that print
// them. Handlers in web fill the models.
//
// It is not a place for I/O, for the clock or for arithmetic: sums, shares, comparisons and states arrive computed by
// the domain; what is done here is formatting (format.go) and building addresses (paths.go).
package page
