package azuresim

import "time"

// What a role is.
const (
	privileged   = 1 << iota // Microsoft's label
	controlPlane             // whoever has it can have everything
	onlyReads                // privileged, and yet a reader
	customRole
)

// identRole is the definition of a role of the directory.
type identRole struct {
	id, name string
	flags    int
}

func (r *identRole) is(flag int) bool { return r.flags&flag != 0 }

// identBuiltIn are built-in roles. Their ids are those of their templates.
var identBuiltIn = []identRole{
	{"62e90394-69f5-4237-9190-012177145e10", "Global Administrator", privileged | controlPlane},
	{"e8611ab8-c189-46e8-94e1-60213ab1f814", "Privileged Role Administrator", privileged | controlPlane},
	{"7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "Privileged Authentication Administrator", privileged | controlPlane},
	{"194ae4cb-b126-40b2-bd5b-6091b380977d", "Security Administrator", privileged},
	{"9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "Application Administrator", privileged | controlPlane},
	{"158c047a-c907-4556-b7ef-446551a6b5f7", "Cloud Application Administrator", privileged | controlPlane},
	{"cf1c38e5-3621-4004-a7cb-879624dced7c", "Application Developer", privileged},
	{"c4e39bd9-1100-46d3-8c65-fb160da0071f", "Authentication Administrator", privileged},
	{"b1be1c3e-b65d-4f19-8427-f6fa0d97feb9", "Conditional Access Administrator", privileged | controlPlane},
	{"fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator", privileged},
	{"729827e3-9c14-49f7-bb1b-9608f156bbb8", "Helpdesk Administrator", privileged},
	{"966707d0-3269-4727-9be2-8c3a10f19b9d", "Password Administrator", privileged},
	{"8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2", "Hybrid Identity Administrator", privileged | controlPlane},
	{"3a2c62db-5318-420d-8d74-23affee5d9d5", "Intune Administrator", privileged | controlPlane},
	{"7698a772-787b-4ac8-901f-60d6b08affd2", "Cloud Device Administrator", privileged},
	{"8329153b-31d0-4727-b945-745eb3bc5f31", "Domain Name Administrator", privileged},
	{"be2f45a1-457d-42af-a067-6ec1fa63bc45", "External Identity Provider Administrator", privileged},
	{"9360feb5-f418-4baa-8175-e2a00bac4301", "Directory Writers", privileged},
	{"45d8d3c5-c802-45c6-b32a-1d70b5e1e86e", "Identity Governance Administrator", privileged},
	{"59d46f88-662b-457b-bceb-5c3809e5908f", "Lifecycle Workflows Administrator", privileged},
	{"25a516ed-2fa0-40ea-a2d0-12923a21473a", "Authentication Extensibility Administrator", privileged},
	{"0b00bede-4072-4d22-b441-e7df02a1ef63", "Authentication Extensibility Password Administrator", privileged},
	{"ecb2c6bf-0ab6-418e-bd87-7986f8d63bbe", "Attribute Provisioning Administrator", privileged},
	{"422218e4-db15-4ef9-bbe0-8afb41546d79", "Attribute Provisioning Reader", privileged | onlyReads},
	{"aaf43236-0c0d-4d5f-883a-6955382ac081", "B2C IEF Keyset Administrator", privileged},
	{"4ba39ca4-527c-499a-b93d-d9b492c50246", "Partner Tier1 Support", privileged},
	{"e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8", "Partner Tier2 Support", privileged},
	{"5f2222b1-57c3-48ba-8ad5-d4759f1fde6f", "Security Operator", privileged},
	{"5d6b6bb7-de71-4623-b4af-96380a352509", "Security Reader", privileged | onlyReads},
	{"f2ef992c-3afb-46b9-b7cf-a126ee74c451", "Global Reader", privileged | onlyReads},
	{"db506228-d27e-4b7d-95e5-295956d6615f", "Agent ID Administrator", privileged},
	{"d2562ede-74db-457e-a7b6-544e236ebb61", "AI Administrator", privileged},
	{"1fe13547-53f6-408d-ac04-7f8eed167b38", "AI Reader", privileged | onlyReads},
	{"1981f584-96e9-4a6f-95b0-f522373f8fae", "Tenant Governance Administrator", privileged},
	{"f28a1f50-f6e7-4571-818b-6a12f2af6b6c", "SharePoint Administrator", 0},
	{"29232cdf-9323-42fd-ade2-1d097af3e4de", "Exchange Administrator", 0},
	{"b0f54661-2d74-4c50-afa3-1ec803f12efe", "Billing Administrator", 0},
	{"17315797-102d-40b4-93e0-432062caca18", "Compliance Administrator", 0},
	{"4a5d8f65-41da-4de4-8968-e035b65339cf", "Reports Reader", 0},
	{"75941009-915a-4869-abe7-691bff18279e", "Skype for Business Administrator", 0},
	{"88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "Directory Readers", 0},
	{"69091246-20e8-4a56-aa4d-066075b2a7a8", "Teams Administrator", 0},
	{"fdd7a751-b60b-444a-984c-02652fe8fa1c", "Groups Administrator", 0},
	{"4d6ac14f-3453-41d0-bef9-a3e0c569773a", "License Administrator", 0},
	{"790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b", "Message Center Reader", 0},
	{"95e79109-95c0-4d8e-aee3-d01accf2d47b", "Guest Inviter", 0},
	{"f023fd81-a637-4b56-95fd-791ac0226033", "Service Support Administrator", 0},
	{"d29b2b05-8046-44ba-8758-1e26182fcf32", "Directory Synchronization Accounts", 0},
}

// Roles that this names.
const (
	roleGlobal      = "62e90394-69f5-4237-9190-012177145e10"
	rolePrivRole    = "e8611ab8-c189-46e8-94e1-60213ab1f814"
	roleSecurity    = "194ae4cb-b126-40b2-bd5b-6091b380977d"
	roleUsers       = "fe930be7-5e62-47db-91af-98c3a49a38b1"
	roleApps        = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
	roleCloudApps   = "158c047a-c907-4556-b7ef-446551a6b5f7"
	roleConditional = "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9"
	roleAuthn       = "c4e39bd9-1100-46d3-8c65-fb160da0071f"
	roleHelpdesk    = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
	roleHybrid      = "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2"
	roleExchange    = "29232cdf-9323-42fd-ade2-1d097af3e4de"
	roleGlobalRead  = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
	roleReports     = "4a5d8f65-41da-4de4-8968-e035b65339cf"
	roleDirectory   = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
	roleSyncing     = "d29b2b05-8046-44ba-8758-1e26182fcf32"
	roleLicences    = "4d6ac14f-3453-41d0-bef9-a3e0c569773a"
)

// identRoles are the roles of a tenant: the built-in ones and its own.
func identRoles(key uint64) []*identRole {
	var out []*identRole
	for i := range identBuiltIn {
		out = append(out, &identBuiltIn[i])
	}
	return append(out,
		&identRole{guid(mix(key, label("custom role"), 1)), "Credential Custodian", privileged | customRole},
		&identRole{guid(mix(key, label("custom role"), 2)), "Guest Curator", customRole})
}

func (w *identTenant) role(id string) *identRole {
	for _, r := range w.roles {
		if r.id == id {
			return r
		}
	}
	return nil
}

func (r *identRole) prop(name string) any {
	switch name {
	case "id", "templateId":
		return r.id
	case "displayName":
		return r.name
	case "description":
		return "Has the rights of " + r.name + "."
	case "isBuiltIn":
		return !r.is(customRole)
	case "isEnabled":
		return true
	case "isPrivileged":
		return r.is(privileged)
	case "resourceScopes":
		return []string{"/"}
	case "rolePermissions":
		return []any{identObject{{"allowedResourceActions", []string{"microsoft.directory/users/standard/read"}}, {"condition", nil}}}
	case "version":
		return "1"
	}
	return nil
}

// The kinds of principal, as Graph and Azure call them.
const (
	principalUser    = "user"
	principalGroup   = "group"
	principalService = "servicePrincipal"
)

// identRef names a principal. The number is that of an account, a group or a service principal.
type identRef struct {
	kind string
	i    int
	id   string // of a principal that is in none of the lists
}

// The kinds of assignment.
const (
	assigned  = "Assigned"
	activated = "Activated"
	eligible  = "Eligible"
)

// identAssignment gives a role to a principal.
type identAssignment struct {
	id         string
	role       string
	to         identRef
	unit       int // 1 + the number of an administrative unit; 0 = everything
	kind       string
	from       time.Time
	end        time.Time // as PIM tells it; zero = none
	gone       time.Time // when somebody took it away
	activation int       // of an eligible one: 0 = never, 1 = on workdays, 2 = on some days
}

// inForce says whether an assignment is there at an instant.
func (v *identView) inForce(a *identAssignment) bool {
	if a.from.After(v.at) || !a.end.IsZero() && !a.end.After(v.at) || !a.gone.IsZero() && !a.gone.After(v.at) {
		return false
	}
	if t, ok := v.ed.ended[a.id]; ok && !t.After(v.at) {
		return false
	}
	return a.kind != eligible || !v.noP2()
}

// held are the assignments in force of some kinds.
func (v *identView) held(kinds ...string) []*identAssignment {
	var out []*identAssignment
	for _, list := range [][]*identAssignment{v.assignments, v.ed.roles} {
		for _, a := range list {
			if !v.inForce(a) || !v.there(a.to) {
				continue
			}
			for _, k := range kinds {
				switch {
				case a.kind == k:
					out = append(out, a)
				case k == activated && a.kind == eligible:
					if x := v.activation(a); x != nil {
						out = append(out, x)
					}
				}
			}
		}
	}
	return out
}

// activation is what an eligible assignment became, if its holder works with it now: for eight hours.
func (v *identView) activation(a *identAssignment) *identAssignment {
	day := dayOf(v.at)
	weekday := day.start().Weekday()
	key := mix(v.key, label("activation"), label(a.id), uint64(day))
	works := a.activation == 1 && weekday != time.Saturday && weekday != time.Sunday || a.activation == 2 && below(key, 4) == 0
	from := day.start().Add(7*time.Hour + time.Duration(below(mix(key, 1), 7200))*time.Second)
	if !works || v.at.Before(from) || !v.at.Before(from.Add(8*time.Hour)) || from.Before(a.from) || a.to.kind == principalUser && !v.life(a.to.i).enabled {
		return nil
	}
	x := *a
	x.id, x.kind, x.from, x.end = opaqueID(mix(key, 2)), activated, from, from.Add(8*time.Hour)
	return &x
}

// there says whether a principal can be shown with its assignments: those of accounts go when the account
// is deleted for good, and until then they are kept, but not shown. One that was never found is shown.
func (v *identView) there(to identRef) bool {
	return to.kind != principalUser || to.id != "" || func() bool { l := v.life(to.i); return l.alive() }()
}

// refID is the id of a principal.
func (v *identView) refID(r identRef) string {
	switch {
	case r.id != "":
		return r.id
	case r.kind == principalGroup:
		return v.groups[r.i].id
	case r.kind == principalService:
		return v.principals[r.i].id
	}
	return v.accountID(r.i)
}

// opaqueID looks like the ids of role assignments.
func opaqueID(h uint64) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := make([]byte, 0, 44)
	for i := range uint64(43) {
		b = append(b, letters[mix(h, i)&63])
	}
	return string(b) + "-1"
}
