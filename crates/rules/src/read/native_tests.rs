use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{Email, Timestamp};

use super::{elevator::organizational_unit, fields::RuleReader, native_attributes};
use crate::{
    decision_kind::DecisionKind,
    diagnostic::{FindingCode, nearest, shorten},
    rule::Selector,
    syntax::{MapEntry, Node, Value},
    test_case::{TestCase, TestTarget, TestUnit},
};

const TEST_KEYS: [&str; 14] = [
    "name",
    "requester",
    "account",
    "permission_set",
    "group",
    "at",
    "ou",
    "account_tags",
    "members",
    "requester_attributes",
    "expect",
    "approvers",
    "click",
    "permit",
];

const KINDS: [DecisionKind; 6] = [
    DecisionKind::ApprovalNotRequired,
    DecisionKind::SelfApproval,
    DecisionKind::RequiresApproval,
    DecisionKind::NoApprovers,
    DecisionKind::NoStatements,
    DecisionKind::RequesterNotAllowed,
];

pub(super) fn read_test(
    reader: &mut RuleReader,
    item: &Node,
    entries: &[MapEntry],
) -> Option<TestCase> {
    reader.known_keys(entries, &TEST_KEYS);
    let mut text = |key: &str| item.get(key).and_then(|node| reader.text(key, node));
    let (name, account, set) = (text("name"), text("account"), text("permission_set"));
    let (group, ou) = (text("group"), text("ou"));
    let requester = required_email(reader, item, "requester");
    let expect = expected(reader, item);
    let click = item
        .get("click")
        .and_then(|_| required_email(reader, item, "click"));
    let approvers = item
        .get("approvers")
        .map(|node| reader.emails("approvers", node));
    let permit = item
        .get("permit")
        .and_then(|node| reader.flag("permit", node));
    belong_together(reader, item);
    let at = item.get("at").and_then(|node| instant(reader, "at", node));
    let members = item.get("members").map(|node| members(reader, node));
    let attributes = item
        .get("requester_attributes")
        .map(|node| native_attributes::attributes_held(reader, "requester_attributes", node));
    let tags = item.get("account_tags").map(|node| tags(reader, node));
    let target = match (account, set, group) {
        (Some(account), Some(set), None) => Some(TestTarget::Account {
            account: account.to_owned(),
            permission_set: set.to_owned(),
        }),
        (None, None, Some(group)) => Some(TestTarget::Group(group.to_owned())),
        _ => {
            let help = "write `account` and `permission_set`, or `group`";
            reader.bad(
                FindingCode::BadTest,
                "account",
                item,
                "a test without one target",
                help,
            );
            None
        }
    };
    Some(TestCase {
        position: item.position,
        name: name.map(str::to_owned),
        requester: requester?,
        target: target?,
        at,
        ou: ou.map(unit),
        account_tags: tags,
        members,
        attributes,
        expect: expect?,
        approvers,
        click,
        permit,
    })
}

/// Parses a unit id, else a path.
fn unit(text: &str) -> TestUnit {
    match organizational_unit(text) {
        Some(Selector::Ou(id)) => TestUnit::Id(id),
        Some(_) | None => TestUnit::Path(text.to_owned()),
    }
}

/// Reports keys that need or exclude others.
fn belong_together(reader: &mut RuleReader, item: &Node) {
    let (click, permit) = (item.get("click"), item.get("permit"));
    if let (Some(node), None) = (permit, click) {
        let help = "write who presses approve as `click`";
        let message = "`permit` without `click`";
        reader.bad(FindingCode::BadTest, "permit", node, message, help);
    }
    if let (Some(node), None) = (click, permit) {
        let help = "write `permit = true` or `permit = false`";
        let message = "`click` without `permit`, which would be tested";
        reader.bad(FindingCode::BadTest, "click", node, message, help);
    }
    if item.get("group").is_none() {
        return;
    }
    for key in ["ou", "account_tags"] {
        if let Some(node) = item.get(key) {
            let message = "the place of an account does not apply to a group";
            reader.bad(FindingCode::BadTest, key, node, message, "leave it out");
        }
    }
}

fn required_email(reader: &mut RuleReader, item: &Node, key: &str) -> Option<Email> {
    let Some(node) = item.get(key) else {
        reader.missing(item.position, key, "write an e-mail address");
        return None;
    };
    let text = reader.text(key, node)?;
    reader.email(key, text, node)
}

fn expected(reader: &mut RuleReader, item: &Node) -> Option<DecisionKind> {
    let Some(node) = item.get("expect") else {
        reader.missing(
            item.position,
            "expect",
            "write a decision, like `RequiresApproval`",
        );
        return None;
    };
    let text = reader.text("expect", node)?;
    let folded = text.replace(['_', '-', ' '], "").to_ascii_lowercase();
    let kind = KINDS
        .into_iter()
        .find(|kind| kind.as_str().to_ascii_lowercase() == folded);
    if kind.is_none() {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.as_str()).collect();
        let help = match nearest(text, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", names.join(", ")),
        };
        let message = format!("`{}` is not a decision", shorten(text));
        reader.bad(FindingCode::BadTest, "expect", node, &message, &help);
    }
    kind
}

pub(super) fn instant(reader: &mut RuleReader, field: &str, node: &Node) -> Option<Timestamp> {
    let text = match &node.value {
        Value::Text(text) | Value::Number(text) => text,
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
            reader.text(field, node)?
        }
    };
    let instant = text.parse().ok();
    if instant.is_none() {
        let message = format!("`{}` is not an instant", shorten(text));
        reader.bad(
            FindingCode::BadTest,
            field,
            node,
            &message,
            "write `2026-03-02T10:05:00Z`",
        );
    }
    instant
}

fn members(reader: &mut RuleReader, node: &Node) -> BTreeMap<String, BTreeSet<Email>> {
    let entries = reader.map(node, "`members`").unwrap_or_default();
    entries
        .iter()
        .map(|entry| (entry.key.clone(), reader.emails("members", &entry.value)))
        .collect()
}

fn tags(reader: &mut RuleReader, node: &Node) -> BTreeMap<String, String> {
    let entries = reader.map(node, "`account_tags`").unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| {
            let value = reader.text("account_tags", &entry.value)?;
            Some((entry.key.clone(), value.to_owned()))
        })
        .collect()
}
