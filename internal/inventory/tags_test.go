package inventory

import (
	"fmt"
	"strings"
	"testing"

	"fresnel"
)

func TestCheckTags(t *testing.T) {
	policy := TagPolicy{Required: []RequiredTag{{Key: "Env", Values: []string{"prod", "dev"}}, {Key: "owner"}}}
	inherit := TagPolicy{Required: policy.Required, Inherit: true}
	type tags = map[string]string
	for _, test := range []struct {
		name   string
		policy TagPolicy
		typ    string
		tags   tags
		group  tags
		want   string
	}{
		{"all there", policy, typeDisk, tags{"Env": "prod", "owner": "x", "more": ""}, nil, "compliant [] []"},
		{"keys in any case", policy, typeDisk, tags{"ENV": "dev", "Owner": "x"}, nil, "compliant [] []"},
		{"values exactly", policy, typeDisk, tags{"env": "Prod", "owner": "x"}, nil, "missing [] [{Env Prod}]"},
		{"one missing", policy, typeDisk, tags{"env": "prod"}, nil, "missing [owner] []"},
		{"none", policy, typeDisk, tags{}, nil, "missing [Env owner] []"},
		{"blank is missing", policy, typeDisk, tags{"env": "prod", "owner": "  "}, nil, "missing [owner] []"},
		{"missing and wrong", policy, typeDisk, tags{"env": "x"}, nil, "missing [owner] [{Env x}]"},
		{"exact key first", policy, typeDisk, tags{"ENV": "x", "Env": "prod", "owner": "x"}, nil, "compliant [] []"},
		{"not told is not missing", policy, typeDisk, nil, nil, "unknown [] []"},
		{"not inherited unless asked", policy, typeDisk, tags{"env": "dev"}, tags{"owner": "x"}, "missing [owner] []"},
		{"inherited", inherit, typeDisk, tags{"env": "dev"}, tags{"OWNER": "x", "env": "bad"}, "compliant [] []"},
		{"wrong is not mended by the group", inherit, typeDisk, tags{"env": "bad", "owner": "x"}, tags{"env": "prod"}, "missing [] [{Env bad}]"},
		{"the group's is wrong", inherit, typeDisk, tags{"owner": "x"}, tags{"env": "bad"}, "missing [] [{Env bad}]"},
		{"the group has none", inherit, typeDisk, tags{"env": "dev"}, tags{}, "missing [owner] []"},
		{"the group's were not told", inherit, typeDisk, tags{"env": "dev"}, nil, "unknown [] []"},
		{"the group's do not matter", inherit, typeDisk, tags{"env": "dev", "owner": "x"}, nil, "compliant [] []"},
		{"a group inherits nothing", inherit, typeGroup, tags{"env": "dev"}, tags{"owner": "x"}, "missing [owner] []"},
		{"cannot carry tags", policy, "microsoft.authorization/locks", tags{}, nil, "exempt [] []"},
		{"cannot carry tags, not told", policy, "microsoft.network/virtualnetworks/subnets", nil, nil, "exempt [] []"},
		{"nothing required", TagPolicy{}, typeDisk, nil, nil, "exempt [] []"},
	} {
		got := CheckTags(test.policy, &Resource{Type: test.typ, Group: "rg", Tags: test.tags}, test.group)
		if s := fmt.Sprintf("%s %v %v", got.State, got.Missing, got.Wrong); s != test.want {
			t.Errorf("%s: %s, want %s", test.name, s, test.want)
		}
	}
}

