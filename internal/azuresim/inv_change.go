package azuresim

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Actors of changes that are no people, and the kinds that Resource Graph names.
const (
	appBackup = "backup"
	byUser    = "User"
	byApp     = "Application"
	bySystem  = "System"
)

// Change is something that happened to a resource, as a row of resourcechanges tells it.
type Change struct {
	ID           string                 `json:"id"`
	ResourceID   string                 `json:"resourceId"`
	ResourceType string                 `json:"resourceType"` // lower case
	Subscription string                 `json:"subscription"`
	Tenant       string                 `json:"tenant"`
	Type         string                 `json:"changeType"` // Create, Update or Delete
	At           time.Time              `json:"at"`
	Shown        time.Time              `json:"shown"`         // from when Resource Graph tells of it
	By           string                 `json:"changedBy"`     // an e-mail address, an application's id, or System
	ByType       string                 `json:"changedByType"` // User, Application or System
	Changes      map[string]ValueChange `json:"changes"`
	group        string
}

// ValueChange is one value before and after.
type ValueChange struct {
	Previous any    `json:"previousValue"`
	New      any    `json:"newValue"`
	Kind     string `json:"propertyChangeType"` // Insert, Update or Remove
	Category string `json:"changeCategory"`     // User or System
}

// changesKept is how long Resource Graph keeps changes, and changeDelay within how long they show.
const (
	changesKept = 14 * 24 * time.Hour
	changeDelay = 5 * time.Minute
)

