//! Statements with another meaning than in sso-elevator (`access.md` §1.1 and §3).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::report::RowNote;

const DENIED: &str = "another statement for the same has `AllowSelfApproval` false and an approver of this one: on a request that \
                      others are to approve sso-elevator lets them press Approve for themselves all the same, and Hallpass does not";
const LETTERS: &str = "an approver is written with capital letters: most releases of sso-elevator compare \
                       case-sensitively, so a user in lower case on Slack approves nothing there; Hallpass \
                       and the newest releases ignore case";
const UNITS: &str = "sso-elevator decides by no statement about organizational units, and refuses a configuration with one; here it is \
                     about every account below the unit";

/// Keys that sso-elevator ignores, with their effect here. `Id` is a name without effect.
const OURS: [(&str, &str); 6] = [
    (
        "ApproverGroups",
        "`ApproverGroups` is a key of Hallpass: members of these groups of Identity Center approve here, and sso-elevator \
         reads no such key",
    ),
    (
        "BreakGlass",
        "`BreakGlass` is a key of Hallpass: these people may have it without an approval here, and sso-elevator reads no \
         such key",
    ),
    (
        "MaxDuration",
        "`MaxDuration` is a key of Hallpass: it limits the time here, and sso-elevator reads no such key",
    ),
    (
        "MinApprovals",
        "`MinApprovals` is a key of Hallpass: so many approve here, and one does in sso-elevator",
    ),
    (
        "ApproversToNotify",
        "`ApproversToNotify` is a key of Hallpass: these users are notified here, and sso-elevator reads no \
         such key",
    ),
    (
        "SlackChannel",
        "`SlackChannel` is a key of Hallpass: requests are posted there, and sso-elevator has one channel",
    ),
];

pub(super) fn notes(statement: &Value, all: &[Value]) -> Vec<RowNote> {
    let denied = allows_own(statement) == Some(true)
        && all.iter().any(|other| {
            allows_own(other) == Some(false)
                && may_meet(statement, other)
                && !approvers(statement).is_disjoint(&approvers(other))
        });
    let addresses = texts(statement, "Approvers");
    let has_capitals = addresses.iter().any(|it| {
        let local = address(it).split('@').next().unwrap_or_default();
        local.chars().any(|c| c.is_ascii_uppercase())
    });
    let denied = denied.then_some(RowNote::Narrower(DENIED.into()));
    let letters = has_capitals.then_some(RowNote::Otherwise(LETTERS.into()));
    let own = OURS.into_iter().filter(|(key, _)| is_set(statement, key));
    let own = own.map(|(_, told)| RowNote::Otherwise(told.into()));
    let of_units = texts(statement, "ResourceType").contains(&"OU")
        && statement.get("PermissionSet").is_some();
    let units = of_units.then_some(RowNote::Otherwise(UNITS.into()));
    let found = denied.into_iter().chain(letters).chain(units);
    found.chain(own).collect()
}

fn is_set(statement: &Value, key: &str) -> bool {
    match statement.get(key) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => true,
    }
}

/// A flag, also as text.
fn allows_own(statement: &Value) -> Option<bool> {
    match statement.get("AllowSelfApproval")? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn approvers(statement: &Value) -> BTreeSet<String> {
    let addresses = texts(statement, "Approvers").into_iter();
    addresses
        .map(|it| address(it).to_ascii_lowercase())
        .collect()
}

fn address(text: &str) -> &str {
    let inner = text.rsplit_once('<').map(|(_, address)| address);
    inner.unwrap_or(text).trim_end_matches('>').trim()
}

fn may_meet(one: &Value, other: &Value) -> bool {
    ["Resource", "PermissionSet"].iter().all(|key| {
        let [one, other] = [one, other].map(|it| texts(it, key));
        let is_any = |texts: &[&str]| texts.contains(&"*");
        (one.is_empty() && other.is_empty())
            || is_any(&one)
            || is_any(&other)
            || one.iter().any(|it| other.contains(it))
    })
}

fn texts<'a>(statement: &'a Value, key: &str) -> Vec<&'a str> {
    match statement.get(key) {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => vec![text],
        _ => Vec::new(),
    }
}
