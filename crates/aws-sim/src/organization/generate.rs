//! Generates organizations of any size from a seed, with realistic skew: a few permission sets are
//! everywhere, a few groups are large.

use std::collections::{BTreeMap, HashSet};

use crate::base::Random;
use hallpass_aws_model::facts;

use super::{
    Account, Assignment, Delegation, Group, IdentityCenter, Organization, OrganizationFile, Ou,
    PermissionSet, User,
    derive::fill,
    drawn_people::NameSource,
    names::{PRODUCTS, ROLES},
    presets::deny_leaving,
    slack,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    pub accounts: usize,
    pub users: usize,
    pub groups: usize,
    pub permission_sets: usize,
    pub assignments_per_account: usize,
    /// At most AWS's limit.
    pub ou_depth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Few OUs, no staging.
    Startup,
    #[default]
    Enterprise,
    Flat,
    Deep,
}

pub(crate) const DOMAIN: &str = "corp.example";
const DEPTH_MAX: usize = facts::UNIT_DEPTH.count();
const DIVISIONS: &[&str] = &[
    "Commerce",
    "Platform",
    "Data",
    "Media",
    "Logistics",
    "Finance",
];

/// Generates an organization, the same for the same sizes, shape and seed. Counts are exact, except
/// that an account has at most one assignment per set and principal.
pub fn generate(sizes: &Sizes, shape: Shape, seed: u64) -> OrganizationFile {
    let mut random = Random::new(seed, "generate");
    let ous = ous(sizes, shape);
    let accounts = accounts(sizes, shape, &ous, &mut random);
    let users = people(sizes, seed);
    let groups = groups(sizes, &users, &mut random);
    let sets = sets(sizes);
    let assignments = assignments(sizes, &accounts, &groups, &users, &sets, &mut random);
    let management = accounts
        .first()
        .map(|account| account.name.clone())
        .unwrap_or_default();
    let delegate = accounts
        .iter()
        .find(|account| account.name == "shared-services");
    let mut file = OrganizationFile {
        version: 1,
        seed: Some(seed),
        organization: Organization {
            management_account: management,
            policy_types: vec!["SERVICE_CONTROL_POLICY".to_owned()],
            service_access: vec![
                "sso.amazonaws.com".to_owned(),
                "account.amazonaws.com".to_owned(),
            ],
            delegated_administrators: delegate
                .map(|account| Delegation {
                    account: account.name.clone(),
                    service: "sso.amazonaws.com".to_owned(),
                    since: None,
                })
                .into_iter()
                .collect(),
            ..Organization::default()
        },
        ous,
        accounts,
        identity_center: IdentityCenter {
            home_region: "eu-west-1".to_owned(),
            users,
            groups,
            permission_sets: sets,
            assignments,
            ..IdentityCenter::default()
        },
        policies: vec![deny_leaving()],
        ..OrganizationFile::default()
    };
    file.slack = Some(slack::some(&file));
    fill(&mut file);
    file
}

fn ou(parent: &str, name: &str) -> Ou {
    Ou {
        name: name.to_owned(),
        parent: (!parent.is_empty()).then(|| parent.to_owned()),
        ..Ou::default()
    }
}

fn ous(sizes: &Sizes, shape: Shape) -> Vec<Ou> {
    if shape == Shape::Flat || sizes.ou_depth == 0 {
        return Vec::new();
    }
    let depth = sizes.ou_depth.min(DEPTH_MAX);
    let mut rows: Vec<Ou> = ["Security", "Infrastructure", "Workloads", "Sandbox"]
        .iter()
        .map(|name| ou("", name))
        .collect();
    if shape != Shape::Startup {
        rows.extend(
            ["Suspended", "PolicyStaging"]
                .iter()
                .map(|name| ou("", name)),
        );
    }
    if depth >= 2 {
        for stage in ["Prod", "NonProd"] {
            rows.push(ou("Workloads", stage));
            let divisions = if depth >= 3 && shape != Shape::Startup {
                DIVISIONS
            } else {
                &[]
            };
            for division in divisions {
                let mut parent = format!("Workloads/{stage}");
                rows.push(ou(&parent, division));
                for level in 4..=depth {
                    parent = format!(
                        "{parent}/{}",
                        rows.last().map(|ou| ou.name.clone()).unwrap_or_default()
                    );
                    rows.push(ou(&parent, if level == 4 { "Core" } else { "Regulated" }));
                }
            }
        }
    }
    rows
}

fn paths(ous: &[Ou]) -> Vec<String> {
    ous.iter()
        .map(|ou| match &ou.parent {
            Some(parent) => format!("{parent}/{}", ou.name),
            None => ou.name.clone(),
        })
        .collect()
}

