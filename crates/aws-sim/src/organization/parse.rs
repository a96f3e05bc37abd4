//! Reads an organization file and reports every problem.

mod assets;

use std::collections::HashSet;

use crate::base::Problem;
use serde_json::Value;

use super::{
    derive,
    file::OrganizationFile,
    import,
    read::read_strictly,
    resolve::{NameIndex, Unresolved, ou_paths},
    schema,
};
use crate::vocabulary::{Behaviour, policy_types, regions, session_seconds};

/// Reads an organization file and derives missing values.
///
/// # Errors
/// All problems, each with a JSON pointer: not JSON, unknown, missing and duplicate keys, wrong
/// types, dangling and ambiguous names, malformed ids, duplicates.
pub fn parse(text: &str) -> Result<OrganizationFile, Vec<Problem>> {
    let value = read_strictly(text.as_bytes())
        .map_err(|error| vec![Problem::new("", format!("not JSON: {error}"))])?;
    parse_value(value)
}

pub fn parse_value(mut value: Value) -> Result<OrganizationFile, Vec<Problem>> {
    if import::is_tree(&value) {
        value = import::convert(&value);
    }
    let mut problems = schema::check(&value);
    if !problems.is_empty() {
        // resolves names even after errors, so that one pass reports all; ignores problems in
        // derived values
        let others = lenient(&value)
            .map(|mut file| check(&mut file))
            .unwrap_or_default();
        problems.extend(
            others
                .into_iter()
                .filter(|one| value.pointer(&one.pointer).is_some()),
        );
        return Err(problems);
    }
    strip_nulls(&mut value);
    let mut file: OrganizationFile =
        serde_json::from_value(value).map_err(|error| vec![Problem::new("", error.to_string())])?;
    let problems = check(&mut file);
    if problems.is_empty() {
        Ok(file)
    } else {
        Err(problems)
    }
}

fn lenient(value: &Value) -> Option<OrganizationFile> {
    let mut value = value.clone();
    strip_nulls(&mut value);
    serde_json::from_value(value).ok()
}

fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            for (key, value) in object.iter_mut() {
                if !matches!(
                    key.as_str(),
                    "content" | "slack" | "attributes" | "inline" | "document" | "trust_policy"
                ) {
                    strip_nulls(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

fn check(file: &mut OrganizationFile) -> Vec<Problem> {
    derive::fill(file);
    let mut problems = Problems::default();
    check_tree(file, &mut problems);
    check_directory(file, &mut problems);
    check_sets(file, &mut problems);
    check_policies(file, &mut problems);
    check_references(file, &mut problems);
    if let Some(section) = &file.slack {
        problems.0.extend(crate::slack::check(section));
    }
    for (name, limit) in &file.limits {
        for (key, value) in [("rate", limit.rate), ("burst", limit.burst)] {
            if value.is_some_and(|it| it < 0.0) {
                problems.add(format!("/limits/{name}/{key}"), "must not be negative");
            }
        }
    }
    for (name, value) in &file.behaviour {
        if let Err(message) = Behaviour::default().set(name, value) {
            problems.add(format!("/behaviour/{name}"), message);
        }
    }
    problems.0
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem::new(pointer, message));
    }

    fn form(&mut self, right: bool, pointer: impl Into<String>, text: &str, expected: &str) {
        if !right {
            self.add(pointer, format!("`{text}` is not {expected}"));
        }
    }

    fn name<T>(&mut self, found: &Result<T, Unresolved>, pointer: String, kind: &str, name: &str) {
        match found {
            Ok(_) => {}
            Err(Unresolved::Unknown) => self.add(pointer, format!("there is no {kind} `{name}`")),
            Err(Unresolved::Ambiguous) => {
                self.add(pointer, format!("more than one {kind} is called `{name}`"));
            }
        }
    }
}

fn letters(text: &str, prefix: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        lengths.contains(&rest.len())
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

pub(super) fn digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_tree(file: &OrganizationFile, problems: &mut Problems) {
    let organization = &file.organization;
    problems.form(
        letters(&organization.id, "o-", 10..=32),
        "/organization/id",
        &organization.id,
        "an organization id",
    );
    problems.form(
        letters(&organization.root, "r-", 4..=32),
        "/organization/root",
        &organization.root,
        "a root id",
    );
    let paths = ou_paths(file);
    let (mut seen, mut ids) = (HashSet::new(), HashSet::new());
    for (index, ou) in file.ous.iter().enumerate() {
        match (paths.get(&index), &ou.parent) {
            (Some(path), _) if !seen.insert(path.clone()) => {
                problems.add(
                    format!("/ous/{index}/name"),
                    format!("`{path}` is there twice"),
                );
            }
            (None, Some(parent)) => problems.add(
                format!("/ous/{index}/parent"),
                format!("there is no single organizational unit `{parent}` above this one"),
            ),
            _ => {}
        }
        if !ids.insert(&ou.id) {
            problems.add(
                format!("/ous/{index}/id"),
                format!("id `{}` is there twice", ou.id),
            );
        }
    }
    let mut ids = HashSet::new();
    for (index, account) in file.accounts.iter().enumerate() {
        let pointer = format!("/accounts/{index}/id");
        problems.form(
            digits(&account.id, 12),
            &*pointer,
            &account.id,
            "twelve digits",
        );
        if !ids.insert(&account.id) {
            problems.add(pointer, format!("account `{}` is there twice", account.id));
        }
    }
}

fn check_directory(file: &OrganizationFile, problems: &mut Problems) {
    let center = &file.identity_center;
    let at = "/identity_center";
    let instance = center
        .instance_arn
        .strip_prefix("arn:aws:sso:::instance/")
        .unwrap_or_default();
    let instance = instance.trim_start_matches("sso");
    problems.form(
        instance
            .strip_prefix("ins-")
            .is_some_and(|id| id.len() == 16),
        format!("{at}/instance_arn"),
        &center.instance_arn,
        "an instance ARN",
    );
    let store = center
        .identity_store_id
        .strip_prefix("d-")
        .unwrap_or_default();
    problems.form(
        store.len() == 10 && store.bytes().all(|byte| byte.is_ascii_hexdigit()),
        format!("{at}/identity_store_id"),
        &center.identity_store_id,
        "`d-` and ten hexadecimal digits",
    );
    problems.form(
        regions::is_known(&center.home_region),
        format!("{at}/home_region"),
        &center.home_region,
        "a Region",
    );
    check_principals(file, problems);
}

fn check_principals(file: &OrganizationFile, problems: &mut Problems) {
    let center = &file.identity_center;
    let mut ids = HashSet::new();
    let mut check = |rows: &mut dyn Iterator<Item = (String, &String)>, kind: &str, key: &str| {
        let mut names = HashSet::new();
        for (index, (name, id)) in rows.enumerate() {
            let at = format!("/identity_center/{kind}s/{index}");
            if !names.insert(name.clone()) {
                problems.add(
                    format!("{at}/{key}"),
                    format!("{kind} `{name}` is there twice"),
                );
            }
            if !ids.insert(id.clone()) {
                problems.add(format!("{at}/id"), format!("id `{id}` is there twice"));
            }
            problems.form(principal_id(id), format!("{at}/id"), id, "a principal id");
        }
    };
    let mut users = center
        .users
        .iter()
        .map(|user| (user.user_name.to_lowercase(), &user.id));
    check(&mut users, "user", "user_name");
    let mut groups = center
        .groups
        .iter()
        .map(|group| (group.name.clone(), &group.id));
    check(&mut groups, "group", "name");
}

fn principal_id(text: &str) -> bool {
    let dashes: Vec<usize> = text.split('-').map(str::len).collect();
    let hex = text
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    hex && (dashes == [8, 4, 4, 4, 12] || dashes == [10, 8, 4, 4, 4, 12])
}

fn check_sets(file: &OrganizationFile, problems: &mut Problems) {
    let (mut names, mut arns) = (HashSet::new(), HashSet::new());
    for (index, set) in file.identity_center.permission_sets.iter().enumerate() {
        let at = format!("/identity_center/permission_sets/{index}");
        let legal = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
        problems.form(
            (1..=32).contains(&set.name.len()) && set.name.chars().all(legal),
            format!("{at}/name"),
            &set.name,
            "a permission set name (1 to 32 of letters, digits and `_+=,.@-`)",
        );
        if !names.insert(&set.name) {
            problems.add(
                format!("{at}/name"),
                format!("permission set `{}` is there twice", set.name),
            );
        }
        let id = set.arn.rsplit("/ps-").next().unwrap_or_default();
        problems.form(
            set.arn.starts_with("arn:aws:sso:::permissionSet/") && id.len() == 16,
            format!("{at}/arn"),
            &set.arn,
            "a permission set ARN",
        );
        if !arns.insert(&set.arn) {
            problems.add(format!("{at}/arn"), format!("`{}` is there twice", set.arn));
        }
        if let Some(duration) = &set.session_duration {
            problems.form(
                session_seconds(duration).is_some(),
                format!("{at}/session_duration"),
                duration,
                "an ISO 8601 duration from PT1H to PT12H",
            );
        }
    }
}

fn check_policies(file: &OrganizationFile, problems: &mut Problems) {
    let (mut ids, mut taken) = (HashSet::new(), HashSet::new());
    for (index, policy) in file.policies.iter().enumerate() {
        let at = format!("/policies/{index}");
        let rest = policy.id.strip_prefix("p-").unwrap_or_default();
        let right = (8..=128).contains(&rest.len())
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        problems.form(right, format!("{at}/id"), &policy.id, "the id of a policy");
        let own = policy_types::DEFAULTS.iter().any(|(kind, id, name, ..)| {
            policy.id == *id || policy.kind == *kind && policy.name == *name
        });
        if own {
            problems.add(at.clone(), "this policy is AWS's own; leave it out");
        }
        if !ids.insert(policy.id.as_str()) {
            problems.add(
                format!("{at}/id"),
                format!("`{}` is there twice", policy.id),
            );
        }
        if !taken.insert((policy.kind.as_str(), policy.name.as_str())) {
            problems.add(
                format!("{at}/name"),
                format!("`{}` is there twice", policy.name),
            );
        }
        let content = policy_types::text(&policy.content);
        // AWS refuses a policy without statements; in a file it is a draft
        let empty = policy.content.get("Statement") == Some(&Value::Array(Vec::new()));
        if !empty && let Err(message) = policy_types::check_content(&policy.kind, &content) {
            problems.add(format!("{at}/content"), message);
        }
    }
}

fn check_references(file: &OrganizationFile, problems: &mut Problems) {
    let names = NameIndex::of(file);
    let management = &file.organization.management_account;
    problems.name(
        &names.account(management),
        "/organization/management_account".to_owned(),
        "account",
        management,
    );
    for (index, row) in file
        .organization
        .delegated_administrators
        .iter()
        .enumerate()
    {
        let at = format!("/organization/delegated_administrators/{index}/account");
        problems.name(&names.account(&row.account), at, "account", &row.account);
    }
    for (index, account) in file.accounts.iter().enumerate() {
        if let Some(ou) = &account.ou {
            problems.name(
                &names.ou(ou),
                format!("/accounts/{index}/ou"),
                "organizational unit",
                ou,
            );
        }
    }
    check_center_references(file, &names, problems);
    let accounts = file.iam.keys().map(|account| ("iam", account));
    for (key, account) in accounts.chain(file.contacts.keys().map(|account| ("contacts", account)))
    {
        let at = format!("/{key}/{account}");
        problems.name(&names.account(account), at, "account", account);
    }
    for (index, row) in file.config_aggregators.iter().flatten().enumerate() {
        let at = format!("/config_aggregators/{index}/account");
        problems.name(&names.account(&row.account), at, "account", &row.account);
    }
    for (index, row) in file.event_rules.iter().enumerate() {
        let at = format!("/event_rules/{index}/account");
        problems.name(&names.account(&row.account), at, "account", &row.account);
    }
    for (index, row) in file.devops_guru_insights.iter().enumerate() {
        let at = format!("/devops_guru_insights/{index}/account");
        problems.name(&names.account(&row.account), at, "account", &row.account);
    }
    assets::check(file, &names, problems);
    for (index, row) in file.trails.iter().enumerate() {
        let at = format!("/trails/{index}/account");
        problems.name(&names.account(&row.account), at, "account", &row.account);
    }
    check_tower(file, &names, problems);
    check_iam_groups(file, problems);
    check_entitlements(file, &names, problems);
    check_targets(file, &names, problems);
}

fn check_tower(file: &OrganizationFile, names: &NameIndex, problems: &mut Problems) {
    for (index, row) in file.config_recorders.iter().flatten().enumerate() {
        let at = format!("/config_recorders/{index}/account");
        problems.name(&names.account(&row.account), at, "account", &row.account);
    }
    let Some(tower) = &file.control_tower else {
        return;
    };
    let accounts = [("log_archive", &tower.log_archive), ("audit", &tower.audit)];
    for (key, account) in accounts {
        let at = format!("/control_tower/{key}");
        problems.name(&names.account(account), at, "account", account);
    }
    for (index, account) in tower.accounts.iter().flatten().enumerate() {
        let at = format!("/control_tower/accounts/{index}");
        problems.name(&names.account(account), at, "account", account);
    }
    let units = tower.units.iter().enumerate();
    let units = units.map(|(index, unit)| (format!("units/{index}"), unit));
    let config = tower.config_units.iter().enumerate();
    let config = config.map(|(index, unit)| (format!("config_units/{index}"), unit));
    let drifted = tower.drifted_units.iter().enumerate();
    let drifted = drifted.map(|(index, unit)| (format!("drifted_units/{index}"), unit));
    let units = units.chain(config).chain(drifted);
    let controls = tower.controls.iter().enumerate();
    let controls = controls.map(|(index, row)| (format!("controls/{index}/unit"), &row.unit));
    for (at, unit) in units.chain(controls) {
        let at = format!("/control_tower/{at}");
        problems.name(&names.ou(unit), at, "organizational unit", unit);
    }
}

fn check_iam_groups(file: &OrganizationFile, problems: &mut Problems) {
    for (account, iam) in &file.iam {
        for (index, user) in iam.users.iter().enumerate() {
            for (place, name) in user.groups.iter().enumerate() {
                if iam.groups.iter().all(|group| group.name != *name) {
                    let at = format!("/iam/{account}/users/{index}/groups/{place}");
                    problems.add(at, format!("there is no group `{name}` in the account"));
                }
            }
        }
    }
}

const ONE_PRINCIPAL: &str = "give exactly one of `user`, `group`, `user_id`, `group_id`";

fn check_place(names: &NameIndex, problems: &mut Problems, at: &str, (account, set): (&str, &str)) {
    let found = names.account(account);
    problems.name(&found, format!("{at}/account"), "account", account);
    let place = format!("{at}/permission_set");
    problems.name(&names.set(set), place, "permission set", set);
}

/// A user or a group by name, or one of them by id.
fn check_principal(
    names: &NameIndex,
    problems: &mut Problems,
    at: String,
    whom: [&Option<String>; 4],
) {
    let [user, group, ..] = whom;
    if let Some(user) = user {
        problems.name(&names.user(user), format!("{at}/user"), "user", user);
    }
    if let Some(group) = group {
        problems.name(&names.group(group), format!("{at}/group"), "group", group);
    }
    if whom.iter().filter(|one| one.is_some()).count() != 1 {
        problems.add(at, ONE_PRINCIPAL);
    }
}

fn check_center_references(file: &OrganizationFile, names: &NameIndex, problems: &mut Problems) {
    let center = &file.identity_center;
    for (index, group) in center.groups.iter().enumerate() {
        for (place, member) in group.members.iter().enumerate() {
            let at = format!("/identity_center/groups/{index}/members/{place}");
            problems.name(&names.user(member), at, "user", member);
        }
    }
    for (index, row) in center.assignments.iter().enumerate() {
        let at = format!("/identity_center/assignments/{index}");
        check_place(names, problems, &at, (&row.account, &row.permission_set));
        let whom = [&row.user, &row.group, &row.user_id, &row.group_id];
        check_principal(names, problems, at, whom);
    }
    for (index, row) in center.provisioned.iter().enumerate() {
        let at = format!("/identity_center/provisioned/{index}");
        check_place(names, problems, &at, (&row.account, &row.permission_set));
    }
}

fn check_entitlements(file: &OrganizationFile, names: &NameIndex, problems: &mut Problems) {
    for (index, row) in file.entitlements.iter().enumerate() {
        let at = format!("/entitlements/{index}");
        if let Some(account) = &row.account {
            let found = names.account(account);
            problems.name(&found, format!("{at}/account"), "account", account);
        } else {
            let parts: Vec<&str> = row.role.splitn(6, ':').collect();
            let right = matches!(parts.as_slice(), ["arn", "aws", "iam", "", account, role]
                if digits(account, 12) && role.starts_with("role/"));
            let expected = "the ARN of a role; a name needs `account`";
            problems.form(right, format!("{at}/role"), &row.role, expected);
        }
        let whom = [&row.user, &row.group, &row.user_id, &row.group_id];
        check_principal(names, problems, at, whom);
    }
}

fn check_targets(file: &OrganizationFile, names: &NameIndex, problems: &mut Problems) {
    const WHAT: &str = "account or organizational unit";
    for (place, target) in file.organization.without_full_access.iter().enumerate() {
        let at = format!("/organization/without_full_access/{place}");
        problems.name(&names.target(target), at, WHAT, target);
    }
    for (index, policy) in file.policies.iter().enumerate() {
        for (place, target) in policy.targets.iter().enumerate() {
            let at = format!("/policies/{index}/targets/{place}");
            problems.name(&names.target(target), at, WHAT, target);
        }
    }
    for (index, key) in file.credentials.iter().enumerate() {
        let parts: Vec<&str> = key.principal.split(':').collect();
        let right = matches!(parts.as_slice(), ["arn", "aws", "iam", "", account, _] if digits(account, 12));
        problems.form(
            right,
            format!("/credentials/{index}/principal"),
            &key.principal,
            "the ARN of a user, a role or an account root",
        );
    }
}
