package page

// SampleCompliance is the page of compliance with invented figures.
func SampleCompliance(s Shell) Compliance {
	r := Region{Query: s.Query, Fresh: sampleFresh(s)}
	return Compliance{Overall: sampleOverall(r), Gauges: sampleGauges(r), Gaps: sampleGaps(), MoreGaps: 1, Policies: samplePolicies(r)}
}

// SampleOneTenant is the page of compliance of one tenant.
func SampleOneTenant(s Shell) Compliance {
	m := SampleCompliance(s)
	m.Gauges = sampleOne(m.Gauges.Region)
	return m
}

// SampleNonCompliant is the page of non-compliant resources with invented ones.
func SampleNonCompliant(s Shell) NonCompliant {
	return NonCompliant{
		Table: sampleFailing(Region{Query: s.Query, Fresh: sampleFresh(s)}, ""), Chips: []Chip{{"Policy: Allowed locations", PathNonCompliant}, {"Name: st", PathNonCompliant}}, ClearURL: PathNonCompliant,
		Types: []Choice{{"microsoft.compute/disks", "Managed disk", true}},
	}
}

// SamplePolicyPage is one policy with invented figures.
func SamplePolicyPage(s Shell) PolicyPage {
	return samplePolicyPage(Region{Query: s.Query, Fresh: sampleFresh(s)})
}

// SampleDrift is the page of drift with invented figures and a form that was refused.
func SampleDrift(s Shell) Drift {
	m := sampleDrift(Region{Query: s.Query, Fresh: sampleFresh(s)})
	m.Form = BaselineForm{Name: "Audit", Day: "2024-01-01", Note: "kept for an audit", Problem: "the day 2024-01-01 is not within the last 400 days", Do: "Choose a later day."}
	return m
}

// SampleExemptions is the page of exemptions with invented ones.
func SampleExemptions(s Shell) Exemptions {
	return sampleExemptions(Region{Query: s.Query, Fresh: sampleFresh(s)})
}

// SampleSecureScore is the page of the secure score with invented figures.
func SampleSecureScore(s Shell) SecureScore {
	return sampleSecure(Region{Query: s.Query, Fresh: sampleFresh(s)})
}

// SampleFrameworks is the page of frameworks with invented figures.
func SampleFrameworks(s Shell) Frameworks {
	return sampleFrameworks(Region{Query: s.Query, Fresh: sampleFresh(s)})
}

// SampleFramework is the page of one framework with invented figures.
func SampleFramework(s Shell) Framework {
	return sampleFramework(Region{Query: s.Query, Fresh: sampleFresh(s)})
}
