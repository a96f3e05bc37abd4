use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Account, Assignment, Entitlement, Group, IdentityCenter, Organization, OrganizationFile,
    OrganizationPolicy, Ou, PermissionSet, User,
    derive::fill,
    drawn_people::{NameSource, person},
    on_call, slack, tickets,
};

/// Preset ids depend only on it and on names.
pub(super) const SEED: u64 = 7;

const OUS: &[(&str, &str)] = &[
    ("", "Security"),
    ("", "Infrastructure"),
    ("", "Workloads"),
    ("Workloads", "Prod"),
    ("Workloads", "NonProd"),
    ("Workloads/Prod", "Commerce"),
    ("Workloads/Prod", "Platform"),
    ("Workloads/NonProd", "Staging"),
    ("Workloads/NonProd", "Development"),
    ("", "Sandbox"),
    ("", "Suspended"),
    ("", "PolicyStaging"),
];

const ACCOUNTS: &[(&str, &[&str])] = &[
    ("", &["example-management"]),
    ("Security", &["security-tooling", "log-archive", "audit"]),
    (
        "Infrastructure",
        &["network", "shared-services", "dns", "backup", "ci-runners"],
    ),
    (
        "Workloads/Prod/Commerce",
        &[
            "payments-prod",
            "orders-prod",
            "catalog-prod",
            "checkout-prod",
            "pricing-prod",
            "fulfilment-prod",
        ],
    ),
    (
        "Workloads/Prod/Platform",
        &[
            "edge-prod",
            "identity-prod",
            "search-prod",
            "analytics-prod",
            "observability-prod",
            "messaging-prod",
        ],
    ),
    (
        "Workloads/NonProd/Staging",
        &[
            "payments-staging",
            "orders-staging",
            "catalog-staging",
            "edge-staging",
            "search-staging",
        ],
    ),
    (
        "Workloads/NonProd/Development",
        &[
            "payments-dev",
            "orders-dev",
            "catalog-dev",
            "checkout-dev",
            "edge-dev",
            "identity-dev",
            "search-dev",
            "analytics-dev",
        ],
    ),
    (
        "Sandbox",
        &[
            "sandbox-payments",
            "sandbox-platform",
            "sandbox-data",
            "sandbox-learning",
        ],
    ),
    ("Suspended", &["legacy-shop"]),
    ("PolicyStaging", &["policy-canary"]),
];

const SETS: &[(&str, &str, &str, &str)] = &[
    (
        "ReadOnly",
        "Look at everything in the account, change nothing.",
        "PT8H",
        "ReadOnlyAccess",
    ),
    (
        "AdministratorAccess",
        "Full control of the account, including its roles and its data.",
        "PT1H",
        "AdministratorAccess",
    ),
    (
        "PowerUser",
        "Create and change any resource except IAM users, groups and roles.",
        "PT4H",
        "PowerUserAccess",
    ),
    (
        "Billing",
        "See costs and invoices and manage payment settings.",
        "PT8H",
        "job-function/Billing",
    ),
    (
        "DatabaseOperator",
        "Restart, resize, back up and restore databases without reading their rows.",
        "PT2H",
        "job-function/DatabaseAdministrator",
    ),
    (
        "NetworkAdmin",
        "Change VPCs, routes, firewalls, VPN connections and DNS.",
        "PT2H",
        "job-function/NetworkAdministrator",
    ),
    (
        "SecurityAudit",
        "Read the security configuration and the findings of the account.",
        "PT8H",
        "SecurityAudit",
    ),
    (
        "Support",
        "Open support cases and follow resources while solving them.",
        "PT4H",
        "job-function/SupportUser",
    ),
    (
        "payments-Deploy",
        "Roll out and roll back the payments services.",
        "PT2H",
        "PowerUserAccess",
    ),
    (
        "orders-Deploy",
        "Roll out and roll back the order services.",
        "PT2H",
        "PowerUserAccess",
    ),
    (
        "edge-Deploy",
        "Roll out edge configuration and certificates.",
        "PT2H",
        "PowerUserAccess",
    ),
    (
        "analytics-Deploy",
        "Publish data pipelines and dashboards.",
        "PT2H",
        "PowerUserAccess",
    ),
];

