//! The sso-elevator form: `statements` and `group_statements`, or `config` and `group_config`, with
//! Hallpass's extra fields (`access.md` §1).

use std::collections::BTreeSet;

use hallpass_base::{AccountId, PermissionSetName};

use super::{
    Content,
    fields::{Durations, GroupNames, RuleReader},
    native_keys::FILE_KEYS,
};
use crate::{
    diagnostic::{Diagnostic, FindingCode, nearest_key, shorten},
    list_names::{LISTS, nearly_a_list},
    rule::{Denials, Exclusions, Requesters, Rule, RuleId, Selector, SetMatch, Targets, Terms},
    syntax::{MapEntry, Node, Value},
};

/// Statement keys, first those without meaning for groups.
const ACCOUNT_KEYS: [&str; 15] = [
    "ResourceType",
    "PermissionSet",
    "Resource",
    "Approvers",
    "AllowSelfApproval",
    "ApprovalIsNotRequired",
    "Id",
    "AllowedUsers",
    "AllowedGroups",
    "ApproverGroups",
    "ApproversToNotify",
    "MaxDuration",
    "MinApprovals",
    "SlackChannel",
    "BreakGlass",
];

/// Reads the two lists under either pair of names. Other settings next to `config` are skipped with
/// a warning.
pub(super) fn read_file(reader: &mut RuleReader, root: &Node, content: &mut Content) {
    let Some(entries) = reader.map(root, "a rule file") else {
        return;
    };
    let settings = entries
        .iter()
        .any(|e| e.key == "config" || e.key == "group_config");
    for entry in entries
        .iter()
        .filter(|entry| !LISTS.contains(&entry.key.as_str()))
    {
        if settings && nearly_a_list(&entry.key).is_none() {
            let message = format!("`{}` is not a rule and is passed over", shorten(&entry.key));
            reader.push(
                Diagnostic::warning(FindingCode::IgnoredSetting, entry.position, message)
                    .field(&entry.key)
                    .help("settings of Hallpass stand in its configuration"),
            );
        } else {
            let known: Vec<&str> = LISTS.into_iter().chain(FILE_KEYS).collect();
            reader.unknown_key(entry, &known);
        }
    }
    read_lists(reader, root, content);
}

pub(super) fn read_lists(reader: &mut RuleReader, root: &Node, content: &mut Content) {
    let Value::Map(entries) = &root.value else {
        return;
    };
    for list in LISTS {
        for entry in entries.iter().filter(|entry| entry.key == list) {
            read_list(reader, &entry.value, list, content);
        }
    }
}

pub(super) fn read_list(
    reader: &mut RuleReader,
    node: &Node,
    list: &'static str,
    content: &mut Content,
) {
    let Value::List(items) = &node.value else {
        let message = format!("{} where a list of statements is due", node.kind());
        reader.bad(
            FindingCode::BadType,
            list,
            node,
            &message,
            "write a list, `[]` for none",
        );
        return;
    };
    let of_groups = list.starts_with("group_");
    let earlier = content
        .rules
        .iter()
        .filter(|rule| matches!(rule.terms.targets, Targets::Groups(_)) == of_groups)
        .count();
    for (index, item) in items.iter().enumerate() {
        reader.enter(list, index);
        if let Some(entries) = reader.map(item, "a statement") {
            let targets = if of_groups {
                group_targets(reader, item)
            } else {
                account_targets(reader, item)
            };
            known_keys(reader, entries, of_groups);
            let mut terms = Terms::new(targets, Denials::OfRequesters);
            terms.requesters = requesters(reader, item);
            for entry in entries {
                read_field(reader, entry, &mut terms);
            }
            let prefix = if of_groups { 'g' } else { 's' };
            let id = match &terms.given_id {
                Some(id) => RuleId::new(id),
                None => RuleId::new(&format!("{prefix}{}", earlier + index + 1)),
            };
            content.rules.push(Rule {
                id,
                list,
                index,
                position: item.position,
                terms,
                written: reader.take_written(),
            });
        }
        reader.leave();
    }
}

