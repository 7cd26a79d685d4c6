// Package azuresim is a faithful simulator of the Azure APIs that Fresnel calls: Entra's token
// endpoint, Key Vault secrets, the ARM tenants and subscriptions lists, the Cost Management query and the
// Consumption budgets, all by path on one TLS listener with its own certificate authority.
//
// It is the demo, the test bed and the load generator. Its estate (tenants, subscriptions and every
// cost cell) is a pure function of a seed, so nothing is stored: a year of 500 subscriptions costs no
// memory, and the truth about any instant can be asked for at /sim/truth and compared with what a
// client believes. What is unusual in the costs is planted, and labelled at /sim/planted: what is not
// labelled is ordinary, and nobody should be told of it.
//
// Two kinds of time live here and must not be confused. The estate's time is the settable [Clock]: it
// decides which costs are visible. Tokens, throttles and nextLinks live on real time, because their
// clients do.
//
// It is not a mock of our client: it imports nothing of ours and has its own wire structs, so that a
// misspelt JSON tag in the client fails a test instead of passing one twice.
package azuresim