const PERSONAS: &[(&str, &str, &str, &[&str])] = &[
    (
        "Mara",
        "Lindqvist",
        "Senior Software Engineer",
        &["payments-eng", "engineers"],
    ),
    (
        "Tomasz",
        "Wilk",
        "Engineering Manager",
        &["prod-approvers", "payments-leads", "engineers"],
    ),
    (
        "Priya",
        "Raman",
        "Platform Lead",
        &[
            "platform-admins",
            "prod-approvers",
            "platform-eng",
            "engineers",
        ],
    ),
    ("Noor", "Haddad", "Internal Auditor", &["auditors"]),
    (
        "Ines",
        "Moreau",
        "Site Reliability Engineer",
        &["platform-admins", "oncall", "platform-eng", "engineers"],
    ),
];

const GROUPS: &[(&str, &str, usize)] = &[
    (
        "platform-admins",
        "Run the organization and its landing zone",
        0,
    ),
    ("auditors", "Read everything, change nothing", 0),
    ("prod-approvers", "Approve access to production", 0),
    ("oncall", "Carry the pager this week", 4),
    ("engineers", "All engineers", 34),
    ("payments-eng", "Build and run payments", 7),
    ("payments-leads", "Answer for payments", 1),
    ("orders-eng", "Build and run orders and fulfilment", 7),
    ("catalog-eng", "Build and run catalog and search", 6),
    ("platform-eng", "Build and run what the others stand on", 5),
    ("data-eng", "Build and run analytics", 5),
    ("network-ops", "Look after networks and DNS", 3),
    ("security-team", "Watch over the organization", 4),
    ("finance", "Pay the bills", 3),
    ("support-desk", "Help customers", 4),
];

const ASSIGNMENTS: &[(&str, &str, &str)] = &[
    ("*", "ReadOnly", "platform-admins"),
    ("*", "SecurityAudit", "security-team"),
    ("*", "SecurityAudit", "auditors"),
    ("example-management", "Billing", "finance"),
    ("sandbox-*", "PowerUser", "engineers"),
    ("payments-*", "ReadOnly", "payments-eng"),
    ("payments-dev", "PowerUser", "payments-eng"),
    ("payments-staging", "payments-Deploy", "payments-eng"),
    ("checkout-*", "ReadOnly", "payments-eng"),
    ("orders-*", "ReadOnly", "orders-eng"),
    ("orders-dev", "PowerUser", "orders-eng"),
    ("orders-staging", "orders-Deploy", "orders-eng"),
    ("fulfilment-*", "ReadOnly", "orders-eng"),
    ("catalog-*", "ReadOnly", "catalog-eng"),
    ("catalog-dev", "PowerUser", "catalog-eng"),
    ("search-*", "ReadOnly", "catalog-eng"),
    ("search-dev", "PowerUser", "catalog-eng"),
    ("edge-*", "ReadOnly", "platform-eng"),
    ("edge-dev", "PowerUser", "platform-eng"),
    ("edge-staging", "edge-Deploy", "platform-eng"),
    ("identity-dev", "PowerUser", "platform-eng"),
    ("observability-*", "ReadOnly", "engineers"),
    ("analytics-*", "ReadOnly", "data-eng"),
    ("analytics-dev", "analytics-Deploy", "data-eng"),
    ("network", "NetworkAdmin", "network-ops"),
    ("dns", "NetworkAdmin", "network-ops"),
    ("shared-services", "PowerUser", "platform-eng"),
    ("ci-runners", "PowerUser", "platform-eng"),
    ("checkout-prod", "Support", "support-desk"),
    ("orders-prod", "Support", "support-desk"),
];

const ENTITLEMENTS: &[(&str, &str, EntitledPrincipal)] = &[
    (
        "observability-prod",
        "TelemetryReader",
        EntitledPrincipal::Group("platform-eng"),
    ),
    (
        "analytics-dev",
        "notebooks/NotebookUser",
        EntitledPrincipal::Group("data-eng"),
    ),
    (
        "analytics-dev",
        "notebooks/NotebookUser",
        EntitledPrincipal::User("mara.lindqvist@example.com"),
    ),
];

