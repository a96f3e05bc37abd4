//! A person's direct access: groups and own assignments.

use hallpass_base::UserId;
use serde_json::{Map, Value, json};

use crate::reading::{Operation, ReadCalls, ReadPlace, UnreadFact};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonReach {
    pub groups: Vec<String>,
    /// Account, permission set ARN; without access by groups.
    pub assignments: Vec<(String, String)>,
}

/// All pages; a partial list is an error.
async fn rows(
    calls: &dyn ReadCalls,
    operation: Operation,
    input: &Value,
    member: &str,
) -> Result<Vec<Value>, UnreadFact> {
    let (service, name) = operation;
    let (mut rows, place) = (Vec::new(), ReadPlace::default());
    let mut token = Some(Map::new());
    while let Some(more) = token.take() {
        let mut input = input.clone();
        if let Some(members) = input.as_object_mut() {
            members.extend(more);
        }
        let answered = calls.call(&place, (service, name), &input);
        let (page, next) = answered.await.map_err(|failed| UnreadFact {
            action: format!("{service}:{name}"),
            reason: format!("{}: {}", failed.code, failed.message),
            passing: failed.passing,
        })?;
        let listed = page.get(member).and_then(Value::as_array);
        rows.extend(listed.into_iter().flatten().cloned());
        token = next;
    }
    Ok(rows)
}

/// # Errors
/// A failed read: then nothing is known.
pub async fn reach_of(
    calls: &dyn ReadCalls,
    instance: &str,
    store: &str,
    user: &UserId,
) -> Result<PersonReach, UnreadFact> {
    let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let input = json!({"IdentityStoreId": store, "MemberId": {"UserId": user}, "MaxResults": 100});
    let operation = ("identitystore", "ListGroupMembershipsForMember");
    let memberships = rows(calls, operation, &input, "GroupMemberships").await?;
    let input = json!({
        "InstanceArn": instance, "PrincipalId": user, "PrincipalType": "USER", "MaxResults": 100,
    });
    let operation = ("sso-admin", "ListAccountAssignmentsForPrincipal");
    let assignments = rows(calls, operation, &input, "AccountAssignments").await?;
    let own = assignments
        .iter()
        .filter(|row| text(row, "PrincipalId").as_deref() == Some(user.as_str()));
    let own = own.filter_map(|row| Some((text(row, "AccountId")?, text(row, "PermissionSetArn")?)));
    let groups = memberships.iter().filter_map(|row| text(row, "GroupId"));
    Ok(PersonReach {
        groups: groups.collect(),
        assignments: own.collect(),
    })
}
