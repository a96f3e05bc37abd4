//! Texts for well-known AWS managed policies. AWS maintains and changes them. As of 2026-10 (AWS:
//! "AWS Managed Policy Reference Guide").

use super::RiskKind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownPolicy {
    pub name: &'static str,
    pub says: &'static [&'static str],
    pub risks: &'static [(RiskKind, &'static str)],
}

const KNOWN: &[KnownPolicy] = &[
    KnownPolicy {
        name: "AdministratorAccess",
        says: &["Everything in every service"],
        risks: &[(
            RiskKind::Escalation,
            "Every action is allowed: its holder can give themselves and others anything, \
             read all data and undo protections.",
        )],
    },
    KnownPolicy {
        name: "PowerUserAccess",
        says: &[
            "Everything except IAM, Organizations and account settings",
            "Lists roles, makes and deletes service-linked roles, and reads the organization",
        ],
        risks: &[
            (
                RiskKind::Data,
                "Reads and changes the data of nearly every service.",
            ),
            (
                RiskKind::Credentials,
                "Gets credentials from services, and assumes roles that trust it.",
            ),
            (
                RiskKind::Exposure,
                "Changes the policies of buckets, keys and other resources.",
            ),
        ],
    },
    KnownPolicy {
        name: "ReadOnlyAccess",
        says: &["Lists and reads in every service, the content of many stores included"],
        risks: &[(
            RiskKind::Data,
            "Reads stored data, such as objects in S3, items in DynamoDB and log events, not \
             only its settings.",
        )],
    },
    KnownPolicy {
        name: "ViewOnlyAccess",
        says: &["Lists the resources and settings of every service, not stored data"],
        risks: &[],
    },
    KnownPolicy {
        name: "SecurityAudit",
        says: &["Reads settings that matter for security in every service, not stored data"],
        risks: &[],
    },
    KnownPolicy {
        name: "NetworkAdministrator",
        says: &[
            "Sets up and changes networks: VPCs, routes, firewalls, VPN connections, load \
             balancing and DNS",
            "Reads alarms and logs, and passes roles for flow logs",
        ],
        risks: &[(
            RiskKind::Exposure,
            "Opens networks to others, and sends traffic elsewhere by routes and DNS.",
        )],
    },
    KnownPolicy {
        name: "DatabaseAdministrator",
        says: &[
            "Sets up, changes, backs up and deletes databases and caches: RDS, DynamoDB, Redshift, \
             ElastiCache",
            "Reads objects in S3, alarms and logs, and passes roles for databases",
        ],
        risks: &[(
            RiskKind::Data,
            "Reads items in DynamoDB and objects in S3, and copies snapshots of databases.",
        )],
    },
    KnownPolicy {
        name: "SupportUser",
        says: &["Opens and follows support cases, and reads the resources they concern"],
        risks: &[],
    },
    KnownPolicy {
        name: "SystemAdministrator",
        says: &[
            "Sets up and changes the base of applications: machines, functions, queues, \
             monitoring, storage and databases",
        ],
        risks: &[
            (
                RiskKind::Escalation,
                "Starts machines and functions that run as roles that may be passed to them.",
            ),
            (
                RiskKind::Data,
                "Reads objects in S3 and messages in queues.",
            ),
        ],
    },
    KnownPolicy {
        name: "DataScientist",
        says: &["Runs analyses: EMR, Glue, Kinesis, Redshift, SageMaker and their data in S3"],
        risks: &[
            (
                RiskKind::Escalation,
                "Starts work that runs as roles that may be passed to it.",
            ),
            (
                RiskKind::Data,
                "Reads objects in S3, items in DynamoDB and results of analyses.",
            ),
        ],
    },
    KnownPolicy {
        name: "Billing",
        says: &["Sees and changes bills, payment methods, budgets and cost reports"],
        risks: &[],
    },
];

pub fn known(arn_or_name: &str) -> Option<&'static KnownPolicy> {
    let name = match arn_or_name.split_once(":iam::aws:policy/") {
        Some((_, path)) => path.rsplit('/').next().unwrap_or_default(),
        None if arn_or_name.contains(':') => return None,
        None => arn_or_name,
    };
    KNOWN.iter().find(|it| it.name == name)
}
