//! The native form: `[[rule]]` and `[[test]]`, `snake_case`, with globs, stages, patterns and hours.

use std::collections::BTreeSet;

use hallpass_model::AccountId;
use jiff::{civil::Time, tz::TimeZoneDatabase};

use super::{
    Content, elevator,
    fields::{Durations, Names, Reader},
    native_tests,
};
use crate::{
    diagnostic::{Code, Diagnostic, shorten},
    glob::Glob,
    hours::Hours,
    rule::{Place, Rule, RuleId, SetMatch, StageRule, TagMatch, Targets, Terms, TextPattern},
    syntax::{Entry, Node, Value},
};

/// The keys of the file.
pub(super) const FILE_KEYS: [&str; 2] = ["rule", "test"];

const RULE_KEYS: [&str; 22] = [
    "id",
    "description",
    "accounts",
    "ous",
    "account_tags",
    "permission_sets",
    "groups",
    "approvers",
    "approver_groups",
    "stages",
    "min_approvals",
    "allowed_users",
    "allowed_groups",
    "allow_self_approval",
    "approval_is_not_required",
    "approvers_to_notify",
    "max_duration",
    "slack_channel",
    "break_glass",
    "reason_pattern",
    "ticket_pattern",
    "hours",
];

const STAGE_KEYS: [&str; 4] = ["name", "approvers", "approver_groups", "quorum"];

const HOURS_KEYS: [&str; 4] = ["days", "from", "to", "time_zone"];

/// Reads a native file.
pub(super) fn read_file(reader: &mut Reader, root: &Node, content: &mut Content) {
    let Some(entries) = reader.map(root, "a rule file") else {
        return;
    };
    reader.known_keys(entries, &FILE_KEYS);
    for (index, item) in items(reader, root, "rule").iter().enumerate() {
        reader.enter("rule", index);
        if let Some(entries) = reader.map(item, "a rule") {
            content.rules.push(read_rule(reader, item, entries, index));
        }
        reader.leave();
    }
    for (index, item) in items(reader, root, "test").iter().enumerate() {
        reader.enter("test", index);
        if let Some(entries) = reader.map(item, "a test") {
            content
                .tests
                .extend(native_tests::read_test(reader, item, entries));
        }
        reader.leave();
    }
}

fn items<'a>(reader: &mut Reader, root: &'a Node, key: &str) -> &'a [Node] {
    match root.get(key) {
        None => &[],
        Some(Node {
            value: Value::List(items),
            ..
        }) => items,
        Some(node) => {
            let message = format!("{} where a list is due", node.kind());
            reader.bad(
                Code::BadType,
                key,
                node,
                &message,
                "write `[[rule]]` and `[[test]]`",
            );
            &[]
        }
    }
}

fn read_rule(reader: &mut Reader, item: &Node, entries: &[Entry], index: usize) -> Rule {
    reader.known_keys(entries, &RULE_KEYS);
    let mut terms = Terms::new(targets(reader, item));
    for entry in entries {
        read_field(reader, entry, &mut terms);
    }
    let id = match &terms.given_id {
        Some(id) => RuleId::new(id),
        None => RuleId::new(&format!("r{}", index + 1)),
    };
    Rule {
        id,
        list: "rule",
        index,
        position: item.position,
        terms,
    }
}

fn read_field(reader: &mut Reader, entry: &Entry, terms: &mut Terms) {
    let (key, node) = (entry.key.as_str(), &entry.value);
    match key {
        "id" => terms.given_id = reader.id(key, node),
        "description" => {
            reader.text(key, node);
        }
        "approvers" => terms.approvers = reader.emails(key, node),
        "approver_groups" => terms.approver_groups = reader.groups(key, node, Names::Allowed),
        "stages" => terms.stages = stages(reader, node),
        "min_approvals" => terms.min_approvals = reader.approvals(key, node).unwrap_or(1),
        "allowed_users" => terms.allowed_users = reader.emails(key, node),
        "allowed_groups" => terms.allowed_groups = reader.groups(key, node, Names::Allowed),
        "allow_self_approval" => terms.allow_self_approval = reader.flag(key, node),
        "approval_is_not_required" => terms.approval_is_not_required = reader.flag(key, node),
        "approvers_to_notify" => terms.notify = Some(reader.emails(key, node)),
        "max_duration" => terms.max_duration = reader.duration(key, node, Durations::Any),
        "slack_channel" => terms.slack_channel = reader.channel(key, node),
        "break_glass" => terms.break_glass = Some(reader.emails(key, node)),
        "reason_pattern" => terms.reason_pattern = pattern(reader, key, node),
        "ticket_pattern" => terms.ticket_pattern = pattern(reader, key, node),
        "hours" => terms.hours = hours(reader, node),
        // the targets, and unknown keys, which are noted already
        _ => {}
    }
}