// changes are a world's changes of a range, (from, to], in order.
func (w *world) changes(from, to time.Time) []Change {
	var out []Change
	within := func(t time.Time) bool { return t.After(from) && !t.After(to) }
	for _, it := range w.items {
		if it.kind == typeProtected {
			continue // not in the table of resources
		}
		if within(it.born) {
			out = append(out, it.change("Create", it.born, nil))
		}
		for _, t := range it.moments(from, to) {
			if diff := difference(it.at(t.Add(-time.Microsecond)), it.at(t)); len(diff) > 0 {
				out = append(out, it.change("Update", t, diff))
			}
		}
		if !it.dead.IsZero() && within(it.dead) {
			out = append(out, it.change("Delete", it.dead, nil))
		}
	}
	slices.SortStableFunc(out, func(a, b Change) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
	return out
}

// visibleChanges are those that the table has at an instant: of the last fortnight, a little late.
func (w *world) visibleChanges(at time.Time) []Change {
	list := w.changes(at.Add(-changesKept), at)
	return slices.DeleteFunc(list, func(c Change) bool {
		return at.Before(c.Shown)
	})
}

func (it *item) change(kind string, at time.Time, diff map[string]ValueChange) Change {
	key := mix(it.key, uint64(at.UnixNano()), label(kind))
	c := Change{
		ID: it.id + "/providers/Microsoft.Resources/changes/" + guid(key), ResourceID: it.id, ResourceType: strings.ToLower(it.kind),
		Subscription: it.w.sub.id, Tenant: it.w.sub.tenant.id, Type: kind, At: at, Changes: diff, group: it.group,
	}
	c.Shown = at.Add(time.Duration(below(mix(label(c.ID), label("delay")), int(changeDelay))))
	c.By, c.ByType = it.actor(key, at)
	if kind == "Update" && mix(key, 3)%3 == 0 {
		it.system(diff, key, at, c)
	}
	for path, v := range diff {
		if v.Category = byUser; c.ByType == bySystem {
			v.Category = bySystem
		}
		diff[path] = v
	}
	if c.Changes == nil {
		c.Changes = map[string]ValueChange{}
	}
	return c
}

// system adds what some providers keep of who was last there: people's user names before and after.
func (it *item) system(diff map[string]ValueChange, key uint64, at time.Time, c Change) {
	before := userName(it.w.sub.tenant, mix(key, 4))
	diff[systemData+"lastModifiedAt"] = ValueChange{Previous: wireTime(at.Add(-time.Duration(1+below(mix(key, 5), 400)) * time.Hour)), New: wireTime(at), Kind: "Update"}
	if before != c.By {
		diff[systemData+"lastModifiedBy"] = ValueChange{Previous: before, New: c.By, Kind: "Update"}
	}
	if c.ByType != byUser {
		diff[systemData+"lastModifiedByType"] = ValueChange{Previous: byUser, New: c.ByType, Kind: "Update"}
	}
}

// systemData is the path of what a provider keeps about changes. Only resourcechanges shows it.
const systemData = "systemData."

// actor is who did something: what an application did by schedule, that application.
func (it *item) actor(key uint64, at time.Time) (by, kind string) {
	t := it.w.sub.tenant
	app := func(name string) string { return guid(mix(it.w.e.seed, label("actor"), label(t.id), label(name))) }
	switch {
	case it.by != "":
		return app(it.by), byApp
	case it.scheduled() && slices.ContainsFunc(it.times, at.Equal):
		return app("schedule"), byApp
	}
	switch below(mix(key, 1), 20) {
	case 0, 1, 2:
		return bySystem, bySystem
	case 3, 4, 5, 6, 7, 8:
		return app([]string{"pipeline", "terraform", "policy"}[below(mix(key, 2), 3)]), byApp
	default:
		return userName(t, key), byUser
	}
}

// difference lists the values that two states of a resource do not share, by path.
func difference(before, after body) map[string]ValueChange {
	a, b := map[string]any{}, map[string]any{}
	flatten("", before, a)
	flatten("", after, b)
	out := map[string]ValueChange{}
	for path, v := range a {
		w, ok := b[path]
		switch {
		case !ok:
			out[path] = ValueChange{Previous: v, Kind: "Remove"}
		case w != v:
			out[path] = ValueChange{Previous: v, New: w, Kind: "Update"}
		}
	}
	for path, v := range b {
		if _, ok := a[path]; !ok {
			out[path] = ValueChange{New: v, Kind: "Insert"}
		}
	}
	return out
}

// flatten lists the leaves of a value by path, such as properties.storageProfile.dataDisks[0].lun. All
// leaves are texts, as Resource Graph gives them.
func flatten(path string, v any, out map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			p := k
			if strings.Contains(k, ".") {
				p = "['" + k + "']"
			} else if path != "" {
				p = "." + k
			}
			flatten(path+p, e, out)
		}
	case []any:
		for i, e := range v {
			flatten(path+"["+kqlText(int64(i))+"]", e, out)
		}
	case nil:
	default:
		out[path] = kqlText(v)
	}
}

// wire is a change as a row's properties.
func (c Change) wire() map[string]any {
	changes := map[string]any{}
	for path, v := range c.Changes {
		changes[path] = map[string]any{"previousValue": v.Previous, "newValue": v.New, "changeCategory": v.Category, "propertyChangeType": v.Kind, "isTruncated": "false"}
	}
	operation := c.ResourceType + map[string]string{"Delete": "/delete"}[c.Type]
	if c.Type != "Delete" {
		operation += "/write"
	}
	client := map[string]string{byUser: "Azure Portal", byApp: "Unspecified", bySystem: "Unspecified"}[c.ByType]
	return map[string]any{
		"targetResourceId": c.ResourceID, "targetResourceType": c.ResourceType, "changeType": c.Type,
		"changeAttributes": map[string]any{
			"timestamp": wireTime(c.At), "correlationId": guid(label(c.ID)), "changedBy": c.By, "changedByType": c.ByType,
			"clientType": client, "operation": operation, "changesCount": int64(len(changes)),
			"previousResourceSnapshotId": guid(mix(label(c.ID), 1)), "newResourceSnapshotId": guid(mix(label(c.ID), 2)),
		},
		"changes": changes,
	}
}