/// Reports unknown keys. Accepts `ResourceType` for groups, where it has no meaning.
fn known_keys(reader: &mut RuleReader, entries: &[MapEntry], of_groups: bool) {
    let [_, _, of_both @ ..] = &ACCOUNT_KEYS;
    let known: &[&str] = if of_groups { of_both } else { &ACCOUNT_KEYS };
    for entry in entries
        .iter()
        .filter(|entry| !known.contains(&entry.key.as_str()))
    {
        if entry.key == "ResourceType" {
            let message = "`ResourceType` is not used for groups";
            let finding = Diagnostic::warning(FindingCode::IgnoredSetting, entry.position, message);
            reader.push(finding.field(&entry.key).help("leave it out"));
        } else {
            reader.unknown_key(entry, known);
        }
    }
}

fn read_field(reader: &mut RuleReader, entry: &MapEntry, terms: &mut Terms) {
    let (key, node) = (entry.key.as_str(), &entry.value);
    match key {
        "Approvers" => terms.approvers = reader.emails(key, node),
        "AllowSelfApproval" => terms.allow_self_approval = reader.flag(key, node),
        "ApprovalIsNotRequired" => terms.approval_is_not_required = reader.flag(key, node),
        "Id" => terms.given_id = reader.id(key, node),
        "ApproverGroups" => terms.approver_groups = reader.groups(key, node, GroupNames::Refused),
        "ApproversToNotify" => terms.notify = Some(reader.emails(key, node)),
        "MaxDuration" => {
            terms.max_duration = reader.duration(key, node, Durations::HoursMinutes);
        }
        "MinApprovals" => terms.min_approvals = reader.approvals(key, node).unwrap_or(1),
        "SlackChannel" => terms.slack_channel = reader.channel(key, node),
        "BreakGlass" => terms.break_glass = Some(reader.emails(key, node)),
        // targets, requesters, and unknown keys, already reported
        _ => {}
    }
}

/// Reads the requesters. As in the original, absent and empty both mean everyone.
fn requesters(reader: &mut RuleReader, statement: &Node) -> Requesters {
    let (users, groups) = (
        statement.get("AllowedUsers"),
        statement.get("AllowedGroups"),
    );
    let given = users.or(groups);
    let users = users.map(|node| reader.emails("AllowedUsers", node));
    let groups = groups.map(|node| reader.groups("AllowedGroups", node, GroupNames::Refused));
    let requesters = Requesters::Only {
        user_ids: BTreeSet::new(),
        users: users.unwrap_or_default(),
        groups: groups.unwrap_or_default(),
    };
    if !requesters.is_nobody() {
        return requesters;
    }
    if let Some(node) = given.filter(|node| node.value == Value::List(Vec::new())) {
        reader.push(
            Diagnostic::warning(
                FindingCode::EmptyList,
                node.position,
                "an empty list restricts no one: everyone may request",
            )
            .help("leave the field out, or name who may request; as sso-elevator, this form reads empty as absent"),
        );
    }
    Requesters::Everyone
}

fn group_targets(reader: &mut RuleReader, statement: &Node) -> Targets {
    let groups = if let Some(node) = statement.get("Resource") {
        reader.groups("Resource", node, GroupNames::Refused)
    } else {
        reader.missing(
            statement.position,
            "Resource",
            "write the group's id, or a list of ids",
        );
        BTreeSet::new()
    };
    Targets::Groups(groups)
}

