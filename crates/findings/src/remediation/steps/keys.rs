//! IAM access keys: deactivated, never deleted.

use std::collections::BTreeMap;

use hallpass_base::{TimeSpan, Timestamp};
use hallpass_plans::{PartDone, StepError, StepProbe};
use serde_json::{Value, json};

use super::drifted;
use super::place::{StepCalls, text};
use crate::remediation::action::KeyParams;

const IAM: &str = "iam";

/// Returns the user name of an ARN, without the path.
fn user_of(resource: &str) -> Result<&str, StepError> {
    let name = resource
        .split_once(":user/")
        .and_then(|(_, it)| it.rsplit('/').next());
    name.filter(|it| !it.is_empty())
        .ok_or_else(|| StepError::failed("NoUser", &format!("`{resource}` is no user")))
}

async fn keys(calls: &StepCalls<'_>, user: &str) -> Result<Vec<Value>, StepError> {
    let input = json!({ "UserName": user });
    calls
        .list((IAM, "ListAccessKeys"), input, "AccessKeyMetadata")
        .await
}

fn instant(value: &Value, name: &str) -> Option<Timestamp> {
    text(value, name).parse().ok()
}

fn is_before(at: Timestamp, days: u32, now: Timestamp) -> bool {
    TimeSpan::hours(u64::from(days) * 24).after(at) <= now
}

/// Returns whether a rule covers a key. Keys of unknown age are not covered.
async fn is_stale(
    calls: &StepCalls<'_>,
    key: &Value,
    params: &KeyParams,
    now: Timestamp,
) -> Result<bool, StepError> {
    let Some(made) = instant(key, "CreateDate") else {
        return Ok(false);
    };
    if params
        .older_than_days
        .is_some_and(|days| is_before(made, days, now))
    {
        return Ok(true);
    }
    let Some(days) = params
        .unused_days
        .filter(|days| is_before(made, *days, now))
    else {
        return Ok(false);
    };
    let input = json!({ "AccessKeyId": text(key, "AccessKeyId") });
    let found = calls.read((IAM, "GetAccessKeyLastUsed"), input).await?;
    let used = found.get("AccessKeyLastUsed");
    let used = used.and_then(|it| instant(it, "LastUsedDate"));
    Ok(used.is_none_or(|at| is_before(at, days, now)))
}

pub(super) async fn look(
    calls: &StepCalls<'_>,
    resource: &str,
    params: &KeyParams,
    now: Timestamp,
) -> Result<StepProbe, StepError> {
    let user = user_of(resource)?;
    let mut stale = Vec::new();
    for key in keys(calls, user).await? {
        if text(&key, "Status") == "Active" && is_stale(calls, &key, params, now).await? {
            stale.push(json!(text(&key, "AccessKeyId")));
        }
    }
    if stale.is_empty() {
        return Ok(StepProbe::Satisfied);
    }
    Ok(StepProbe::Differs {
        old: json!({ "active": stale }),
    })
}

fn named(old: &Value) -> Vec<String> {
    let ids = old.get("active").and_then(Value::as_array);
    let ids = ids.into_iter().flatten();
    ids.filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}

pub(super) async fn set(
    calls: &StepCalls<'_>,
    resource: &str,
    old: &Value,
    status: &str,
) -> Result<(), StepError> {
    let user = user_of(resource)?;
    for id in named(old) {
        let input = json!({ "UserName": user, "AccessKeyId": id, "Status": status });
        calls.send((IAM, "UpdateAccessKey"), input).await?;
    }
    Ok(())
}

pub(super) async fn deactivated(
    calls: &StepCalls<'_>,
    resource: &str,
    before: &Value,
) -> Option<PartDone> {
    let new = form_now(calls, resource).await.ok()?;
    let mut done = named(before);
    done.retain(|id| new.get("keys").and_then(|it| it.get(id)?.as_str()) == Some("Inactive"));
    (!done.is_empty()).then(|| PartDone {
        old: json!({ "active": done }),
        new,
    })
}

pub(super) async fn form_now(calls: &StepCalls<'_>, resource: &str) -> Result<Value, StepError> {
    let found = keys(calls, user_of(resource)?).await?;
    let states = found.iter().map(|key| {
        let (id, status) = (text(key, "AccessKeyId"), text(key, "Status"));
        (id.to_owned(), json!(status))
    });
    let states: BTreeMap<String, Value> = states.collect();
    Ok(json!({ "keys": states }))
}

/// Checks whether the keys are active again; otherwise they must be as the action left them. Keys
/// are activated one by one, so a crash may leave the first ones active.
pub(super) async fn look_restored(
    calls: &StepCalls<'_>,
    resource: &str,
    old: &Value,
    left: Option<&Value>,
) -> Result<StepProbe, StepError> {
    let wanted = named(old);
    let found = form_now(calls, resource).await?;
    let status = |form: &Value, id: &str| {
        let state = form.get("keys").and_then(|it| it.get(id)?.as_str());
        state.map(str::to_owned)
    };
    let is_active = |id: &&String| status(&found, id).as_deref() == Some("Active");
    if let Some(gone) = wanted.iter().find(|id| status(&found, id).is_none()) {
        return Ok(drifted(&format!("key {gone} was deleted")));
    }
    let back = wanted.iter().take_while(is_active).count();
    if back == wanted.len() {
        return Ok(StepProbe::Satisfied);
    }
    if wanted.iter().skip(back).any(|id| is_active(&id)) {
        return Ok(drifted("a key was made active"));
    }
    let others = |form: &Value| {
        let keys = form.get("keys").and_then(Value::as_object).cloned();
        let mut keys = keys.unwrap_or_default();
        keys.retain(|id, _| !wanted.contains(id));
        keys
    };
    Ok(match left {
        Some(left) if others(left) != others(&found) => {
            drifted("other keys of the user were made, deleted or changed")
        }
        Some(_) | None => StepProbe::Absent,
    })
}