func TestTaggable(t *testing.T) {
	for typ, want := range map[string]bool{
		typeVM: true, typeGroup: true, typeSubscription: true, "microsoft.web/sites/slots": true, "microsoft.compute/virtualmachines/extensions": true,
		"microsoft.security/automations": true, typeSQLDatabase: true, "contoso.new/things": true,
		typeAdvice: false, typeSubnet: false, "microsoft.security/pricings": false, "microsoft.insights/diagnosticsettings": false,
		"microsoft.recoveryservices/vaults/backupfabrics/protectioncontainers/protecteditems": false, "contoso.new/things/parts": false,
	} {
		if got := Taggable(&Resource{Type: typ}); got != want {
			t.Errorf("%s: %t", typ, got)
		}
	}
	if Taggable(&Resource{Type: typeSQLDatabase, Name: "Master"}) {
		t.Error("the master database can carry tags")
	}
	for _, list := range [][]string{untaggedTypes, taggedExceptions, taggedChildren} {
		for _, typ := range list {
			if typ != strings.ToLower(typ) {
				t.Errorf("%s: types are in lower case", typ)
			}
		}
	}
}

func TestTagPolicyCheck(t *testing.T) {
	many := TagPolicy{}
	for i := range 51 {
		many.Required = append(many.Required, RequiredTag{Key: fmt.Sprint("k", i)})
	}
	for _, test := range []struct {
		name string
		p    TagPolicy
		ok   bool
	}{
		{"none", TagPolicy{}, true},
		{"good", TagPolicy{Required: []RequiredTag{{Key: "env", Values: []string{"prod"}}, {Key: "cost center"}}}, true},
		{"no key", TagPolicy{Required: []RequiredTag{{Key: " "}}}, false},
		{"no such key", TagPolicy{Required: []RequiredTag{{Key: "a/b"}}}, false},
		{"long key", TagPolicy{Required: []RequiredTag{{Key: strings.Repeat("x", 513)}}}, false},
		{"twice", TagPolicy{Required: []RequiredTag{{Key: "env"}, {Key: "ENV"}}}, false},
		{"blank value", TagPolicy{Required: []RequiredTag{{Key: "env", Values: []string{""}}}}, false},
		{"too many", many, false},
	} {
		if err := test.p.Check(); (err == nil) != test.ok || err != nil && fresnel.KindOf(err) != fresnel.Invalid {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestTagTally(t *testing.T) {
	p := TagPolicy{Required: []RequiredTag{{Key: "Env", Values: []string{"prod"}}, {Key: "owner"}}}
	tally := NewTagTally()
	for _, r := range []Resource{
		{Tenant: "t1", Subscription: "a", Type: typeDisk, Tags: map[string]string{"env": "prod", "owner": "x"}},
		{Tenant: "t1", Subscription: "a", Type: typeVM, Tags: map[string]string{"env": "prod"}},
		{Tenant: "t1", Subscription: "b", Type: typeVM, Tags: map[string]string{"env": "x", "owner": "x"}},
		{Tenant: "t2", Subscription: "c", Type: typeVM},                                                             // not told
		{Tenant: "t2", Subscription: "c", Type: "microsoft.authorization/locks", Tags: map[string]string{}},         // cannot
		{Tenant: "t2", Subscription: "c", Type: typeVM, Tags: map[string]string{"ENV": "prod", "OWNER": "someone"}}, // as another writes
	} {
		tally.Add(p, &r, CheckTags(p, &r, nil))
	}
	for name, test := range map[string]struct{ got, want TagCount }{
		"all":          {tally.All, TagCount{2, 4, 1, 1}},
		"tenant 1":     {tally.Tenants["t1"], TagCount{1, 3, 0, 0}},
		"tenant 2":     {tally.Tenants["t2"], TagCount{1, 1, 1, 1}},
		"subscription": {tally.Subscriptions["a"], TagCount{1, 2, 0, 0}},
		"type":         {tally.Types[typeVM], TagCount{1, 3, 1, 0}},
		"env":          {tally.Tags["env"], TagCount{3, 4, 1, 1}},
		"owner":        {tally.Tags["owner"], TagCount{3, 4, 1, 1}},
	} {
		if test.got != test.want {
			t.Errorf("%s: %+v, want %+v", name, test.got, test.want)
		}
	}
}