fn account_targets(reader: &mut RuleReader, statement: &Node) -> Targets {
    let kind = resource_type(reader, statement);
    let mut places = BTreeSet::new();
    match statement.get("Resource") {
        Some(node) => {
            for (text, item) in reader.texts("Resource", node) {
                places.extend(place(reader, kind, text, item));
            }
        }
        None => reader.missing(
            statement.position,
            "Resource",
            "write an account id, a list of them, or `*`",
        ),
    }
    let mut sets = BTreeSet::new();
    match statement.get("PermissionSet") {
        Some(node) => {
            for (text, item) in reader.texts("PermissionSet", node) {
                sets.extend(permission_set(reader, text, item));
            }
        }
        None => reader.missing(
            statement.position,
            "PermissionSet",
            "write a permission set's name, a list of them, or `*`",
        ),
    }
    if places.contains(&Selector::Every) {
        places = BTreeSet::from([Selector::Every]);
        reader.note_redundant("Resource", statement);
    }
    if sets.contains(&SetMatch::Every) {
        sets = BTreeSet::from([SetMatch::Every]);
        reader.note_redundant("PermissionSet", statement);
    }
    Targets::Accounts {
        accounts: Some(places),
        ous: None,
        tags: BTreeSet::new(),
        sets,
        except: Exclusions::default(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResourceType {
    Account,
    Ou,
    /// Invalid and reported: entries are not checked by form.
    Unknown,
}

fn resource_type(reader: &mut RuleReader, statement: &Node) -> ResourceType {
    const TYPES: [&str; 2] = ["Account", "OU"];
    const HELP: &str = "write `Account` or `OU`, in these letters";
    let Some(node) = statement.get("ResourceType") else {
        reader.missing(statement.position, "ResourceType", HELP);
        return ResourceType::Unknown;
    };
    match node.as_text() {
        Some("Account") => ResourceType::Account,
        Some("OU") => ResourceType::Ou,
        _ => {
            let message = format!("`{}` is not a resource type", shorten(&node.shown()));
            let near = node.as_text().and_then(|text| nearest_key(text, TYPES));
            let help = near.map_or(HELP.to_owned(), |near| format!("did you mean `{near}`?"));
            reader.bad(
                FindingCode::BadResourceType,
                "ResourceType",
                node,
                &message,
                &help,
            );
            ResourceType::Unknown
        }
    }
}

fn place(reader: &mut RuleReader, kind: ResourceType, text: &str, node: &Node) -> Option<Selector> {
    if text == "*" {
        return Some(Selector::Every);
    }
    let account = AccountId::new(text);
    let (message, help) = match (kind, account) {
        (ResourceType::Account, Ok(id)) => return Some(Selector::Account(id)),
        (ResourceType::Account, Err(_)) => (
            format!("`{}` is not an account id", shorten(text)),
            "write 12 digits in quotes, or `*` alone for every account",
        ),
        (ResourceType::Ou, Ok(_)) => (
            format!("`{text}` is an account, not an organizational unit"),
            "use `\"ResourceType\": \"Account\"` for account ids",
        ),
        (ResourceType::Ou, Err(_)) => match organizational_unit(text) {
            Some(place) => return Some(place),
            None => (
                format!("`{}` is not an organizational unit", shorten(text)),
                "write `ou-ab12-34cd56ef`, `r-ab12`, a path like `Root/Workloads/Prod`, or `*`",
            ),
        },
        (ResourceType::Unknown, _) => return None,
    };
    reader.bad(FindingCode::BadResource, "Resource", node, &message, help);
    None
}

/// Parses a unit id, or a path with or without the root name.
pub(super) fn organizational_unit(text: &str) -> Option<Selector> {
    let alnum = |part: &str, min: usize| {
        (min..=32).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    if let Some(rest) = text.strip_prefix("ou-") {
        let (root, own) = rest.split_once('-')?;
        return (alnum(root, 4) && alnum(own, 8)).then(|| Selector::Ou(text.to_owned()));
    }
    if let Some(rest) = text.strip_prefix("r-") {
        return alnum(rest, 4).then(|| Selector::Ou(text.to_owned()));
    }
    if text == "Root" {
        return Some(Selector::OuPath(String::new()));
    }
    // this form has no exclusions, and native rules already removed their `!`
    if text.starts_with('!') {
        return None;
    }
    let path = text.strip_prefix("Root/").unwrap_or(text);
    let segment = |part: &str| {
        !part.is_empty()
            && part.trim() == part
            && part.chars().count() <= OU_NAME_MAX
            && !part.chars().any(|c| c == '*' || c.is_control())
    };
    path.split('/')
        .all(segment)
        .then(|| Selector::OuPath(path.to_owned()))
}

/// Maximum length of a unit name (AWS Organizations API Reference, `OrganizationalUnit`).
const OU_NAME_MAX: usize = 128;

fn permission_set(reader: &mut RuleReader, text: &str, node: &Node) -> Option<SetMatch> {
    if text == "*" {
        return Some(SetMatch::Every);
    }
    if PermissionSetName::new(text).is_ok() {
        return Some(SetMatch::Name(text.to_owned()));
    }
    let message = format!("`{}` is not a permission set name", shorten(text));
    reader.bad(
        FindingCode::BadPermissionSet,
        "PermissionSet",
        node,
        &message,
        "write 1 to 32 letters, digits or `_+=,.@-`, or `*` alone for every permission set",
    );
    None
}