enum EntitledPrincipal {
    User(&'static str),
    Group(&'static str),
}

const USERS: usize = 60;

/// 40 accounts in nested OUs, 60 people (including five personas), 15 groups, 12 permission sets.
pub fn small() -> OrganizationFile {
    let users = users();
    let mut file = OrganizationFile {
        version: 1,
        seed: Some(SEED),
        organization: Organization {
            management_account: "example-management".to_owned(),
            policy_types: vec!["SERVICE_CONTROL_POLICY".to_owned()],
            service_access: vec![
                "sso.amazonaws.com".to_owned(),
                "account.amazonaws.com".to_owned(),
            ],
            ..Organization::default()
        },
        ous: ous(),
        accounts: accounts(),
        identity_center: IdentityCenter {
            home_region: "eu-west-1".to_owned(),
            groups: groups(&users),
            users,
            permission_sets: sets(),
            assignments: assignments(),
            ..IdentityCenter::default()
        },
        policies: vec![deny_leaving(), sandbox_regions()],
        entitlements: entitlements(),
        ..OrganizationFile::default()
    };
    file.on_call = on_call::demo(&file);
    file.tickets = tickets::demo();
    file.slack = Some(slack::demo(&file));
    fill(&mut file);
    file
}

pub(super) fn deny_leaving() -> OrganizationPolicy {
    OrganizationPolicy {
        name: "DenyLeavingOrganization".to_owned(),
        kind: "SERVICE_CONTROL_POLICY".to_owned(),
        description: Some("Accounts stay where they are.".to_owned()),
        content: json!({ "Version": "2012-10-17", "Statement": [{
            "Sid": "DenyLeaving",
            "Effect": "Deny",
            "Action": "organizations:LeaveOrganization",
            "Resource": "*",
        }]}),
        targets: vec!["Root".to_owned()],
        ..OrganizationPolicy::default()
    }
}

/// Restricts sandboxes to Europe; global services stay usable.
fn sandbox_regions() -> OrganizationPolicy {
    OrganizationPolicy {
        name: "SandboxRegions".to_owned(),
        kind: "SERVICE_CONTROL_POLICY".to_owned(),
        description: Some("Sandboxes run in Ireland and Frankfurt.".to_owned()),
        content: json!({ "Version": "2012-10-17", "Statement": [{
            "Sid": "OtherRegions",
            "Effect": "Deny",
            "NotAction": [
                "budgets:*", "cloudfront:*", "iam:*", "organizations:*", "route53:*", "sts:*",
                "support:*",
            ],
            "Resource": "*",
            "Condition": {
                "StringNotEquals": { "aws:RequestedRegion": ["eu-central-1", "eu-west-1"] },
            },
        }]}),
        targets: vec!["Sandbox".to_owned()],
        ..OrganizationPolicy::default()
    }
}

fn ous() -> Vec<Ou> {
    let row = |(parent, name): &(&str, &str)| Ou {
        name: (*name).to_owned(),
        parent: (!parent.is_empty()).then(|| (*parent).to_owned()),
        ..Ou::default()
    };
    OUS.iter().map(row).collect()
}

fn accounts() -> Vec<Account> {
    let mut rows = Vec::new();
    for (ou, names) in ACCOUNTS {
        for name in *names {
            let mut tags = BTreeMap::new();
            if let Some((team, stage)) =
                name.split_once('-').filter(|_| ou.starts_with("Workloads"))
            {
                tags.insert("env".to_owned(), stage.to_owned());
                tags.insert("team".to_owned(), team.to_owned());
            }
            rows.push(Account {
                name: (*name).to_owned(),
                email: format!("aws+{name}@example.com"),
                ou: (!ou.is_empty()).then(|| (*ou).to_owned()),
                state: (*ou == "Suspended").then(|| "SUSPENDED".to_owned()),
                tags,
                ..Account::default()
            });
        }
    }
    rows
}

fn users() -> Vec<User> {
    let mut names = NameSource::new(SEED, "example.com");
    let mut rows: Vec<User> = PERSONAS
        .iter()
        .map(|(given, family, title, _)| {
            names.take(given, family);
            person(given, family, title, "example.com")
        })
        .collect();
    while rows.len() < USERS {
        rows.push(names.person());
    }
    rows
}

fn groups(users: &[User]) -> Vec<Group> {
    let others = users.get(PERSONAS.len()..).unwrap_or_default();
    let mut next = 0;
    let row = |(name, description, size): &(&str, &str, usize)| {
        let personas = PERSONAS
            .iter()
            .zip(users)
            .filter(|((.., groups), _)| groups.contains(name));
        let mut members: Vec<String> = personas.map(|(_, user)| user.user_name.clone()).collect();
        let others = others
            .iter()
            .cycle()
            .skip(next % others.len().max(1))
            .take(*size);
        members.extend(others.map(|user| user.user_name.clone()));
        if *name != "engineers" {
            next += size;
        }
        Group {
            name: (*name).to_owned(),
            description: Some((*description).to_owned()),
            members,
            ..Group::default()
        }
    };
    GROUPS.iter().map(row).collect()
}

fn sets() -> Vec<PermissionSet> {
    let row = |(name, description, session, policy): &(&str, &str, &str, &str)| PermissionSet {
        name: (*name).to_owned(),
        description: Some((*description).to_owned()),
        session_duration: Some((*session).to_owned()),
        managed_policies: vec![format!("arn:aws:iam::aws:policy/{policy}")],
        inline: (*name == "payments-Deploy").then(deploy),
        ..PermissionSet::default()
    };
    SETS.iter().map(row).collect()
}

/// A realistic team policy that needs thought in review.
fn deploy() -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Artifacts", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": "arn:aws:s3:::payments-artifacts-*/*"},
        {"Sid": "RollOut", "Effect": "Allow",
            "Action": ["ecs:RegisterTaskDefinition", "ecs:RunTask", "ecs:UpdateService"],
            "Resource": "*"},
        {"Sid": "Roles", "Effect": "Allow", "Action": "iam:PassRole",
            "Resource": "arn:aws:iam::*:role/payments-*",
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}},
        {"Sid": "Home", "Effect": "Deny", "NotAction": ["iam:*", "sts:*", "support:*"],
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}},
    ]})
}

