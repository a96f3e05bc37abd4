//! Realistic defects: leavers, duplicate names, odd spellings, forgotten keys. Clients must handle
//! all of them.

use std::collections::{BTreeSet, HashMap};

use crate::base::Random;
use serde_json::json;

use super::{
    Assignment, DEFAULT_SEED, IamKey, IamUser, OrganizationFile, OrganizationPolicy, Provisioned,
    derive::fill,
};

const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Given name, family name, display name.
const FAR: &[(&str, &str, &str)] = &[
    ("Jürgen", "Größmann", "Jürgen Größmann"),
    ("小林", "花子", "小林 花子"),
    ("Øyvind", "Ærlig", "Øyvind Ærlig"),
    ("민수", "김", "김 민수"),
    ("Zoë", "D’Ångström", "Zoë D’Ångström"),
];
const FAR_GROUPS: &[&str] = &["Geschäftsführung", "開発", "Überwachung", "品質管理"];
const CROWD: usize = 2_000;
const SETS_IN_MANAGEMENT: usize = 3;

/// Draws defects: a share of all, times the amount.
struct Rng {
    random: Random,
    amount: f64,
}

impl Rng {
    fn hit(&mut self, share: f64) -> bool {
        self.random.fraction() < share * self.amount
    }
}

/// Adds defects: `amount` from 0 (none) to 1 (1 % of the assignments without their principal, 2 %
/// of the accounts suspended, 3 % of the users disabled, and so on).
pub fn make_messy(file: &mut OrganizationFile, amount: f64) {
    if amount <= 0.0 || amount.is_nan() {
        return;
    }
    fill(file);
    let seed = file.seed.unwrap_or(DEFAULT_SEED);
    let mut dice = Rng {
        random: Random::new(seed, "messy"),
        amount: amount.min(1.0),
    };
    by_id(file);
    accounts(file, &mut dice);
    users(file, &mut dice);
    groups(file, &mut dice);
    sets(file, &mut dice);
    assignments(file, &mut dice);
    provisioned(file, &mut dice);
    policies(file);
    keys(file, &mut dice);
}

/// Refers to accounts by id, because names become ambiguous.
fn by_id(file: &mut OrganizationFile) {
    let ids: HashMap<String, String> = file
        .accounts
        .iter()
        .map(|account| (account.name.clone(), account.id.clone()))
        .collect();
    let center = &mut file.identity_center;
    let organization = &mut file.organization;
    let delegations = organization.delegated_administrators.iter_mut();
    let references = center
        .assignments
        .iter_mut()
        .map(|row| &mut row.account)
        .chain(center.provisioned.iter_mut().map(|row| &mut row.account))
        .chain(delegations.map(|row| &mut row.account))
        .chain(std::iter::once(&mut organization.management_account));
    for reference in references {
        if let Some(id) = ids.get(reference) {
            reference.clone_from(id);
        }
    }
}

fn accounts(file: &mut OrganizationFile, dice: &mut Rng) {
    let management = &file.organization.management_account;
    let mut last = String::new();
    for account in file.accounts.iter_mut().filter(|row| row.id != *management) {
        if dice.hit(0.02) {
            account.state = Some("SUSPENDED".to_owned());
        }
        if !last.is_empty() && dice.hit(0.01) {
            account.name.clone_from(&last);
        }
        last.clone_from(&account.name);
        let spelled = [("Env", 0.2), ("environment", 0.2)]
            .into_iter()
            .find(|(_, share)| dice.hit(*share));
        if let Some((spelled, _)) = spelled
            && let Some(stage) = account.tags.remove("env")
        {
            account.tags.insert(spelled.to_owned(), stage);
        }
    }
}

fn users(file: &mut OrganizationFile, dice: &mut Rng) {
    let mut last: Option<String> = None;
    for user in &mut file.identity_center.users {
        if dice.hit(0.03) {
            user.status = Some("DISABLED".to_owned());
        }
        if dice.hit(0.02) {
            user.email = None;
        } else if dice.hit(0.03) {
            user.email = user.email.as_ref().map(|email| email.to_uppercase());
        }
        if dice.hit(0.02)
            && let Some((given, family, shown)) = dice.random.pick(FAR)
        {
            user.given_name = Some((*given).to_owned());
            user.family_name = Some((*family).to_owned());
            user.display_name = Some((*shown).to_owned());
        } else if dice.hit(0.02) {
            user.display_name.clone_from(&last);
        }
        let both =
            [&user.given_name, &user.family_name].map(|name| name.clone().unwrap_or_default());
        last = user.display_name.clone().or_else(|| Some(both.join(" ")));
    }
}

