//! Executes policy steps in the administrator's home Region.

use std::collections::BTreeMap;

use hallpass_plans::{StepError, StepProbe};
use serde_json::{Value, json};

use super::desired::{DesiredAssociation, DesiredConfiguration, DesiredPolicy};
use super::facts::{OUR_POLICIES, SELF_MANAGED};
use super::hub::{HubReader, SECURITY_HUB};
use super::policies;
use crate::reading::{UnreadFact, text};
use crate::steps::{stored, unseen};

const UPDATED_REASON: &str = "hallpass: as the file says";

pub(super) type HubCall = (&'static str, Value);

fn written(wish: &DesiredPolicy) -> Value {
    let off = &wish.policy.off;
    json!({ "SecurityHub": {
        "ServiceEnabled": true, "EnabledStandardIdentifiers": wish.policy.standards,
        "SecurityControlsConfiguration": { "DisabledSecurityControlIdentifiers": off },
    } })
}

pub(super) async fn look_configuration(
    reader: HubReader<'_>,
    wish: &DesiredConfiguration,
) -> Result<StepProbe, StepError> {
    let operation = (SECURITY_HUB, "DescribeOrganizationConfiguration");
    let found = reader.reader().one(operation, json!({})).await;
    let found = found.map_err(unseen)?;
    let part = |name: &str| text(&found, &format!("/OrganizationConfiguration/{name}"));
    let now = DesiredConfiguration {
        kind: part("ConfigurationType").to_owned(),
        auto_enable: found.get("AutoEnable") == Some(&Value::Bool(true)),
        auto_enable_standards: text(&found, "/AutoEnableStandards").to_owned(),
    };
    match part("Status") {
        "PENDING" => Ok(StepProbe::InProgress {
            remote: now.kind.clone(),
        }),
        // a disabled configuration is not the wanted one, of any kind
        status @ ("FAILED" | "DISABLED") if now.kind == wish.kind => {
            Err(StepError::failed(status, part("StatusMessage")))
        }
        _ if now == *wish => Ok(StepProbe::Satisfied),
        _ => Ok(StepProbe::Differs { old: stored(&now) }),
    }
}

pub(super) fn configure(wish: &DesiredConfiguration) -> HubCall {
    let input = json!({
        "AutoEnable": wish.auto_enable, "AutoEnableStandards": wish.auto_enable_standards,
        "OrganizationConfiguration": { "ConfigurationType": wish.kind },
    });
    ("UpdateOrganizationConfiguration", input)
}

fn sorted(policy: &Value, pointer: &str) -> Vec<String> {
    let all = policy.pointer(pointer).and_then(Value::as_array);
    // parameters are not strings
    let mut all: Vec<String> = all.into_iter().flatten().map(Value::to_string).collect();
    all.sort();
    all
}

fn is_same(one: &Value, other: &Value) -> bool {
    let lists = [
        "/SecurityHub/EnabledStandardIdentifiers",
        "/SecurityHub/SecurityControlsConfiguration/DisabledSecurityControlIdentifiers",
        "/SecurityHub/SecurityControlsConfiguration/EnabledSecurityControlIdentifiers",
        "/SecurityHub/SecurityControlsConfiguration/SecurityControlCustomParameters",
    ];
    let on = |it: &Value| it.pointer("/SecurityHub/ServiceEnabled") == Some(&Value::Bool(true));
    on(one) == on(other) && lists.iter().all(|it| sorted(one, it) == sorted(other, it))
}

async fn id_of(reader: HubReader<'_>, name: &str) -> Result<Option<String>, UnreadFact> {
    let names: BTreeMap<String, String> = policies::names(&reader.reader()).await?;
    let found = names.into_iter().find(|(_, it)| it == name);
    Ok(found.map(|(id, _)| id))
}

/// Hallpass policies are found by name, others by id.
async fn policy_id(reader: HubReader<'_>, named: &str) -> Result<Option<String>, UnreadFact> {
    if named.starts_with(OUR_POLICIES) {
        id_of(reader, named).await
    } else {
        Ok(Some(named.to_owned()))
    }
}

pub(super) async fn look_policy(
    reader: HubReader<'_>,
    wish: &DesiredPolicy,
) -> Result<StepProbe, UnreadFact> {
    let Some(id) = id_of(reader, &wish.name).await? else {
        return Ok(StepProbe::Absent);
    };
    let operation = (SECURITY_HUB, "GetConfigurationPolicy");
    let found = reader
        .reader()
        .one(operation, json!({ "Identifier": id }))
        .await?;
    let found = found
        .get("ConfigurationPolicy")
        .cloned()
        .unwrap_or_default();
    Ok(if is_same(&found, &written(wish)) {
        StepProbe::Satisfied
    } else {
        StepProbe::Differs { old: found }
    })
}

pub(super) async fn put_policy(
    reader: HubReader<'_>,
    wish: &DesiredPolicy,
) -> Result<HubCall, UnreadFact> {
    let policy = written(wish);
    Ok(match id_of(reader, &wish.name).await? {
        None => (
            "CreateConfigurationPolicy",
            json!({ "Name": wish.name, "ConfigurationPolicy": policy }),
        ),
        Some(id) => (
            "UpdateConfigurationPolicy",
            json!({ "Identifier": id, "ConfigurationPolicy": policy, "UpdatedReason": UPDATED_REASON }),
        ),
    })
}

fn target(id: &str) -> Value {
    let name = match id {
        id if id.starts_with("r-") => "RootId",
        id if id.starts_with("ou-") => "OrganizationalUnitId",
        _ => "AccountId",
    };
    json!({ name: id })
}

/// Judges a target with its own policy that should have another.
pub(super) fn probe_own(policy: Option<&String>) -> StepProbe {
    match policy {
        Some(policy) => StepProbe::Differs {
            old: json!({ "policy": policy }),
        },
        None => StepProbe::Absent,
    }
}

/// A target's policy; its own one is restored by an undo.
pub(super) async fn look_association(
    reader: HubReader<'_>,
    wish: &DesiredAssociation,
) -> Result<StepProbe, StepError> {
    // first, so that the other read is the last before a write
    let wanted = match &wish.policy {
        Some(named) => policy_id(reader, named).await.map_err(unseen)?,
        None => None,
    };
    let operation = (SECURITY_HUB, "GetConfigurationPolicyAssociation");
    let input = json!({ "Target": target(&wish.target) });
    let none = "ResourceNotFoundException";
    let here = reader.reader();
    let found = here.one_unless(operation, input, none).await;
    let found = found.map_err(unseen)?.unwrap_or_default();
    let own = text(&found, "/AssociationType") == "APPLIED";
    let policy = text(&found, "/ConfigurationPolicyId");
    let differs = || probe_own(own.then(|| policy.to_owned()).as_ref());
    if wish.policy.is_none() {
        return Ok(if own { differs() } else { StepProbe::Satisfied });
    }
    if !own || wanted.as_deref() != Some(policy) {
        return Ok(differs());
    }
    match text(&found, "/AssociationStatus") {
        "PENDING" => Ok(StepProbe::InProgress {
            remote: wish.target.clone(),
        }),
        status @ ("FAILED" | "DISABLED") => Err(StepError::failed(
            status,
            text(&found, "/AssociationStatusMessage"),
        )),
        _ => Ok(StepProbe::Satisfied),
    }
}

pub(super) async fn put_association(
    reader: HubReader<'_>,
    wish: &DesiredAssociation,
) -> Result<Option<HubCall>, UnreadFact> {
    let target = target(&wish.target);
    let named = wish.policy.as_deref().unwrap_or(SELF_MANAGED);
    let Some(id) = policy_id(reader, named).await? else {
        return Ok(None);
    };
    let input = json!({ "ConfigurationPolicyIdentifier": id, "Target": target });
    Ok(Some(match wish.policy {
        Some(_) => ("StartConfigurationPolicyAssociation", input),
        None => ("StartConfigurationPolicyDisassociation", input),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_with_other_parameters_do_not_say_the_same() {
        let policy = |days: Option<u32>, off: [&str; 2]| {
            let parameters = days.map(
                |days| json!([{ "SecurityControlId": "ACM.1", "Parameters": { "days": days } }]),
            );
            json!({ "SecurityHub": {
                "ServiceEnabled": true, "EnabledStandardIdentifiers": ["s"],
                "SecurityControlsConfiguration": {
                    "DisabledSecurityControlIdentifiers": off,
                    "SecurityControlCustomParameters": parameters,
                },
            } })
        };
        let ours = policy(None, ["A.1", "B.1"]);
        assert!(is_same(&ours, &policy(None, ["B.1", "A.1"])));
        assert!(is_same(
            &policy(Some(30), ["A.1", "B.1"]),
            &policy(Some(30), ["B.1", "A.1"])
        ));
        assert!(!is_same(&ours, &policy(Some(30), ["A.1", "B.1"])));
        assert!(!is_same(
            &policy(Some(9), ["A.1", "B.1"]),
            &policy(Some(30), ["A.1", "B.1"])
        ));
    }
}