fn entitlements() -> Vec<Entitlement> {
    let row = |(account, role, whom): &(&str, &str, EntitledPrincipal)| {
        let (user, group) = match whom {
            EntitledPrincipal::User(name) => (Some((*name).to_owned()), None),
            EntitledPrincipal::Group(name) => (None, Some((*name).to_owned())),
        };
        Entitlement {
            account: Some((*account).to_owned()),
            role: (*role).to_owned(),
            user,
            group,
            ..Entitlement::default()
        }
    };
    ENTITLEMENTS.iter().map(row).collect()
}

fn assignments() -> Vec<Assignment> {
    let mut rows = Vec::new();
    for (pattern, set, group) in ASSIGNMENTS {
        let names = ACCOUNTS
            .iter()
            .filter(|(ou, _)| *ou != "Suspended")
            .flat_map(|(_, names)| *names);
        for name in names {
            let fits = pattern
                .strip_suffix('*')
                .map_or(pattern == name, |start| name.starts_with(start));
            // wildcards do not match the management account
            if fits && (*name != "example-management" || pattern == name) {
                rows.push(Assignment {
                    account: (*name).to_owned(),
                    permission_set: (*set).to_owned(),
                    group: Some((*group).to_owned()),
                    ..Assignment::default()
                });
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organization::parse_value;

    #[test]
    fn small_is_what_the_demo_says() {
        let file = small();
        let center = &file.identity_center;
        assert_eq!(
            (
                file.accounts.len(),
                center.users.len(),
                center.groups.len(),
                center.permission_sets.len()
            ),
            (40, 60, 15, 12)
        );
        let members = |name: &str| {
            center
                .groups
                .iter()
                .find(|group| group.name == name)
                .unwrap()
                .members
                .clone()
        };
        assert_eq!(
            members("platform-admins"),
            ["priya.raman@example.com", "ines.moreau@example.com"]
        );
        assert_eq!(members("auditors"), ["noor.haddad@example.com"]);
        assert_eq!(
            members("prod-approvers"),
            ["tomasz.wilk@example.com", "priya.raman@example.com"]
        );
        assert!(members("payments-eng").contains(&"mara.lindqvist@example.com".to_owned()));
        assert!(members("payments-eng").len() > 1);
        assert_eq!(
            parse_value(serde_json::to_value(&file).unwrap()),
            Ok(file.clone())
        );
        assert_eq!(file, small());
    }
}