fn accounts(sizes: &Sizes, shape: Shape, ous: &[Ou], random: &mut Random) -> Vec<Account> {
    let paths = paths(ous);
    let place = |wanted: &str, random: &mut Random| -> Option<String> {
        let below: Vec<&String> = paths
            .iter()
            .filter(|path| path.starts_with(wanted))
            .collect();
        random.pick(&below).map(|path| (*path).clone())
    };
    let stages: &[&str] = if shape == Shape::Startup {
        &["prod", "dev"]
    } else {
        &["prod", "staging", "dev", "sandbox"]
    };
    let mut rows = Vec::new();
    let fixed = [
        ("corp-management", ""),
        ("security", "Security"),
        ("log-archive", "Security"),
        ("shared-services", "Infrastructure"),
        ("network", "Infrastructure"),
    ];
    for (name, path) in fixed {
        let ou = if path.is_empty() {
            None
        } else {
            place(path, random)
        };
        rows.push(account(name, ou));
    }
    'rounds: for round in 1_usize.. {
        for product in PRODUCTS {
            for stage in stages {
                if rows.len() >= sizes.accounts {
                    break 'rounds;
                }
                let name = if round == 1 {
                    format!("{product}-{stage}")
                } else {
                    format!("{product}-{round}-{stage}")
                };
                let wanted = match *stage {
                    "prod" => "Workloads/Prod",
                    "sandbox" => "Sandbox",
                    _ => "Workloads/NonProd",
                };
                let ou = place(wanted, random).or_else(|| place("Workloads", random));
                let mut row = account(&name, ou);
                row.tags = BTreeMap::from([
                    ("env".to_owned(), (*stage).to_owned()),
                    ("product".to_owned(), (*product).to_owned()),
                ]);
                rows.push(row);
            }
        }
    }
    rows.truncate(sizes.accounts.max(1));
    rows
}

fn account(name: &str, ou: Option<String>) -> Account {
    Account {
        name: name.to_owned(),
        email: format!("aws+{name}@{DOMAIN}"),
        ou,
        ..Account::default()
    }
}

fn people(sizes: &Sizes, seed: u64) -> Vec<User> {
    let mut names = NameSource::new(seed, DOMAIN);
    (0..sizes.users).map(|_| names.person()).collect()
}

fn groups(sizes: &Sizes, users: &[User], random: &mut Random) -> Vec<Group> {
    let mut rows = Vec::new();
    'rounds: for round in 1_usize.. {
        for product in PRODUCTS {
            for role in ROLES {
                if rows.len() >= sizes.groups {
                    break 'rounds;
                }
                let name = if round == 1 {
                    format!("{product}-{role}")
                } else {
                    format!("{product}-{role}-{round}")
                };
                rows.push(group(name, users, random));
            }
        }
    }
    rows
}

fn group(name: String, users: &[User], random: &mut Random) -> Group {
    // log-normal with median 8; the largest of many groups have some hundreds
    let size = (8.0_f64.ln() + random.normal()).exp().clamp(1.0, 2_000.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 1 to 2000"
    )]
    let size = (size as usize).min(users.len());
    let mut members = HashSet::new();
    let mut rows = Vec::new();
    for _ in 0..size * 2 {
        let Some(user) = random.pick(users) else {
            break;
        };
        if rows.len() < size && members.insert(&user.user_name) {
            rows.push(user.user_name.clone());
        }
    }
    Group {
        name,
        members: rows,
        ..Group::default()
    }
}

const BASIC_SETS: &[(&str, &str, &str)] = &[
    (
        "ReadOnly",
        "Look at everything, change nothing.",
        "ReadOnlyAccess",
    ),
    (
        "Admin",
        "Full control of the account.",
        "AdministratorAccess",
    ),
    (
        "PowerUser",
        "Change anything except identities.",
        "PowerUserAccess",
    ),
    ("Billing", "See and manage costs.", "job-function/Billing"),
    (
        "DBA",
        "Operate databases.",
        "job-function/DatabaseAdministrator",
    ),
    (
        "SecurityAudit",
        "Read the security configuration.",
        "SecurityAudit",
    ),
    (
        "NetworkAdmin",
        "Change networks.",
        "job-function/NetworkAdministrator",
    ),
    (
        "Support",
        "Open and follow support cases.",
        "job-function/SupportUser",
    ),
];

fn sets(sizes: &Sizes) -> Vec<PermissionSet> {
    let basic = BASIC_SETS.iter().map(|(name, description, policy)| {
        ((*name).to_owned(), (*description).to_owned(), *policy)
    });
    let kinds = [
        ("Deploy", "Roll out"),
        ("Operate", "Run and repair"),
        ("Data", "Work on the data of"),
        ("Debug", "Look into"),
        ("Release", "Publish"),
    ];
    let own = (1_usize..).flat_map(|round| {
        let number = if round == 1 {
            String::new()
        } else {
            format!("-{round}")
        };
        kinds.into_iter().flat_map(move |(kind, does)| {
            let end = format!("-{kind}{number}");
            PRODUCTS.iter().map(move |product| {
                let short: String = product.chars().take(32 - end.len()).collect();
                (
                    format!("{short}{end}"),
                    format!("{does} {product}."),
                    "PowerUserAccess",
                )
            })
        })
    });
    basic
        .chain(own)
        .take(sizes.permission_sets)
        .map(|(name, description, policy)| PermissionSet {
            name,
            description: Some(description),
            session_duration: Some("PT4H".to_owned()),
            managed_policies: vec![format!("arn:aws:iam::aws:policy/{policy}")],
            ..PermissionSet::default()
        })
        .collect()
}

