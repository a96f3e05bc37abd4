use std::collections::BTreeMap;

use hallpass_enforcement::OrganizationFault;
use hallpass_org::{Operation, ReadPlace};
use serde_json::{Value, json};

use super::hubs::{ADMIN, FakeHubs, Hub, State, Subscribed, short, text};

impl FakeHubs {
    pub(super) fn change(
        &self,
        place: &ReadPlace,
        (_, name): Operation,
        input: &Value,
    ) -> Result<Value, OrganizationFault> {
        let place = (place.account.clone(), place.region.clone());
        let (account, region) = (place.0.unwrap(), place.1.unwrap());
        let mut state = self.0.lock().unwrap();
        if write_centrally(&mut state, (account.as_str(), &region), name, input) {
            return Ok(json!({}));
        }
        let State {
            hubs,
            writes,
            batches,
            polls,
            stays,
            most,
            ..
        } = &mut *state;
        let hub = hubs
            .get_mut(&(account.to_string(), region.clone()))
            .unwrap();
        let rows = |list: &str| input[list].as_array().unwrap().clone();
        let mut told = |what: &str| writes.push(format!("{name} {account} {region} {what}"));
        match name {
            "EnableSecurityHub" => {
                assert_eq!(input["EnableDefaultStandards"], false);
                hub.off = false;
                told("");
            }
            "BatchEnableStandards" => {
                let of = Subscribed {
                    polls: *polls,
                    status: stays.map(|it| it.0),
                    reason: stays.map_or("", |it| it.1),
                };
                let wanted = rows("StandardsSubscriptionRequests");
                for it in enable(hub, &wanted, &of) {
                    told(&it);
                }
            }
            "BatchDisableStandards" => {
                let gone = disable(hub, &rows("StandardsSubscriptionArns"));
                told(&gone.join(" "));
            }
            "BatchUpdateStandardsControlAssociations" => {
                let updates = rows("StandardsControlAssociationUpdates");
                assert!(!hub.by_standard);
                if updates.len() > *most {
                    return Err(too_many());
                }
                batches.push(updates.len());
                let (taken, unprocessed) = update_controls(hub, updates);
                for it in &taken {
                    told(it);
                }
                return Ok(json!({ "UnprocessedAssociationUpdates": unprocessed }));
            }
            "UpdateStandardsControl" => told(&update_one(hub, input)),
            other => panic!("unexpected write {other}"),
        }
        Ok(json!({}))
    }
}

fn write_centrally(
    state: &mut State,
    (account, region): (&str, &str),
    name: &str,
    input: &Value,
) -> bool {
    if name == "UpdateOrganizationConfiguration" {
        assert_eq!((account, region), (ADMIN, "us-east-1"));
        let said = configure(&mut state.configuration, input);
        state.writes.push(said);
        return true;
    }
    let Some(policies) = state.policies.as_mut().filter(|_| account == ADMIN) else {
        return false;
    };
    let said = put_central(policies, &mut state.known, name, input);
    state.writes.push(format!("{name} {region} {said}"));
    true
}

fn configure(configuration: &mut Value, input: &Value) -> String {
    *configuration = input.clone();
    let kind = &input["OrganizationConfiguration"]["ConfigurationType"];
    let on = &input["AutoEnable"];
    format!("UpdateOrganizationConfiguration {kind} {on}")
}

fn too_many() -> OrganizationFault {
    let (code, message) = ("InvalidInputException".to_owned(), "too many".to_owned());
    OrganizationFault::Refused { code, message }
}

fn enable(hub: &mut Hub, wanted: &[Value], of: &Subscribed) -> Vec<String> {
    let standards: Vec<String> = wanted.iter().map(|it| text(it, "StandardsArn")).collect();
    for standard in &standards {
        assert!(hub.offered.contains(standard), "{standard}");
        hub.disabled.retain(|(it, _), _| it != standard);
        hub.on.insert(standard.clone(), of.clone());
    }
    standards
}

fn disable(hub: &mut Hub, arns: &[Value]) -> Vec<String> {
    let mut names = Vec::new();
    for arn in arns {
        let (_, name) = arn.as_str().unwrap().split_once("subscription/").unwrap();
        hub.on.retain(|it, _| short(it) != name);
        hub.disabled.retain(|(it, _), _| short(it) != name);
        names.push(name.to_owned());
    }
    names
}

fn update_controls(hub: &mut Hub, updates: Vec<Value>) -> (Vec<String>, Vec<Value>) {
    let (mut taken, mut unprocessed) = (Vec::new(), Vec::new());
    for row in updates {
        let (standard, control) = (text(&row, "StandardsArn"), text(&row, "SecurityControlId"));
        if control.starts_with("Bad.") {
            unprocessed.push(json!({ "StandardsControlAssociationUpdate": row,
                "ErrorCode": "INVALID_INPUT", "ErrorReason": "no" }));
            continue;
        }
        let status = &row["AssociationStatus"];
        taken.push(format!("{standard} {control} {status}"));
        set(
            hub,
            &standard,
            &control,
            status,
            row["UpdatedReason"].as_str(),
        );
    }
    (taken, unprocessed)
}

fn update_one(hub: &mut Hub, input: &Value) -> String {
    assert!(hub.by_standard);
    let arn = text(input, "StandardsControlArn");
    let (_, name) = arn.split_once(":control/").unwrap();
    let (standard, control) = name.rsplit_once("/X.").unwrap();
    let of = hub.on.keys().find(|it| short(it) == standard).cloned();
    let status = &input["ControlStatus"];
    let reason = input["DisabledReason"].as_str();
    set(hub, &of.unwrap(), control, status, reason);
    format!("{standard} {control} {status}")
}

fn put_central(
    policies: &mut BTreeMap<String, String>,
    known: &mut Vec<(String, String, Value)>,
    name: &str,
    input: &Value,
) -> String {
    let target = || {
        let all = input["Target"].as_object().unwrap();
        all.values().next().unwrap().as_str().unwrap().to_owned()
    };
    match name {
        "CreateConfigurationPolicy" => {
            let policy = input["ConfigurationPolicy"].clone();
            known.push((format!("id-{}", known.len()), text(input, "Name"), policy));
            text(input, "Name")
        }
        "UpdateConfigurationPolicy" => {
            let id = text(input, "Identifier");
            let found = known.iter_mut().find(|(it, ..)| *it == id);
            found.unwrap().2 = input["ConfigurationPolicy"].clone();
            id
        }
        "StartConfigurationPolicyAssociation" => {
            policies.insert(target(), text(input, "ConfigurationPolicyIdentifier"));
            target()
        }
        "StartConfigurationPolicyDisassociation" => {
            policies.remove(&target());
            target()
        }
        other => panic!("unexpected write {other}"),
    }
}

fn set(hub: &mut Hub, standard: &str, control: &str, status: &Value, reason: Option<&str>) {
    let on = hub.on.get(standard);
    // row 4: not before it is ready
    assert!(
        on.is_some_and(|it| it.polls == 0 && it.status.is_none()),
        "{standard} is not ready"
    );
    let key = (standard.to_owned(), control.to_owned());
    if status == "DISABLED" {
        assert!(reason.is_some(), "{control} without a reason");
        hub.disabled.insert(key, reason.map(str::to_owned));
    } else {
        hub.disabled.remove(&key);
    }
}
