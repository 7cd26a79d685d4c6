package cost

import "strings"

// Support says whether an Azure offer has data in Cost Management.
type Support int

// The answers of OfferSupport.
const (
	SupportUnknown Support = iota // an offer that we do not know: ask, and believe what comes
	Supported
	NotSupported
)

// OfferSupport judges an offer by a subscription's quota id. Classic CSP,
// Sponsorship and Students are not in Cost Management (Microsoft,
// "Understand Cost Management data").
func OfferSupport(quotaID string) Support {
	id := strings.ToLower(quotaID)
	for _, p := range []string{"csp_2015-05-01", "sponsored_", "azureforstudents", "azurepass_", "dreamspark_", "lightweighttrial_"} {
		if strings.HasPrefix(id, p) {
			return NotSupported
		}
	}
	for _, p := range []string{"enterpriseagreement_", "payasyougo_", "msdn_", "msdndevtest_", "mpn_", "bizspark_", "microsoftcustomeragreement", "csp_mg_", "freetrial_", "mca_"} {
		if strings.HasPrefix(id, p) {
			return Supported
		}
	}
	return SupportUnknown
}
