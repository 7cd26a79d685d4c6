package inventory

const backupIdle = 90 // days

func dataRules() []Rule {
	return []Rule{
		{ // 46
			ID: "sqlpool-empty", Title: "Elastic pool without databases",
			Why:        "A pool is billed for what it reserves, whatever is in it.",
			Condition:  "no microsoft.sql/servers/databases of its subscription, which was read in full, has it as properties.elasticPoolId",
			Confidence: Waste, Costs: true, Doc: docs + "azure-sql/database/elastic-pool-overview",
			Types: []string{"microsoft.sql/servers/elasticpools"}, Eval: poolEmpty,
		},
		{ // 48
			ID: "synapse-empty", Title: "Synapse workspace without pools",
			Why:        "The workspace costs next to nothing, but its storage and network do. Workspaces that use only the serverless pool look so as well.",
			Condition:  "no microsoft.synapse/workspaces/sqlpools and no bigdatapools is below it, and its subscription was read in full",
			Confidence: Advice, Doc: docs + "synapse-analytics/overview-what-is",
			Types: []string{"microsoft.synapse/workspaces"},
			Eval: func(r *Resource, x *Joins) Outcome {
				switch {
				case x.other.synapse.has(r.Key()):
					return Outcome{}
				case !x.Complete(r.Subscription):
					return unknown("its subscription was not read in full")
				}
				return found("no dedicated SQL pool and no Spark pool in it")
			},
		},
		{ // 49
			ID: "backup-item-idle", Title: "Backup without a new copy for 90 days",
			Why:        "What is kept is billed; either the backup fails, or what it protected is gone.",
			Condition:  "properties.lastBackupTime is more than 90 days ago",
			Confidence: Review, Costs: true, Doc: docs + "backup/backup-azure-manage-vms",
			Types: []string{typeProtected},
			Needs: []string{"properties.lastBackupTime"},
			Eval: func(r *Resource, x *Joins) Outcome {
				last, ok := r.Properties.At("lastBackupTime").Time()
				if !ok {
					return unknown("the last backup time cannot be read")
				}
				idle := last.Add(backupIdle * day)
				return foundIf(idle.Before(x.Now()), "last copy on %s", last.Format("2006-01-02")).since(idle)
			},
		},
		{ // 51
			ID: "storage-legacy-kind", Title: "Storage account of an old kind",
			Why:        "Old kinds lack access tiers and lifecycle rules, with which the same data cost less.",
			Condition:  "kind is not StorageV2 or FileStorage",
			Exceptions: []string{"BlockBlobStorage, which is current"},
			Confidence: Advice, Doc: docs + "storage/common/storage-account-upgrade",
			Types: []string{"microsoft.storage/storageaccounts"}, Needs: []string{"kind"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				current := (Value{r.Kind}).Is("StorageV2", "FileStorage", "BlockBlobStorage")
				return foundIf(!current, "kind %s", r.Kind)
			},
		},
		{ // 53
			ID: "ahb-missing-sql", Title: "SQL Server machine without Azure Hybrid Benefit",
			Why:       "Who owns SQL Server licences with Software Assurance pays for SQL Server twice. No API tells who does: the rule must be asked for.",
			Condition: "properties.sqlServerLicenseType !~ 'AHUB'",
			Exceptions: []string{
				"sqlImageSku Developer or Express, which have no licence charge", "licence type DR: a passive replica has no licence charge",
			},
			Confidence: Advice, Costs: true, Part: true, OptIn: true, Doc: docs + "azure-sql/virtual-machines/windows/licensing-model-azure-hybrid-benefit-ahb-change",
			Types: []string{"microsoft.sqlvirtualmachine/sqlvirtualmachines"}, Needs: []string{"properties.sqlServerLicenseType"},
			Eval: func(r *Resource, _ *Joins) Outcome {
				p := r.Properties
				free := p.At("sqlServerLicenseType").Is("AHUB", "DR") || p.At("sqlImageSku").Is("Developer", "Express")
				return foundIf(!free, "licence type %s", p.At("sqlServerLicenseType").Text())
			},
		},
	}
}

func poolEmpty(r *Resource, x *Joins) Outcome {
	switch {
	case x.other.pools.has(r.Key()):
		return Outcome{}
	case !x.sees(r.Subscription, typeSQLDatabase):
		return unknown("the databases of its subscription were not read in full")
	}
	return found("no database in it")
}
