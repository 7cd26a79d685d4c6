// Package azuresim is a faithful simulator of the Azure APIs that Fresnel calls: Entra's token
// endpoint, Key Vault secrets, the ARM tenants, subscriptions and management groups, the Cost Management
// query, the Consumption budgets, Policy Insights, the lists of Microsoft.Authorization's policies and of
// Microsoft.Security, and Resource Graph, all by path on one TLS listener with its own certificate authority.
//
// It is the demo, the test bed and the load generator. Its estate (tenants, subscriptions and every
// cost cell) is a pure function of a seed, so nothing is stored: a year of 500 subscriptions costs no
// memory, and the truth about any instant can be asked for at /sim/truth and compared with what a
// client believes. What is unusual in the costs is planted, and labelled at /sim/planted: what is not
// labelled is ordinary, and nobody should be told of it.
//
// The resources follow from the costs: what costs exists, under the same id, with what it cannot be
// without around it (inv_*.go). Resource Graph answers any query of its language that people use for
// inventory (kql_*.go, graph*.go), and refuses the rest. Resources are created, changed and deleted as
// the clock moves; the truth is at /sim/inventory, /sim/changes, /sim/groups and /sim/types, and which
// of them were made as cases of the rules of waste at /sim/waste (waste*.go).
//
// Policies are in force on the resources, and Defender for Cloud judges them (policy_*.go, security_*.go):
// what complies is drawn and drifts with the clock, assignments and exemptions begin and end, and what
// Azure shows of it is as old as its last scan. It is served through Resource Graph, Policy Insights and
// ARM; the truth is at /sim/compliance with /resources and /events, /sim/exemptions, /sim/securescore and
// /sim/frameworks.
//
// Every tenant but the managing one has a directory (ident_*.go): accounts, which are computed from their
// numbers, groups, roles with and without PIM, applications, conditional access, and who has which role of
// Azure. It is served as Microsoft Graph under /v1.0, and through ARM and Resource Graph; the truth, and
// what tests change, is at /sim/identity. Sign-ins, activations and credentials follow the estate's clock,
// and so do the tokens of delta, whose seven days nobody could wait for.
//
// Two kinds of time live here and must not be confused. The estate's time is the settable [Clock]: it
// decides which costs are visible. Tokens, throttles and nextLinks live on real time, because their
// clients do.
//
// It is not a mock of our client: it imports nothing of ours and has its own wire structs, so that a
// misspelt JSON tag in the client fails a test instead of passing one twice.
package azuresim
