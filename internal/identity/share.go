package identity

// Share is how much of a list is in another one, of the tenants that know both: a
// part of some is never told as a part of all.
func (s Summary) Share(part, whole List) Share {
	var out Share
	for i := range s.Tenants {
		p, w := s.Tenants[i].Count(part), s.Tenants[i].Count(whole)
		if p.Known() && w.Known() {
			out.Part += p.N
			out.Whole += w.N
		}
	}
	return out
}
