package compliance

import "fresnel"

// SecureScore is Defender's score of a subscription.
type SecureScore struct {
	Tenant       fresnel.TenantID
	Subscription string
	Current, Max float64 // points
	// Weight is what the subscription counts among several: roughly how much
	// there is in it. Azure tells 0 of one without resources.
	Weight int64
}

// Percent is the share of the points; false where there are none to have.
func (s SecureScore) Percent() (float64, bool) {
	if s.Max <= 0 {
		return 0, false
	}
	return s.Current / s.Max * 100, true
}

// ScoreOf is the score of several subscriptions in percent: each one's share by
// its weight, and not their mean; false where none has a score. A subscription
// without weight counts as 1, one without points not at all.
// Source: learn.microsoft.com/azure/defender-for-cloud/secure-score-security-controls.
func ScoreOf(list []SecureScore) (float64, bool) {
	var points, weights float64
	for _, s := range list {
		p, ok := s.Percent()
		if !ok {
			continue
		}
		w := float64(max(s.Weight, 1))
		points += w * p
		weights += w
	}
	if weights == 0 {
		return 0, false
	}
	return points / weights, true
}

// ControlScore is how many points a security control gives: its most, by the
// share of what is healthy. What is not applicable counts on neither side. Of
// a control that applies to nothing there is no score.
// Source: as ScoreOf; its example is 6 points, 4 healthy of 78: 0.31.
func ControlScore(most float64, healthy, unhealthy int) (float64, bool) {
	if healthy+unhealthy == 0 {
		return 0, false
	}
	return most * float64(healthy) / float64(healthy+unhealthy), true
}
