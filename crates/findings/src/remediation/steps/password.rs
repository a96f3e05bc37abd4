use hallpass_plans::{StepError, StepProbe};
use serde_json::{Map, Value, json};

use super::drifted;
use super::place::{StepCalls, number};
use crate::remediation::action::{CharacterKind, PasswordParams};

const IAM: &str = "iam";
/// Writable members; the other members are derived.
const WRITTEN: [&str; 9] = [
    "MinimumPasswordLength",
    "RequireSymbols",
    "RequireNumbers",
    "RequireUppercaseCharacters",
    "RequireLowercaseCharacters",
    "AllowUsersToChangePassword",
    "MaxPasswordAge",
    "PasswordReusePrevention",
    "HardExpiry",
];

async fn policy(calls: &StepCalls<'_>) -> Result<Option<Value>, StepError> {
    let operation = (IAM, "GetAccountPasswordPolicy");
    let found = calls
        .read_unless(
            operation,
            json!({}),
            &["NoSuchEntity", "NoSuchEntityException"],
        )
        .await?;
    Ok(found.and_then(|it| it.get("PasswordPolicy").cloned()))
}

fn written(policy: &Value) -> Map<String, Value> {
    let members = policy.as_object().into_iter().flatten();
    members
        .filter(|(name, value)| WRITTEN.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Drops members without effect: AWS also returns members that were never set.
fn demands(policy: &Value) -> Map<String, Value> {
    let mut members = written(policy);
    members.retain(|_, value| *value != json!(false) && *value != json!(0));
    members
}

/// Returns a policy at least as strict as both.
fn raised(found: &Value, least: &PasswordParams) -> Map<String, Value> {
    let mut policy = written(found);
    let mut more = |name: &str, least: u32| {
        let value = number(found, name).unwrap_or(0).max(i64::from(least));
        if value > 0 {
            policy.insert(name.to_owned(), json!(value));
        }
    };
    more("MinimumPasswordLength", least.min_length);
    more("PasswordReusePrevention", least.remembered);
    for kind in CharacterKind::ALL {
        let is_on = found.get(kind.member()).and_then(Value::as_bool) == Some(true);
        let wanted = least.characters.contains(&kind);
        policy.insert(kind.member().to_owned(), json!(is_on || wanted));
    }
    if let Some(days) = least.max_age_days {
        // zero means no limit
        let own = number(found, "MaxPasswordAge").filter(|it| *it > 0);
        let days = own.map_or(i64::from(days), |own| own.min(i64::from(days)));
        policy.insert("MaxPasswordAge".to_owned(), json!(days));
    }
    policy
}

pub(super) async fn look(
    calls: &StepCalls<'_>,
    least: &PasswordParams,
) -> Result<StepProbe, StepError> {
    let found = policy(calls).await?;
    if let Some(found) = &found
        && raised(found, least) == written(found)
    {
        return Ok(StepProbe::Satisfied);
    }
    let found = found.map(|it| Value::Object(written(&it)));
    Ok(StepProbe::Differs {
        old: json!({ "policy": found }),
    })
}

fn old_policy(old: &Value) -> &Value {
    old.get("policy").unwrap_or(&Value::Null)
}

pub(super) async fn raise(
    calls: &StepCalls<'_>,
    old: &Value,
    least: &PasswordParams,
) -> Result<(), StepError> {
    let wanted = Value::Object(raised(old_policy(old), least));
    let operation = (IAM, "UpdateAccountPasswordPolicy");
    calls.send(operation, wanted).await.map(drop)
}

/// Checks whether the old policy is back; otherwise it must equal the raised one.
pub(super) async fn look_restored(
    calls: &StepCalls<'_>,
    old: &Value,
    least: &PasswordParams,
) -> Result<StepProbe, StepError> {
    let found = policy(calls).await?;
    let found = found.map_or(Value::Null, |it| Value::Object(written(&it)));
    let old = old_policy(old);
    let left = Value::Object(raised(old, least));
    Ok(if found == *old {
        StepProbe::Satisfied
    } else if demands(&found) == demands(&left) {
        StepProbe::Absent
    } else {
        drifted("the password policy was changed")
    })
}

pub(super) async fn restore(calls: &StepCalls<'_>, old: &Value) -> Result<(), StepError> {
    let old = old_policy(old);
    let sent = if old.is_null() {
        calls
            .send((IAM, "DeleteAccountPasswordPolicy"), json!({}))
            .await
    } else {
        let operation = (IAM, "UpdateAccountPasswordPolicy");
        calls.send(operation, old.clone()).await
    };
    sent.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ever_lowered() {
        let least = PasswordParams {
            max_age_days: Some(90),
            ..PasswordParams::default()
        };
        let strict = json!({
            "MinimumPasswordLength": 20, "RequireSymbols": true, "RequireNumbers": true,
            "RequireUppercaseCharacters": true, "RequireLowercaseCharacters": true,
            "MaxPasswordAge": 30, "PasswordReusePrevention": 24, "ExpirePasswords": true, "HardExpiry": false,
        });
        assert_eq!(raised(&strict, &least), written(&strict));
        let weak = json!({ "MinimumPasswordLength": 6, "MaxPasswordAge": 0, "AllowUsersToChangePassword": true });
        let better = raised(&weak, &least);
        assert_eq!(better["MinimumPasswordLength"], 14);
        assert_eq!(better["MaxPasswordAge"], 90);
        assert_eq!(better["AllowUsersToChangePassword"], true);
    }

    #[test]
    fn what_aws_adds_to_a_policy_that_was_written_demands_nothing() {
        let sent = raised(&Value::Null, &PasswordParams::default());
        let mut shown = sent.clone();
        for name in ["AllowUsersToChangePassword", "HardExpiry"] {
            shown.insert(name.to_owned(), json!(false));
        }
        let demanded = demands(&Value::Object(sent));
        assert_eq!(demands(&Value::Object(shown.clone())), demanded);
        shown.insert("HardExpiry".to_owned(), json!(true));
        assert_ne!(demands(&Value::Object(shown)), demanded);
    }
}