fn groups(file: &mut OrganizationFile, dice: &mut Rng) {
    let center = &mut file.identity_center;
    let mut renamed: HashMap<String, String> = HashMap::new();
    for (index, group) in center.groups.iter_mut().enumerate() {
        if index == 0 {
            let crowd = center.users.iter().take(CROWD);
            group.members = crowd.map(|user| user.user_name.clone()).collect();
        } else if dice.hit(0.03) {
            group.members.clear();
        }
        if dice.hit(0.05) {
            group.description = Some(long_text(&group.name));
        }
        if dice.hit(0.01)
            && let Some(name) = dice.random.pick(FAR_GROUPS)
        {
            let name = format!("{name}-{index}");
            renamed.insert(std::mem::replace(&mut group.name, name.clone()), name);
        }
    }
    for row in &mut center.assignments {
        if let Some(name) = row.group.as_ref().and_then(|name| renamed.get(name)) {
            row.group = Some(name.clone());
        }
    }
}

fn sets(file: &mut OrganizationFile, dice: &mut Rng) {
    for set in &mut file.identity_center.permission_sets {
        if dice.hit(0.05) {
            set.description = Some(long_text(&set.name));
        }
    }
}

fn long_text(name: &str) -> String {
    let sentence = format!("{name}: requested in a meeting, never reviewed. ");
    sentence.chars().cycle().take(300).collect()
}

fn assignments(file: &mut OrganizationFile, dice: &mut Rng) {
    let center = &mut file.identity_center;
    let store = center.identity_store_id.trim_start_matches("d-").to_owned();
    let members: HashMap<&str, &str> = center
        .groups
        .iter()
        .filter_map(|group| Some((group.name.as_str(), group.members.last()?.as_str())))
        .collect();
    let mut more = Vec::new();
    for row in &mut center.assignments {
        if dice.hit(0.01) {
            let id = format!("{store}-{}", dice.random.uuid());
            let gone = Some("principal deleted".to_owned());
            match (row.user.take(), row.group.take()) {
                (Some(_), _) => row.user_id = Some(id),
                (None, Some(_)) => row.group_id = Some(id),
                (None, None) => continue,
            }
            row.note = gone;
        } else if let Some(group) = &row.group
            && dice.hit(0.02)
            && let Some(member) = members.get(group.as_str())
        {
            more.push(Assignment {
                user: Some((*member).to_owned()),
                group: None,
                ..row.clone()
            });
        }
    }
    if let Some(group) = center.groups.first() {
        let management = &file.organization.management_account;
        let sets = center.permission_sets.iter().take(SETS_IN_MANAGEMENT);
        more.extend(sets.map(|set| Assignment {
            account: management.clone(),
            permission_set: set.name.clone(),
            group: Some(group.name.clone()),
            ..Assignment::default()
        }));
    }
    center.assignments.extend(more);
}

fn provisioned(file: &mut OrganizationFile, dice: &mut Rng) {
    let center = &mut file.identity_center;
    let pairs: BTreeSet<(&String, &String)> = center
        .assignments
        .iter()
        .map(|row| (&row.account, &row.permission_set))
        .collect();
    let outdated = pairs.into_iter().filter(|_| dice.hit(0.05));
    center.provisioned = outdated
        .map(|(account, set)| Provisioned {
            account: account.clone(),
            permission_set: set.clone(),
            suffix: None,
            outdated: true,
            holds: None,
        })
        .collect();
}

fn policies(file: &mut OrganizationFile) {
    let deny = |action: &str| json!({ "Statement": { "Effect": "Deny", "Action": action, "Resource": "*" } });
    let mut targets = vec!["Root".to_owned()];
    targets.extend(file.ous.first().map(|ou| ou.id.clone()));
    for (name, action, targets) in [
        (
            "DenyLeave (copy)",
            "organizations:LeaveOrganization",
            targets,
        ),
        ("TEST please delete", "ec2:*", Vec::new()),
    ] {
        file.policies.push(OrganizationPolicy {
            name: name.to_owned(),
            kind: "SERVICE_CONTROL_POLICY".to_owned(),
            content: deny(action),
            targets,
            ..OrganizationPolicy::default()
        });
    }
}

fn keys(file: &mut OrganizationFile, dice: &mut Rng) {
    for account in &file.accounts {
        if !dice.hit(0.05) {
            continue;
        }
        let key = IamKey {
            id: format!("AKIA{}", dice.random.text(BASE32, 16)),
            ..IamKey::default()
        };
        let user = IamUser {
            name: "legacy-deploy".to_owned(),
            created: Some("2019-03-04T00:00:00Z".to_owned()),
            keys: vec![key],
            ..IamUser::default()
        };
        let iam = file.iam.entry(account.id.clone()).or_default();
        iam.users.push(user);
    }
}
