// Package ui is Fresnel's domain-free interface kit: small templ components, the icon sprite and the built
// style sheet, scripts and font, served under /static/.
//
// It is not a place for anything that knows what a cost, a tenant or a sync run is: those are in web/page. It does
// no I/O beyond the files embedded in the program. The sources of the built files are in frontend/; scripts/assets
// builds them, and `go build` needs neither Node nor a network.
package ui