/// What the rule is about: `groups`, or `permission_sets` with at least one key that says where.
fn targets(reader: &mut Reader, item: &Node) -> Targets {
    let (accounts, ous) = (item.get("accounts"), item.get("ous"));
    let (tags, sets) = (item.get("account_tags"), item.get("permission_sets"));
    if let Some(node) = item.get("groups") {
        for key in ["accounts", "ous", "account_tags", "permission_sets"] {
            if let Some(other) = item.get(key) {
                let message = "a rule is about accounts or about groups, not both";
                reader.bad(
                    Code::BadResource,
                    key,
                    other,
                    message,
                    "make two rules of it",
                );
            }
        }
        return Targets::Groups(reader.groups("groups", node, Names::Allowed));
    }
    if accounts.is_none() && ous.is_none() && tags.is_none() {
        let help = "write `accounts`, `ous` or `account_tags`, or `groups` for a rule about groups";
        reader.missing(item.position, "accounts", help);
    }
    if sets.is_none() {
        let help = "write permission sets by name or glob, `\"*\"` for every one";
        reader.missing(item.position, "permission_sets", help);
    }
    Targets::Accounts {
        accounts: accounts.map(|node| places(reader, "accounts", node, account)),
        ous: ous.map(|node| places(reader, "ous", node, unit)),
        tags: tags
            .map(|node| tag_matches(reader, node))
            .unwrap_or_default(),
        sets: sets
            .map(|node| set_matches(reader, node))
            .unwrap_or_default(),
    }
}

fn places(
    reader: &mut Reader,
    field: &str,
    node: &Node,
    read: fn(&str) -> Result<Place, &'static str>,
) -> BTreeSet<Place> {
    let mut places = BTreeSet::new();
    for (text, item) in reader.texts(field, node) {
        match read(text) {
            Ok(place) => {
                places.insert(place);
            }
            Err(help) => {
                let message = format!("`{}` is not in an accepted form", shorten(text));
                reader.bad(Code::BadResource, field, item, &message, help);
            }
        }
    }
    if places.contains(&Place::Every) {
        return BTreeSet::from([Place::Every]);
    }
    places
}

fn account(text: &str) -> Result<Place, &'static str> {
    if text == "*" {
        return Ok(Place::Every);
    }
    if let Ok(id) = AccountId::new(text) {
        return Ok(Place::Account(id));
    }
    let number = text.bytes().all(|b| b.is_ascii_digit());
    if number || text.trim() != text || text.chars().any(char::is_control) {
        return Err("write an account id of 12 digits, a name, or a glob like `payments-*`");
    }
    Ok(Place::AccountName(Glob::new(text)))
}

fn unit(text: &str) -> Result<Place, &'static str> {
    if text == "*" {
        return Ok(Place::Every);
    }
    elevator::organizational_unit(text)
        .ok_or("write a path like `Workloads/Prod`, `ou-ab12-34cd56ef` or `r-ab12`; no globs")
}

fn tag_matches(reader: &mut Reader, node: &Node) -> BTreeSet<TagMatch> {
    let Some(entries) = reader.map(node, "`account_tags`") else {
        return BTreeSet::new();
    };
    let mut tags = BTreeSet::new();
    for entry in entries {
        let texts = reader.texts("account_tags", &entry.value);
        let values = texts.into_iter().map(|(text, _)| Glob::new(text)).collect();
        tags.insert(TagMatch {
            key: entry.key.clone(),
            values,
        });
    }
    if entries.is_empty() {
        let help = "name at least one tag, or leave the key out";
        reader.bad(
            Code::BadResource,
            "account_tags",
            node,
            "no tag is named",
            help,
        );
    }
    tags
}

fn set_matches(reader: &mut Reader, node: &Node) -> BTreeSet<SetMatch> {
    let mut sets = BTreeSet::new();
    for (text, item) in reader.texts("permission_sets", node) {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-*?".contains(&b);
        if !(1..=32).contains(&text.len()) || !text.bytes().all(allowed) {
            let message = format!("`{}` is not a permission set name or glob", shorten(text));
            let help = "write 1 to 32 letters, digits or `_+=,.@-`, with `*` and `?` as wildcards";
            reader.bad(
                Code::BadPermissionSet,
                "permission_sets",
                item,
                &message,
                help,
            );
        } else if text == "*" {
            return BTreeSet::from([SetMatch::Every]);
        } else if text.contains(['*', '?']) {
            sets.insert(SetMatch::Glob(Glob::new(text)));
        } else {
            sets.insert(SetMatch::Name(text.to_owned()));
        }
    }
    sets
}

