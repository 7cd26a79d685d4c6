package identity

// Tier is how much power a directory role gives.
type Tier int

// The tiers, weakest first.
const (
	Plain        Tier = iota
	Reading           // reads what only the privileged may read
	Privileged        // labelled so by Microsoft
	ControlPlane      // may make itself, or anybody, a global administrator
)

// GlobalAdministrator is the role that may do all; by its template, which is
// the same in every tenant.
const GlobalAdministrator = "62e90394-69f5-4237-9190-012177145e10"

// builtIn are the tiers of Microsoft's roles by template id. Those labelled
// privileged are Microsoft's; the readers among them are counted apart, and the
// control plane is what leads to all others.
// Source: learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference.
var builtIn = map[string]Tier{
	GlobalAdministrator:                    ControlPlane,
	"e8611ab8-c189-46e8-94e1-60213ab1f814": ControlPlane, // Privileged Role Administrator
	"7be44c8a-adaf-4e2a-84d6-ab2649e08a13": ControlPlane, // Privileged Authentication Administrator
	"8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2": ControlPlane, // Hybrid Identity Administrator
	"9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": ControlPlane, // Application Administrator
	"158c047a-c907-4556-b7ef-446551a6b5f7": ControlPlane, // Cloud Application Administrator
	"b1be1c3e-b65d-4f19-8427-f6fa0d97feb9": ControlPlane, // Conditional Access Administrator
	"3a2c62db-5318-420d-8d74-23affee5d9d5": ControlPlane, // Intune Administrator

	"194ae4cb-b126-40b2-bd5b-6091b380977d": Privileged, // Security Administrator
	"cf1c38e5-3621-4004-a7cb-879624dced7c": Privileged, // Application Developer
	"c4e39bd9-1100-46d3-8c65-fb160da0071f": Privileged, // Authentication Administrator
	"fe930be7-5e62-47db-91af-98c3a49a38b1": Privileged, // User Administrator
	"729827e3-9c14-49f7-bb1b-9608f156bbb8": Privileged, // Helpdesk Administrator
	"966707d0-3269-4727-9be2-8c3a10f19b9d": Privileged, // Password Administrator
	"7698a772-787b-4ac8-901f-60d6b08affd2": Privileged, // Cloud Device Administrator
	"8329153b-31d0-4727-b945-745eb3bc5f31": Privileged, // Domain Name Administrator
	"be2f45a1-457d-42af-a067-6ec1fa63bc45": Privileged, // External Identity Provider Administrator
	"9360feb5-f418-4baa-8175-e2a00bac4301": Privileged, // Directory Writers
	"45d8d3c5-c802-45c6-b32a-1d70b5e1e86e": Privileged, // Identity Governance Administrator
	"59d46f88-662b-457b-bceb-5c3809e5908f": Privileged, // Lifecycle Workflows Administrator
	"25a516ed-2fa0-40ea-a2d0-12923a21473a": Privileged, // Authentication Extensibility Administrator
	"0b00bede-4072-4d22-b441-e7df02a1ef63": Privileged, // Authentication Extensibility Password Administrator
	"ecb2c6bf-0ab6-418e-bd87-7986f8d63bbe": Privileged, // Attribute Provisioning Administrator
	"aaf43236-0c0d-4d5f-883a-6955382ac081": Privileged, // B2C IEF Keyset Administrator
	"4ba39ca4-527c-499a-b93d-d9b492c50246": Privileged, // Partner Tier1 Support
	"e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8": Privileged, // Partner Tier2 Support
	"5f2222b1-57c3-48ba-8ad5-d4759f1fde6f": Privileged, // Security Operator
	"db506228-d27e-4b7d-95e5-295956d6615f": Privileged, // Agent ID Administrator
	"d2562ede-74db-457e-a7b6-544e236ebb61": Privileged, // AI Administrator
	"1981f584-96e9-4a6f-95b0-f522373f8fae": Privileged, // Tenant Governance Administrator

	"5d6b6bb7-de71-4623-b4af-96380a352509": Reading, // Security Reader
	"f2ef992c-3afb-46b9-b7cf-a126ee74c451": Reading, // Global Reader
	"422218e4-db15-4ef9-bbe0-8afb41546d79": Reading, // Attribute Provisioning Reader
	"1fe13547-53f6-408d-ac04-7f8eed167b38": Reading, // AI Reader
}

// TierOf is how much power a role gives. A role of the customer's own is as
// privileged as Azure marks it.
func TierOf(r Role) Tier {
	if t, ok := builtIn[r.ID]; ok {
		return t
	}
	if r.Privileged {
		return Privileged
	}
	return Plain
}

// TierAt is how much power a role gives where it is held: over one application, or
// over some accounts, nobody makes himself everything.
func TierAt(r Role, scope string) Tier {
	t := TierOf(r)
	if t == ControlPlane && scope != "/" {
		return Privileged
	}
	return t
}

// The roles of Azure that give power over access, by the GUID of their
// definition, the same in every tenant.
const (
	AzureOwner       = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
	AzureUserAccess  = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9" // User Access Administrator
	AzureRBAC        = "f58310d9-a9f6-439a-9e8d-f62e7b41a168" // Role Based Access Control Administrator
	AzureContributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"
)

// Powerful tells whether a role of Azure lets its holder give access to
// others: owners, access administrators, and custom roles that may do all.
func (r AzureRole) Powerful() bool {
	return r.Owner || r.Role == AzureOwner || r.Role == AzureUserAccess || r.Role == AzureRBAC
}
