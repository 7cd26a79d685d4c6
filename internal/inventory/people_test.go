package inventory

import (
	"encoding/json"
	"testing"
)

func TestWithoutPeople(t *testing.T) {
	t.Parallel()
	v, err := ParseValue([]byte(`{"createdByUser":"x","SystemData":{"lastModifiedBy":"ada@contoso.com"},"a":{"owner":"ada@contoso.com","list":["b@c.de",{"createdBy":{"id":1}},"git@github.com:a/b","@x","a@b","Ada <a@b.cd>"]},"n":1}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(v.WithoutPeople())
	want := `{"a":{"list":["(address)",{},"git@github.com:a/b","@x","a@b","Ada \u003ca@b.cd\u003e"],"owner":"(address)"},"n":1}`
	if err != nil || string(got) != want {
		t.Errorf("%s, want %s (%v)", got, want, err)
	}
	for path, want := range map[string]bool{
		"systemData.lastModifiedBy": true, "properties.systemData": true, "properties.createdBy.user": true, `properties["createdByUser"]`: true,
		"properties.x[0].modifiedBy": true, "tags.owner": false, "tags.createdBy": false, "properties.createdByte": false, "": false,
	} {
		if personal(path) != want {
			t.Errorf("%q is personal: %v", path, !want)
		}
	}
}
