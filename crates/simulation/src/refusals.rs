//! Refusals by AWS according to the policies in force.

use hallpass_base::{HoldKey, Timestamp};
use hallpass_enforcement::armed_ends::{POLICIES_MAX, policy_name};
use hallpass_enforcement::testing::FakeOrganization;
use serde_json::Value;

use crate::world::ACCOUNT;

/// Returns the instants after which AWS refuses the key; an unreadable policy yields the earliest
/// possible instant.
pub fn refused_after(organization: &FakeOrganization, key: &HoldKey) -> Vec<Timestamp> {
    let set = key.target.to_string();
    let role = set
        .rsplit("ps-")
        .next()
        .map(|name| format!("AWSReservedSSO_{name}_"));
    let Some(role) = role else { return Vec::new() };
    let names = |statement: &Value| {
        let says = |pointer: &str, part: &str| {
            let found = statement.pointer(pointer);
            found.is_some_and(|it| it.to_string().contains(part))
        };
        says("/Condition/ArnLike/aws:PrincipalArn", &role)
            && says(
                "/Condition/StringEquals/identitystore:UserId",
                key.user.as_str(),
            )
    };
    let instant = |statement: &Value| {
        let at = statement.pointer("/Condition/DateGreaterThan/aws:CurrentTime");
        let at = at.and_then(Value::as_str);
        at.and_then(|at| at.parse().ok()).unwrap_or(Timestamp::MIN)
    };
    let all = armed_statements(organization);
    all.iter().filter(|it| names(it)).map(instant).collect()
}

pub fn armed_statements(organization: &FakeOrganization) -> Vec<Value> {
    let mut all = Vec::new();
    let standing = organization.standing();
    for number in 0..POLICIES_MAX {
        let name = policy_name(ACCOUNT, number);
        let is_attached = standing
            .iter()
            .any(|(it, targets)| *it == name && targets == &[ACCOUNT]);
        let text = organization.text(&name).filter(|_| is_attached);
        let policy = text.and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let list = policy
            .as_ref()
            .and_then(|it| it.get("Statement")?.as_array());
        all.extend(list.into_iter().flatten().cloned());
    }
    all
}