fn stages(reader: &mut Reader, node: &Node) -> Vec<StageRule> {
    let Value::List(items) = &node.value else {
        let message = format!("{} where a list of stages is due", node.kind());
        reader.bad(
            Code::BadType,
            "stages",
            node,
            &message,
            "write `[[rule.stages]]`",
        );
        return Vec::new();
    };
    let mut stages = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let Some(entries) = reader.map(item, "a stage") else {
            continue;
        };
        reader.known_keys(entries, &STAGE_KEYS);
        let mut stage = StageRule {
            name: format!("stage {}", place + 1),
            people: BTreeSet::new(),
            groups: BTreeSet::new(),
            quorum: 1,
        };
        for Entry { key, value, .. } in entries {
            match key.as_str() {
                "name" => reader
                    .text(key, value)
                    .unwrap_or_default()
                    .clone_into(&mut stage.name),
                "approvers" => stage.people = reader.emails(key, value),
                "approver_groups" => stage.groups = reader.groups(key, value, Names::Allowed),
                "quorum" => stage.quorum = reader.approvals(key, value).unwrap_or(1),
                _ => {}
            }
        }
        if item.get("approvers").is_none() && item.get("approver_groups").is_none() {
            reader.push(
                Diagnostic::error(
                    Code::BadStage,
                    item.position,
                    "a stage that nobody can approve",
                )
                .field("stages")
                .help("write `approvers` or `approver_groups`"),
            );
        }
        stages.push(stage);
    }
    stages
}

fn pattern(reader: &mut Reader, field: &str, node: &Node) -> Option<TextPattern> {
    let text = reader.text(field, node)?;
    match TextPattern::new(text) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim();
            let message = format!("not a regular expression: {}", shorten(why));
            let help = "write the syntax of Rust's regex; `^` and `$` bind it to the whole text";
            reader.bad(Code::BadPattern, field, node, &message, help);
            None
        }
    }
}

fn hours(reader: &mut Reader, node: &Node) -> Option<Hours> {
    let entries = reader.map(node, "`hours`")?;
    reader.known_keys(entries, &HOURS_KEYS);
    let days = match node.get("days") {
        None => [true; 7],
        Some(node) => days(reader, node)?,
    };
    let from = time(reader, node, "from")?;
    let to = time(reader, node, "to")?;
    let Some(zone_node) = node.get("time_zone") else {
        reader.missing(
            node.position,
            "time_zone",
            "write a name like `Europe/Stockholm` or `UTC`",
        );
        return None;
    };
    let name = reader.text("time_zone", zone_node)?;
    let Ok(zone) = TimeZoneDatabase::bundled().get(name) else {
        let message = format!("`{}` is not a time zone", shorten(name));
        let help = "write a name of the IANA time zone database, like `Europe/Stockholm`";
        reader.bad(Code::BadHours, "time_zone", zone_node, &message, help);
        return None;
    };
    let written = format!("{days:?} {from} {to} {name}");
    Some(Hours {
        days,
        from,
        to,
        zone,
        name: name.to_owned(),
        written,
    })
}

fn time(reader: &mut Reader, hours: &Node, field: &str) -> Option<Time> {
    let Some(node) = hours.get(field) else {
        reader.missing(hours.position, field, "write a time like `08:00`");
        return None;
    };
    let text = reader.text(field, node)?;
    let time = match text.split_once(':') {
        Some((hour, minute)) if hour.len() == 2 && minute.len() == 2 => {
            match (hour.parse(), minute.parse()) {
                (Ok(24), Ok(0)) if field == "to" => Some(Time::midnight()),
                (Ok(hour), Ok(minute)) => Time::new(hour, minute, 0, 0).ok(),
                _ => None,
            }
        }
        _ => None,
    };
    if time.is_none() {
        let message = format!("`{}` is not a time of day", shorten(text));
        reader.bad(
            Code::BadHours,
            field,
            node,
            &message,
            "write `hh:mm`, from `00:00` to `24:00`",
        );
    }
    time
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Days as names (`mon`) or ranges (`mon-fri`, `sat-mon`).
fn days(reader: &mut Reader, node: &Node) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    for (text, item) in reader.texts("days", node) {
        let folded = text.to_ascii_lowercase();
        let (first, last) = folded.split_once('-').unwrap_or((&folded, &folded));
        let place = |name: &str| DAYS.iter().position(|day| *day == name.trim());
        let (Some(first), Some(last)) = (place(first), place(last)) else {
            let message = format!("`{}` is not a day of the week", shorten(text));
            reader.bad(
                Code::BadHours,
                "days",
                item,
                &message,
                "write `mon` … `sun` or `mon-fri`",
            );
            return None;
        };
        let length = (last + 7 - first) % 7;
        for (day, slot) in days.iter_mut().enumerate() {
            *slot |= (day + 7 - first) % 7 <= length;
        }
    }
    if days == [false; 7] {
        reader.bad(
            Code::BadHours,
            "days",
            node,
            "no day is named",
            "leave it out for every day",
        );
        return None;
    }
    Some(days)
}
