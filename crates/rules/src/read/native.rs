//! The native form: `[[rule]]` and `[[test]]`, `snake_case`, with globs, stages, patterns and
//! hours.

use std::collections::BTreeSet;

use hallpass_base::text::{is_plain, says_something};
use jiff::{
    civil::Time,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::{
    Content,
    fields::{Durations, GroupNames, RuleReader},
    native_attributes::attribute_matches,
    native_keys::{FILE_KEYS, TARGET_KEYS, TERM_KEYS},
    native_never_together::never_together,
    native_targets::targets,
    native_tests,
    native_ticket::ticket,
};
use crate::arming::EndArming;
use crate::{
    diagnostic::{Diagnostic, FindingCode, nearest_key, nearest_name, shorten},
    hours::Hours,
    never_together::CONSTRAINTS_MAX,
    rule::{Denials, PeopleLeftOut, Requesters, Rule, RuleId, StageRule, Terms},
    syntax::{MapEntry, Node, Value},
};

/// Maximum warning length: it must fit each channel.
const WARNING_CHARACTERS_MAX: usize = 1_000;

const STAGE_KEYS: [&str; 5] = [
    "name",
    "approvers",
    "approver_groups",
    "manager_approves",
    "quorum",
];

const HOURS_KEYS: [&str; 4] = ["days", "from", "to", "time_zone"];

pub(super) fn read_file(reader: &mut RuleReader, root: &Node, content: &mut Content) {
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
    let constraints = items(reader, root, "never_together");
    if let Some(over) = constraints.get(CONSTRAINTS_MAX) {
        let message = format!("more than {CONSTRAINTS_MAX} constraints");
        let help = "let constraints share their sides";
        reader.bad(FindingCode::BadType, "never_together", over, &message, help);
    }
    for (index, item) in constraints.iter().enumerate() {
        reader.enter("never_together", index);
        if let Some(entries) = reader.map(item, "a constraint") {
            let read = never_together(reader, item, entries, index);
            content.constraints.extend(read);
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

fn items<'a>(reader: &mut RuleReader, root: &'a Node, key: &str) -> &'a [Node] {
    match root.get(key) {
        None => &[],
        Some(Node {
            value: Value::List(items),
            ..
        }) => items,
        Some(node) => {
            let message = format!("{} where a list is due", node.kind());
            reader.bad(
                FindingCode::BadType,
                key,
                node,
                &message,
                "write `[[rule]]`, `[[test]]` and `[[never_together]]`",
            );
            &[]
        }
    }
}

fn read_rule(reader: &mut RuleReader, item: &Node, entries: &[MapEntry], index: usize) -> Rule {
    let known: Vec<&str> = TERM_KEYS.into_iter().chain(TARGET_KEYS).collect();
    reader.known_keys(entries, &known);
    let mut terms = Terms::new(targets(reader, item), Denials::Always);
    terms.requesters = requesters(reader, item);
    terms.except_requesters = left_out(
        reader,
        item,
        ["except_requesters", "except_requester_groups"],
    );
    terms.except_approvers = left_out(reader, item, ["except_approvers", "except_approver_groups"]);
    for entry in entries {
        read_field(reader, entry, &mut terms);
    }
    check_permits(reader, item, &terms);
    check_after_waiting(reader, item, &terms);
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
        written: reader.take_written(),
    }
}

fn read_field(reader: &mut RuleReader, entry: &MapEntry, terms: &mut Terms) {
    let (key, node) = (entry.key.as_str(), &entry.value);
    match key {
        "id" => terms.given_id = reader.id(key, node),
        "description" => {
            reader.text(key, node);
        }
        "approvers" => terms.approvers = reader.emails(key, node),
        "approver_groups" => terms.approver_groups = reader.groups(key, node, GroupNames::Allowed),
        "manager_approves" => {
            terms.manager_approves = reader.flag(key, node).unwrap_or(false);
        }
        "stages" => terms.stages = stages(reader, node),
        "min_approvals" => terms.min_approvals = reader.approvals(key, node).unwrap_or(1),
        "allow_self_approval" => terms.allow_self_approval = reader.flag(key, node),
        "approval_is_not_required" => terms.approval_is_not_required = reader.flag(key, node),
        "allow_delegated_approval" => terms.allow_delegated_approval = reader.flag(key, node),
        "after_waiting" => terms.after_waiting = reader.duration(key, node, Durations::Any),
        "approvers_to_notify" => terms.notify = Some(reader.emails(key, node)),
        "permits_requests" => {
            terms.permits_requests = reader.flag(key, node).unwrap_or(true);
        }
        "prefer_longest_duration" => {
            terms.prefer_longest_duration = reader.flag(key, node).unwrap_or(false);
        }
        "max_duration" => terms.max_duration = reader.duration(key, node, Durations::Any),
        "slack_channel" => terms.slack_channel = reader.channel(key, node),
        "break_glass" => terms.break_glass = Some(reader.emails(key, node)),
        "reason_pattern" => terms.reason_pattern = reader.pattern(key, node),
        "ticket" => terms.ticket = ticket(reader, key, node),
        "ticket_pattern" => terms.ticket_pattern = reader.pattern(key, node),
        "reason_hint" => terms.reason_hint = reader.text(key, node).map(str::to_owned),
        "ticket_hint" => terms.ticket_hint = reader.text(key, node).map(str::to_owned),
        "hours" => terms.hours = hours(reader, key, node),
        "approval_hours" => terms.approval_hours = hours(reader, key, node),
        "max_lead_time" => terms.max_lead_time = reader.duration(key, node, Durations::Any),
        "requester_attributes" => terms.requester_attributes = attribute_matches(reader, key, node),
        "shorten_to_max_duration" => terms.shorten_to_max_duration = reader.flag(key, node),
        "fresh_sign_in" => terms.fresh_sign_in = reader.duration(key, node, Durations::Any),
        "sign_in_acr" => terms.sign_in_acr = reader.words(key, node),
        "armed_ends" => terms.armed_ends = arming(reader, key, node),
        "warning" => terms.warning = warning(reader, key, node),
        // targets, requesters, exclusions, and unknown keys, already reported
        _ => {}
    }
}

/// A rule that permits no one cannot grant immediately either.
fn check_permits(reader: &mut RuleReader, item: &Node, terms: &Terms) {
    const KEY: &str = "approval_is_not_required";
    if terms.permits_requests || terms.approval_is_not_required != Some(true) {
        return;
    }
    if let Some(node) = item.get(KEY) {
        let message = "a rule that permits no requests cannot grant them without approval";
        let help = "drop the key, or let another rule say it that permits them";
        reader.bad(FindingCode::BadFlag, KEY, node, message, help);
    }
}

/// A rule that applies later may only add approvers: its limits and denials would change a waiting
/// request.
fn check_after_waiting(reader: &mut RuleReader, item: &Node, terms: &Terms) {
    const KEY: &str = "after_waiting";
    let Some(node) = item.get(KEY) else {
        return;
    };
    let adds_only = Terms {
        given_id: None,
        requesters: Requesters::Everyone,
        requester_attributes: BTreeSet::new(),
        except_requesters: PeopleLeftOut::default(),
        except_approvers: PeopleLeftOut::default(),
        approvers: BTreeSet::new(),
        approver_groups: BTreeSet::new(),
        manager_approves: false,
        hours: None,
        ..terms.clone()
    };
    let expected = Terms {
        permits_requests: false,
        after_waiting: terms.after_waiting,
        ..Terms::new(terms.targets.clone(), terms.denials)
    };
    let names_people =
        !terms.approvers.is_empty() || !terms.approver_groups.is_empty() || terms.manager_approves;
    if adds_only == expected && names_people {
        return;
    }
    let message = "a rule with `after_waiting` only adds approvers to other rules";
    let help = "write `permits_requests = false` and `approvers`, `approver_groups` or `manager_approves`, and no \
                limits";
    reader.bad(FindingCode::BadFlag, KEY, node, message, help);
}

fn arming(reader: &mut RuleReader, key: &str, node: &Node) -> Option<EndArming> {
    let text = reader.text(key, node)?;
    let found = EndArming::ALL.into_iter().find(|it| it.name() == text);
    if found.is_none() {
        let message = format!("`{text}` is neither `preferred` nor `required`");
        let help = "leave the key out to leave it to `access.armed_ends.mode`";
        reader.bad(FindingCode::BadType, key, node, &message, help);
    }
    found
}

fn warning(reader: &mut RuleReader, key: &str, node: &Node) -> Option<String> {
    let text = reader.text(key, node)?.trim();
    let characters = text.chars().count();
    let message = if !says_something(text) {
        "an empty warning".to_owned()
    } else if characters > WARNING_CHARACTERS_MAX {
        format!("a warning has at most {WARNING_CHARACTERS_MAX} characters; this has {characters}")
    } else if !is_plain(text) {
        "a warning with a character that its readers do not see".to_owned()
    } else {
        return Some(text.to_owned());
    };
    let help = "say in a sentence or two what is sensitive here, and what not to do";
    reader.bad(FindingCode::BadText, key, node, &message, help);
    None
}

/// Reads the requesters: everyone without a key; no one for an empty list.
fn requesters(reader: &mut RuleReader, item: &Node) -> Requesters {
    let (users, groups) = (item.get("allowed_users"), item.get("allowed_groups"));
    let Some(first) = users.or(groups) else {
        return Requesters::Everyone;
    };
    let (users, user_ids) = users
        .map(|node| reader.people("allowed_users", node))
        .unwrap_or_default();
    let groups = groups.map(|node| reader.groups("allowed_groups", node, GroupNames::Allowed));
    let requesters = Requesters::Only {
        users,
        user_ids,
        groups: groups.unwrap_or_default(),
    };
    if requesters.is_nobody() && matches!(&first.value, Value::List(items) if items.is_empty()) {
        reader.push(
            Diagnostic::warning(
                FindingCode::EmptyList,
                first.position,
                "the rule permits no request: its list of requesters is empty",
            )
            .help(
                "leave the key out to let everyone request; earlier versions read an empty list so",
            ),
        );
    }
    requesters
}

fn left_out(reader: &mut RuleReader, item: &Node, [people, groups]: [&str; 2]) -> PeopleLeftOut {
    let (emails, user_ids) = item
        .get(people)
        .map(|node| reader.people(people, node))
        .unwrap_or_default();
    let named = item.get(groups);
    PeopleLeftOut {
        emails,
        user_ids,
        groups: named
            .map(|node| reader.groups(groups, node, GroupNames::Allowed))
            .unwrap_or_default(),
    }
}

fn stages(reader: &mut RuleReader, node: &Node) -> Vec<StageRule> {
    let Value::List(items) = &node.value else {
        let message = format!("{} where a list of stages is due", node.kind());
        reader.bad(
            FindingCode::BadType,
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
            manager: false,
            quorum: 1,
        };
        for MapEntry { key, value, .. } in entries {
            match key.as_str() {
                "name" => reader
                    .text(key, value)
                    .unwrap_or_default()
                    .clone_into(&mut stage.name),
                "approvers" => stage.people = reader.emails(key, value),
                "approver_groups" => stage.groups = reader.groups(key, value, GroupNames::Allowed),
                "manager_approves" => {
                    stage.manager = reader.flag(key, value).unwrap_or(false);
                }
                "quorum" => stage.quorum = reader.approvals(key, value).unwrap_or(1),
                _ => {}
            }
        }
        let empty = |key: &str| match item.get(key).map(|node| &node.value) {
            None => true,
            Some(value) => *value == Value::List(Vec::new()),
        };
        if empty("approvers") && empty("approver_groups") && !stage.manager {
            reader.push(
                Diagnostic::error(
                    FindingCode::BadStage,
                    item.position,
                    "a stage that no one can approve",
                )
                .field("stages")
                .help("write `approvers`, `approver_groups` or `manager_approves = true`"),
            );
        }
        stages.push(stage);
    }
    stages
}

fn hours(reader: &mut RuleReader, key: &str, node: &Node) -> Option<Hours> {
    let entries = reader.map(node, &format!("`{key}`"))?;
    reader.known_keys(entries, &HOURS_KEYS);
    // reads all keys first, to report every error
    let days = match node.get("days") {
        None => Some([true; 7]),
        Some(node) => days(reader, node),
    };
    let (from, to) = (time(reader, node, "from"), time(reader, node, "to"));
    let (name, zone) = time_zone(reader, node)?;
    let (days, from, to) = (days?, from?, to?);
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

fn time_zone<'a>(reader: &mut RuleReader, hours: &'a Node) -> Option<(&'a str, TimeZone)> {
    let Some(zone_node) = hours.get("time_zone") else {
        let help = "write a name like `Europe/Stockholm` or `UTC`";
        reader.missing(hours.position, "time_zone", help);
        return None;
    };
    let name = reader.text("time_zone", zone_node)?;
    let Ok(zone) = TimeZoneDatabase::bundled().get(name) else {
        let message = format!("`{}` is not a time zone", shorten(name));
        let help = "write a name of the IANA time zone database, like `Europe/Stockholm`";
        let zones: Vec<String> = TimeZoneDatabase::bundled()
            .available()
            .map(|zone| zone.as_str().to_owned())
            .collect();
        let near = nearest_name(name, zones.iter().map(String::as_str));
        let help = near.map_or(help.to_owned(), |near| format!("did you mean `{near}`?"));
        reader.bad(
            FindingCode::BadHours,
            "time_zone",
            zone_node,
            &message,
            &help,
        );
        return None;
    };
    Some((name, zone))
}

fn time(reader: &mut RuleReader, hours: &Node, field: &str) -> Option<Time> {
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
            FindingCode::BadHours,
            field,
            node,
            &message,
            "write `hh:mm`, from `00:00` to `24:00`",
        );
    }
    time
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Parses day names (`mon`) or ranges (`mon-fri`, `sat-mon`).
fn days(reader: &mut RuleReader, node: &Node) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    for (text, item) in reader.texts("days", node) {
        let folded = text.to_ascii_lowercase();
        let (first, last) = folded.split_once('-').unwrap_or((&folded, &folded));
        let place = |name: &str| DAYS.iter().position(|day| *day == name.trim());
        let (Some(first), Some(last)) = (place(first), place(last)) else {
            let message = format!("`{}` is not a day of the week", shorten(text));
            let unknown = [first, last].into_iter().find(|day| place(day).is_none());
            let near = unknown.and_then(|day| nearest_key(day, DAYS));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write `mon` … `sun` or `mon-fri`".to_owned(),
            };
            reader.bad(FindingCode::BadHours, "days", item, &message, &help);
            return None;
        };
        let length = (last + 7 - first) % 7;
        for (day, slot) in days.iter_mut().enumerate() {
            *slot |= (day + 7 - first) % 7 <= length;
        }
    }
    if days == [false; 7] {
        reader.bad(
            FindingCode::BadHours,
            "days",
            node,
            "no day is named",
            "leave it out for every day",
        );
        return None;
    }
    Some(days)
}
