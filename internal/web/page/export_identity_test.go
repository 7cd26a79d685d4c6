package page

// SampleIdentity is the page of identity with invented figures.
func SampleIdentity(s Shell) Identity {
	return sampleIdentity(Region{Query: s.Query, Fresh: sampleFresh(s)})
}

// SampleIdentityList is the page with another list.
func SampleIdentityList(s Shell, list string) Identity {
	m := SampleIdentity(s)
	r := m.Stats.Region
	parts := m.List.Parts
	switch list {
	case "named":
		m.List = sampleNamed(r)
	case "guests":
		m.List = sampleGuestList(r)
	case "credentials":
		m.List = sampleCredentials(r)
	case "roles":
		m.List = sampleRoles(r)
	case "others":
		m.List = sampleOthers(r)
	case "findings":
		found := sampleIdentityFindings(r)
		found.Rows[1].Form = &VerdictForm{Note: "PIM comes in December", Problem: "say until when this is expected", Do: "Choose a day."}
		m.Findings = &found
	}
	m.List.Parts = parts
	return m
}