fn assignments(
    sizes: &Sizes,
    accounts: &[Account],
    groups: &[Group],
    users: &[User],
    sets: &[PermissionSet],
    random: &mut Random,
) -> Vec<Assignment> {
    let mut rows = Vec::new();
    let weights: Vec<f64> = (1_u32..)
        .take(sets.len())
        .map(|rank| 1.0 / f64::from(rank))
        .collect();
    let total: f64 = weights.iter().sum();
    for account in accounts.iter().skip(1) {
        let mut seen = HashSet::new();
        let mut made = 0;
        for _ in 0..sizes.assignments_per_account * 4 {
            if made >= sizes.assignments_per_account {
                break;
            }
            let Some(set) = zipf(&weights, total, random).and_then(|index| sets.get(index)) else {
                break;
            };
            // about one in ten assignments is direct
            let direct = random.below(10) == 0;
            let user = random
                .pick(users)
                .filter(|_| direct)
                .map(|user| user.user_name.clone());
            let group = random
                .pick(groups)
                .filter(|_| !direct)
                .map(|group| group.name.clone());
            let principal = user.clone().or_else(|| group.clone());
            let Some(principal) = principal else { continue };
            if seen.insert((set.name.clone(), principal)) {
                made += 1;
                rows.push(Assignment {
                    account: account.name.clone(),
                    permission_set: set.name.clone(),
                    user,
                    group,
                    ..Assignment::default()
                });
            }
        }
        // after too many random duplicates, takes the rest in order
        let groups = groups.iter().map(|group| (None, Some(&group.name)));
        let users = users.iter().map(|user| (Some(&user.user_name), None));
        let principals: Vec<(Option<&String>, Option<&String>)> = groups.chain(users).collect();
        let pairs = sets
            .iter()
            .flat_map(|set| principals.iter().map(move |it| (set, it)));
        let left = sizes.assignments_per_account.saturating_sub(made);
        let fresh = pairs.filter(|(set, (user, group))| {
            let principal = user.or(*group).cloned().unwrap_or_default();
            !seen.contains(&(set.name.clone(), principal))
        });
        rows.extend(fresh.take(left).map(|(set, (user, group))| Assignment {
            account: account.name.clone(),
            permission_set: set.name.clone(),
            user: user.cloned(),
            group: group.cloned(),
            ..Assignment::default()
        }));
    }
    rows
}

fn zipf(weights: &[f64], total: f64, random: &mut Random) -> Option<usize> {
    let mut left = random.fraction() * total;
    weights.iter().position(|weight| {
        left -= weight;
        left <= 0.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organization::parse_value;

    #[test]
    fn there_is_as_much_as_asked_for() {
        let sizes = Sizes {
            accounts: 6,
            users: 3,
            groups: 2,
            permission_sets: 500,
            assignments_per_account: 600,
            ou_depth: 2,
        };
        let file = generate(&sizes, Shape::Enterprise, 3);
        let center = &file.identity_center;
        assert_eq!(center.permission_sets.len(), 500);
        assert_eq!(
            center.assignments.len(),
            5 * 600,
            "in all but the management account"
        );
        let each: HashSet<String> = center
            .assignments
            .iter()
            .map(|it| format!("{it:?}"))
            .collect();
        assert_eq!(each.len(), 5 * 600, "each is another");
        let parsed = parse_value(serde_json::to_value(&file).unwrap());
        assert!(parsed.is_ok(), "{parsed:?}");
    }

    #[test]
    fn any_size_and_shape_can_be_read() {
        let sizes = Sizes {
            accounts: 400,
            users: 500,
            groups: 40,
            permission_sets: 20,
            assignments_per_account: 3,
            ou_depth: 5,
        };
        let none = Sizes {
            accounts: 1,
            users: 0,
            groups: 0,
            permission_sets: 0,
            assignments_per_account: 0,
            ou_depth: 0,
        };
        for shape in [Shape::Startup, Shape::Enterprise, Shape::Flat, Shape::Deep] {
            for sizes in [sizes, none] {
                let file = generate(&sizes, shape, 3);
                assert_eq!(file, generate(&sizes, shape, 3));
                assert_eq!(
                    (file.accounts.len(), file.identity_center.users.len()),
                    (sizes.accounts, sizes.users)
                );
                let parsed = parse_value(serde_json::to_value(&file).unwrap());
                assert!(parsed.is_ok(), "{shape:?} {parsed:?}");
            }
        }
    }
}
