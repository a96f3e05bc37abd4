//! The demo's large organization: the small one, with its people and rules, inside a generated one.

use std::collections::HashSet;
use std::hash::Hash;

use super::{
    Account, OrganizationFile, Shape, Sizes,
    derive::fill,
    generate, on_call,
    presets::{SEED, small},
    slack, tickets,
};

const SIZES: Sizes = Sizes {
    accounts: 5_000,
    users: 20_000,
    groups: 2_000,
    permission_sets: 300,
    assignments_per_account: 12,
    ou_depth: 4,
};

const SAME_SETS: &[(&str, &str)] = &[
    ("Admin", "AdministratorAccess"),
    ("DBA", "DatabaseOperator"),
];

/// The last account by name: a former other company, and the only one with its letter.
const ACQUIRED: (&str, &str) = ("zebra-books", "Workloads/Prod/Commerce");

/// 5,000 accounts, 20,000 people, 2,000 groups, 300 permission sets, some 60,000 assignments.
/// Includes [`small`] with the same ids.
pub fn large() -> OrganizationFile {
    // one seed: both have the same organization id, instance and identity store
    let (mut file, mut small) = (generate(&SIZES, Shape::Enterprise, SEED), small());
    small.accounts.push(acquired());
    let known: HashSet<String> = small.accounts.iter().map(|one| one.name.clone()).collect();
    let replaced = std::mem::replace(
        &mut file.organization.management_account,
        small.organization.management_account,
    );
    file.accounts.retain(|account| account.name != replaced);
    file.ous = joined(small.ous, file.ous, usize::MAX, |ou| {
        (ou.parent.clone(), ou.name.clone())
    });
    file.accounts = joined(small.accounts, file.accounts, SIZES.accounts, |account| {
        account.name.clone()
    });
    let (center, first) = (&mut file.identity_center, small.identity_center);
    for (theirs, ours) in SAME_SETS {
        let assigned = center.assignments.iter_mut();
        let named = assigned.map(|row| &mut row.permission_set);
        let named = named.chain(center.permission_sets.iter_mut().map(|set| &mut set.name));
        for name in named.filter(|name| name == theirs) {
            (*ours).clone_into(name);
        }
    }
    let users = std::mem::take(&mut center.users);
    center.users = joined(first.users, users, SIZES.users, |user| {
        user.user_name.clone()
    });
    let groups = std::mem::take(&mut center.groups);
    center.groups = joined(first.groups, groups, SIZES.groups, |group| {
        group.name.clone()
    });
    let sets = std::mem::take(&mut center.permission_sets);
    center.permission_sets = joined(first.permission_sets, sets, SIZES.permission_sets, |set| {
        set.name.clone()
    });
    // the small organization defines its accounts' assignments
    center
        .assignments
        .retain(|row| !known.contains(&row.account));
    center.assignments.splice(0..0, first.assignments);
    keep_whole(&mut file);
    file.on_call = on_call::demo(&file);
    file.tickets = tickets::demo();
    file.slack = Some(slack::demo(&file));
    fill(&mut file);
    file
}

fn acquired() -> Account {
    let (name, ou) = ACQUIRED;
    Account {
        name: name.to_owned(),
        ou: Some(ou.to_owned()),
        joined_method: Some("INVITED".to_owned()),
        ..Account::default()
    }
}

fn joined<T, K: Eq + Hash>(
    first: Vec<T>,
    others: Vec<T>,
    total: usize,
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    let mut rows = first;
    let taken: HashSet<K> = rows.iter().map(&key).collect();
    let others = others.into_iter().filter(|row| !taken.contains(&key(row)));
    rows.extend(others);
    rows.truncate(total);
    rows
}

fn keep_whole(file: &mut OrganizationFile) {
    let accounts: HashSet<&str> = file.accounts.iter().map(|one| one.name.as_str()).collect();
    let center = &mut file.identity_center;
    let users: HashSet<&str> = center
        .users
        .iter()
        .map(|one| one.user_name.as_str())
        .collect();
    for group in &mut center.groups {
        group.members.retain(|name| users.contains(name.as_str()));
    }
    let groups: HashSet<&str> = center.groups.iter().map(|one| one.name.as_str()).collect();
    let there = |name: Option<&String>, all: &HashSet<&str>| {
        name.is_none_or(|name| all.contains(name.as_str()))
    };
    center.assignments.retain(|row| {
        accounts.contains(row.account.as_str())
            && there(row.user.as_ref(), &users)
            && there(row.group.as_ref(), &groups)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organization::parse_value;

    #[test]
    fn large_has_all_of_small_and_the_round_numbers() {
        let (file, small) = (large(), small());
        let (center, known) = (&file.identity_center, &small.identity_center);
        assert_eq!(
            (
                file.accounts.len(),
                center.users.len(),
                center.groups.len(),
                center.permission_sets.len()
            ),
            (5_000, 20_000, 2_000, 300)
        );
        assert!(center.assignments.len() > 59_000);
        assert_eq!(file.accounts.get(..40), Some(small.accounts.as_slice()));
        assert_eq!(center.users.get(..60), Some(known.users.as_slice()));
        assert_eq!(center.groups.get(..15), Some(known.groups.as_slice()));
        assert_eq!(
            center.permission_sets.get(..12),
            Some(known.permission_sets.as_slice())
        );
        assert_eq!(file.ous.get(..12), Some(small.ous.as_slice()));
        let here = known.assignments.len();
        assert_eq!(
            center.assignments.get(..here),
            Some(known.assignments.as_slice())
        );
        let last = file.accounts.iter().max_by_key(|account| &account.name);
        assert_eq!(last.map(|account| account.name.as_str()), Some(ACQUIRED.0));
        assert_eq!(file.organization.id, small.organization.id);
        assert_eq!(
            parse_value(serde_json::to_value(&file).unwrap()),
            Ok(file.clone())
        );
        assert_eq!(file, large());
    }

    #[test]
    fn the_personas_are_on_slack_as_in_the_small_organization() {
        let (large, small) = (large().slack.unwrap(), small().slack.unwrap());
        let ids = |slack: &serde_json::Value, pointer: &str| -> Vec<String> {
            let rows = slack.pointer(pointer).unwrap().as_array().unwrap();
            rows.iter()
                .map(|row| row.get("id").unwrap_or(row).as_str().unwrap().to_owned())
                .collect()
        };
        for pointer in ["/users", "/channels/0/members"] {
            let (all, known) = (ids(&large, pointer), ids(&small, pointer));
            let different: HashSet<&String> = all.iter().collect();
            assert_eq!(different.len(), all.len(), "{pointer}");
            assert!(!known.is_empty(), "{pointer}");
            assert!(known.iter().all(|id| all.contains(id)), "{pointer}");
            assert!(all.len() > 400, "{pointer}");
        }
        assert_ne!(ids(&large, "/users"), ids(&large, "/channels/0/members"));
    }
}
