package app_test

import (
	"time"
)

type anomaly struct {
	ID             int64         `json:"id"`
	Kind           string        `json:"kind"`
	State          string        `json:"state"`
	TenantID       string        `json:"tenant_id"`
	TenantName     string        `json:"tenant_name"`
	SubscriptionID string        `json:"subscription_id"`
	Service        string        `json:"service"`
	From           string        `json:"from"`
	To             string        `json:"to"`
	Lasting        bool          `json:"lasting"`
	Cost           money         `json:"cost"`
	Expected       money         `json:"expected"`
	USD            money         `json:"usd"`
	USDExpected    money         `json:"usd_expected"`
	Score          float64       `json:"score"`
	Contributors   []contributor `json:"contributors"`
	FirstSeen      time.Time     `json:"first_seen"`
	Verdict        *said         `json:"verdict"`
}

type contributor struct {
	SubscriptionID string `json:"subscription_id"`
	Service        string `json:"service"`
	USDChange      money  `json:"usd_change"`
}

type said struct {
	Verdict string     `json:"verdict"`
	Note    string     `json:"note"`
	Author  string     `json:"author"`
	Expires *time.Time `json:"expires"`
}
