package findings

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"fresnel"
)

// Except says something of all that a rule finds in a subscription, a resource
// group or a resource; of a rule of identity also about what it calls by its own
// words, in the exception's tenant. It fails with NotFound and Invalid.
func (r Reports) Except(ctx context.Context, s fresnel.Scope, e fresnel.Exception) (Said, error) {
	i := slices.IndexFunc(r.Rules, func(rule Rule) bool { return rule.ID == e.Rule })
	if i < 0 || r.Rules[i].Domain != "resources" && r.Rules[i].Domain != "identity" {
		return Said{}, fresnel.Errorf(fresnel.Invalid, "there is no rule %.60q about resources or identity", e.Rule)
	}
	e.Object = objectOf(strings.TrimRight(strings.TrimSpace(e.Object), "/"))
	var err error
	if r.Rules[i].Domain == "identity" && !strings.HasPrefix(e.Object, "/subscriptions/") {
		err = inTenant(s, e)
	} else {
		e.Tenant, err = r.tenantOf(ctx, s, e.Object)
	}
	if err != nil {
		return Said{}, err
	}
	e.Created = r.Now()
	if err := fresnel.CheckException(e, e.Created); err != nil {
		return Said{}, err
	}
	if err := r.Writer.Except(ctx, e, e.Created); err != nil {
		return Said{}, err
	}
	list, err := r.Exceptions(ctx, s.Narrow(e.Tenant), Query{Rules: []string{e.Rule}, Object: e.Object, Limit: 1}, 0)
	if err != nil || len(list) == 0 {
		return Said{}, err
	}
	return list[0], nil
}

// tenantOf is the tenant of an ARM id in a subscription.
func (r Reports) tenantOf(ctx context.Context, s fresnel.Scope, object string) (fresnel.TenantID, error) {
	parts := strings.Split(object, "/")
	if len(parts) < 3 || parts[0] != "" || parts[1] != "subscriptions" || !fresnel.IsGUID(parts[2]) || slices.Contains(parts[1:], "") ||
		len(parts) > 3 && parts[3] != "resourcegroups" && parts[3] != "providers" || len(parts) == 4 {
		return "", fresnel.Errorf(fresnel.Invalid, "%.200q is not the ARM id of a subscription, a resource group or a resource", object)
	}
	subs, err := r.Subscriptions.SubscriptionsByID(ctx, s, []string{parts[2]})
	if err != nil {
		return "", err
	}
	sub, ok := subs[parts[2]]
	if !ok {
		return "", fresnel.Errorf(fresnel.NotFound, "there is no subscription %s", parts[2])
	}
	return sub.Tenant, nil
}

// inTenant judges an exception of what only its tenant tells apart.
func inTenant(s fresnel.Scope, e fresnel.Exception) error {
	switch {
	case !named(e.Object):
		return fresnel.Errorf(fresnel.Invalid, "%.200q is nothing that a rule of identity is about: expected tenant, account/ID, app/ID, group/ID, credential/APP/KEY, role/ID or an ARM id", e.Object)
	case e.Tenant == "":
		return fresnel.Errorf(fresnel.Invalid, "name the tenant: %.200q may be in any", e.Object)
	case !s.Sees(e.Tenant):
		return fresnel.Errorf(fresnel.NotFound, "there is no tenant %.60q", string(e.Tenant))
	}
	return nil
}

// named tells whether an object is one in the words of a rule of identity, or the
// ARM id of what is above subscriptions.
func named(object string) bool {
	kind, rest, _ := strings.Cut(object, "/")
	parts := strings.Split(rest, "/")
	switch kind {
	case "tenant":
		return object == kind
	case "account", "app", "group":
		return fresnel.IsGUID(rest)
	case "credential":
		return len(parts) == 2 && fresnel.IsGUID(parts[0]) && fresnel.IsGUID(parts[1])
	case "role":
		return len(parts) == 1 && rest != "" && len(rest) <= 200 && !strings.ContainsFunc(rest, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) })
	case "":
		return len(parts) > 2 && parts[0] == "providers" && !slices.Contains(parts, "")
	}
	return false
}

// objectOf is the key of an object that somebody names: GUIDs and ARM ids are the
// same in any case. The ids of assignments of the directory differ by case, and
// objects of other domains stay as they are.
func objectOf(object string) string {
	if strings.HasPrefix(object, "/") {
		return fresnel.ObjectKey(object)
	}
	kind, rest, _ := strings.Cut(object, "/")
	switch strings.ToLower(kind) {
	case "account", "app", "group", "credential", "tenant":
		return strings.ToLower(object)
	case "role":
		return "role/" + rest
	}
	return object
}
