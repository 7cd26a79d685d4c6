package api

import (
	"context"
	"strconv"

	"fresnel/internal/compliance"
)

// Framework is a set of requirements, with how a scope stands to it.
type Framework struct {
	Source      string `json:"source" enum:"policy,defender" doc:"Who judges: an assigned initiative with groups, or Defender for Cloud"`
	ID          string `json:"id" doc:"Of the initiative in lower case, or the standard's name"`
	Name        string `json:"name" doc:"Display name"`
	Tenants     int    `json:"tenants" doc:"In which it is in use"`
	Total       int    `json:"total" doc:"Controls in all"`
	Passed      int    `json:"passed" doc:"Controls with something that passes and nothing that fails"`
	Failed      int    `json:"failed" doc:"Controls with something that fails"`
	Skipped     int    `json:"skipped" doc:"Controls of which all is exempt, or does not apply"`
	NotAssessed int    `json:"not_assessed" doc:"Controls that nothing checks: never counted as passed"`
	Assessed    Share  `json:"assessed" doc:"Controls that passed, of those that passed or failed"`
}

func framework(f compliance.Framework) Framework {
	return Framework{
		Source: string(f.Source), ID: f.ID, Name: f.Name, Tenants: f.Tenants, Total: len(f.Controls),
		Passed: f.Passed, Failed: f.Failed, Skipped: f.Skipped, NotAssessed: f.NotAssessed, Assessed: share(f.Assessed()),
	}
}

// FrameworkDetail is a framework with its controls.
type FrameworkDetail struct {
	Framework
	Controls []FrameworkControl `json:"controls" doc:"As the framework has them"`
}

// FrameworkControl is a requirement. Its numbers are states of resources by the
// policies of a group, or of Defender's assessments: one that two policies of a
// group judge is in them twice.
type FrameworkControl struct {
	Name     string `json:"name" doc:"Its short name, such as 1.1"`
	Title    string `json:"title" doc:"What it asks"`
	Category string `json:"category" doc:"Its section"`
	State    string `json:"state" enum:"passed,failed,skipped,not assessed" doc:"not assessed: nothing checks it"`
	Passing  int    `json:"passing" doc:"States of resources, or assessments"`
	Failing  int    `json:"failing" doc:"States of resources, or assessments; conflicts too"`
	Skipping int    `json:"skipping" doc:"Exempt, or not applicable"`
	Unknown  int    `json:"unknown" doc:"States that Azure does not tell"`
}

func frameworkControl(c compliance.FrameworkControl) FrameworkControl {
	return FrameworkControl{
		Name: c.Name, Title: c.Title, Category: c.Category, State: string(c.State),
		Passing: c.Passing, Failing: c.Failing, Skipping: c.Skipping, Unknown: c.Unknown,
	}
}

type frameworksOutput struct {
	Body struct {
		Data []Framework    `json:"data" doc:"By name"`
		Meta ComplianceMeta `json:"meta"`
	}
}

func (h handlers) frameworks(ctx context.Context, in *ComplianceInput) (*frameworksOutput, error) {
	s, subs, err := h.complianceAsk(ctx, *in)
	if err != nil {
		return nil, err
	}
	reads, err := h.complianceReads(ctx, s, subs)
	if err != nil {
		return nil, err
	}
	list, err := h.Compliance.Frameworks(ctx, s, subs)
	if err != nil {
		return nil, err
	}
	out := &frameworksOutput{}
	out.Body.Meta = h.complianceMeta(compliance.Policies, reads)
	out.Body.Meta.Total = len(list)
	out.Body.Data = make([]Framework, len(list))
	for i, f := range list {
		out.Body.Data[i] = framework(f)
	}
	return out, nil
}

func (h handlers) frameworksCSV(ctx context.Context, in *ComplianceInput) (table, error) {
	out, err := h.frameworks(ctx, in)
	if err != nil {
		return table{}, err
	}
	return table{[]string{"source", "id", "name", "tenants", "controls", "passed", "failed", "skipped", "not_assessed", "assessed_percent"}, all(out.Body.Data, func(f Framework) []string {
		return []string{
			f.Source, text(f.ID), text(f.Name), strconv.Itoa(f.Tenants), strconv.Itoa(f.Total), strconv.Itoa(f.Passed), strconv.Itoa(f.Failed),
			strconv.Itoa(f.Skipped), strconv.Itoa(f.NotAssessed), optional(f.Assessed.Percent),
		}
	})}, nil
}

type oneFrameworkInput struct {
	ComplianceInput
	Source string `query:"source" required:"true" enum:"policy,defender" doc:"As the list of frameworks has it"`
	ID     string `query:"id" required:"true" minLength:"1" maxLength:"2000" doc:"In any case"`
}

type oneFrameworkOutput struct {
	Body struct {
		Data FrameworkDetail `json:"data"`
		Meta ComplianceMeta  `json:"meta"`
	}
}

func (h handlers) frameworkDetail(ctx context.Context, in *oneFrameworkInput) (*oneFrameworkOutput, error) {
	s, subs, err := h.complianceAsk(ctx, in.ComplianceInput)
	if err != nil {
		return nil, err
	}
	f, err := h.Compliance.Framework(ctx, s, subs, compliance.FrameworkSource(in.Source), in.ID)
	if err != nil {
		return nil, err
	}
	reads, err := h.complianceReads(ctx, s, subs)
	if err != nil {
		return nil, err
	}
	out := &oneFrameworkOutput{}
	out.Body.Meta = h.complianceMeta(compliance.Policies, reads)
	out.Body.Meta.Total = len(f.Controls)
	out.Body.Data = FrameworkDetail{framework(f), make([]FrameworkControl, len(f.Controls))}
	for i, c := range f.Controls {
		out.Body.Data.Controls[i] = frameworkControl(c)
	}
	return out, nil
}

func (h handlers) frameworkDetailCSV(ctx context.Context, in *oneFrameworkInput) (table, error) {
	out, err := h.frameworkDetail(ctx, in)
	if err != nil {
		return table{}, err
	}
	f := out.Body.Data
	head := []string{"source", "framework", "control", "title", "category", "state", "passing", "failing", "skipping", "unknown"}
	return table{head, all(f.Controls, func(c FrameworkControl) []string {
		return []string{
			f.Source, text(f.Name), text(c.Name), text(c.Title), text(c.Category), c.State,
			strconv.Itoa(c.Passing), strconv.Itoa(c.Failing), strconv.Itoa(c.Skipping), strconv.Itoa(c.Unknown),
		}
	})}, nil
}
