use hallpass_base::{Clock, Timestamp};
use hallpass_enforcement::OrganizationFault;
use hallpass_org::{Operation, ReadPlace, SendAnswer};
use serde_json::{Value, json};

use super::tower::{
    ENROLLING, FakeTower, IDENTITY_CENTER, LAUNCHING, MANAGEMENT, Product, State, UNITS_KIND,
    fault, text,
};

impl FakeTower {
    fn config(state: &mut State, name: &str, place: (String, String), input: &Value) {
        match name {
            "StopConfigurationRecorder" => {
                state.recorders.insert(place, false);
            }
            "StartConfigurationRecorder" => {
                state.recorders.insert(place, true);
            }
            "DeleteConfigurationRecorder" => {
                state.recorders.remove(&place);
            }
            "DeleteDeliveryChannel" => {
                assert_ne!(
                    state.recorders.get(&place),
                    Some(&true),
                    "the recorder records"
                );
                state.channels.remove(&place);
            }
            "PutConfigurationRecorder" => {
                assert_eq!(input["ConfigurationRecorder"], json!({ "name": "default" }));
                state.recorders.insert(place, false);
            }
            "PutDeliveryChannel" => {
                state.channels.insert(place);
            }
            other => panic!("unexpected write {other}"),
        }
    }

    fn relocate(state: &mut State, input: &Value, now: Timestamp) -> Result<(), OrganizationFault> {
        let (id, from, to) = (
            text(input, "/AccountId"),
            text(input, "/SourceParentId"),
            text(input, "/DestinationParentId"),
        );
        if state.parent(&id) != from {
            return Err(fault("DuplicateAccountException"));
        }
        state.put(&id, &to);
        let by_itself = state.zone["remediationTypes"]
            .as_array()
            .is_some_and(|it| !it.is_empty());
        if by_itself && state.is_governed(&to) {
            let failed = state.unlucky.contains(&id);
            state
                .enrolled
                .insert(id, (to, ENROLLING.after(now), failed));
        }
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "writes have one form")]
    fn provision(
        state: &mut State,
        input: &Value,
        now: Timestamp,
    ) -> Result<Value, OrganizationFault> {
        let name = text(input, "/ProvisionedProductName");
        let answer = json!({ "RecordDetail": { "RecordId": format!("rec-{name}") } });
        let token = text(input, "/ProvisionToken");
        assert_eq!(text(input, "/ProvisioningArtifactId"), "pa-2");
        assert!(
            state
                .principals
                .contains(&format!("arn:aws:iam::{MANAGEMENT}:user/admin"))
        );
        if state
            .products
            .get(&name)
            .is_some_and(|it| it.token == token)
        {
            state.writes.pop();
            return Ok(answer);
        }
        let busy = state.products.values().any(|it| it.due > now)
            || state.others.values().any(|it| *it > now);
        assert!(!busy, "two concurrent launches");
        let parameter = |key: &str| {
            let all = input["ProvisioningParameters"].as_array().unwrap();
            text(all.iter().find(|it| it["Key"] == key).unwrap(), "/Value")
        };
        let email = parameter("AccountEmail");
        let account = state
            .accounts
            .values()
            .find(|it| it["Email"] == email.as_str())
            .unwrap();
        let account = text(account, "/Id");
        let unit = parameter("ManagedOrganizationalUnit");
        let unit = state
            .units
            .iter()
            .find(|it| it["Name"] == unit.split(" (").next().unwrap())
            .unwrap();
        let product = Product {
            failed: state.unlucky.contains(&account),
            token,
            account,
            unit: text(unit, "/Id"),
            due: LAUNCHING.after(now),
        };
        state.products.insert(name, product);
        Ok(answer)
    }

    fn reset(state: &mut State, input: &Value, now: Timestamp) -> Result<Value, OrganizationFault> {
        let unit = text(input, "/enabledBaselineIdentifier")
            .trim_start_matches("base/")
            .to_owned();
        if state.resets.values().any(|(_, due)| *due > now) {
            state.writes.pop();
            return Err(OrganizationFault::Conflict {
                message: "busy".to_owned(),
            });
        }
        state.enrolled.retain(|_, it| it.0 != unit || !it.2);
        let id = format!("op-{}", state.resets.len());
        state
            .resets
            .insert(id.clone(), (unit, ENROLLING.after(now)));
        Ok(json!({ "operationIdentifier": id }))
    }

    fn register(
        state: &mut State,
        input: &Value,
        now: Timestamp,
    ) -> Result<Value, OrganizationFault> {
        let identity_center =
            json!([{ "key": "IdentityCenterEnabledBaselineArn", "value": IDENTITY_CENTER }]);
        assert_eq!(input["parameters"], identity_center);
        assert_eq!(
            (&input["baselineIdentifier"], &input["baselineVersion"]),
            (&UNITS_KIND.into(), &"4.0".into())
        );
        let unit = text(input, "/targetIdentifier");
        let unit = unit.rsplit('/').next().unwrap().to_owned();
        let busy = state.resets.values().any(|(_, due)| *due > now);
        if busy || state.is_governed(&unit) {
            state.writes.pop();
            let message = "busy, or enabled already".to_owned();
            return Err(OrganizationFault::Conflict { message });
        }
        let row = state.units.iter_mut().find(|it| it["Id"] == unit.as_str());
        row.unwrap()["ControlTowerRegistered"] = true.into();
        let id = format!("op-{}", state.resets.len());
        state
            .resets
            .insert(id.clone(), (unit, ENROLLING.after(now)));
        Ok(json!({ "operationIdentifier": id }))
    }

    pub(super) fn write(
        &self,
        place: &ReadPlace,
        (service, name): Operation,
        input: &Value,
    ) -> SendAnswer {
        let now = self.clock.now();
        let state = &mut *self.state.lock().unwrap();
        state.settle(now);
        state.arrive();
        if service == "cloudformation" {
            let done = state.stacks.write(name, input, now)?;
            state.writes.extend(done);
            return Ok(json!({}));
        }
        let account = place
            .account
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let place = (account.clone(), place.region.clone().unwrap_or_default());
        let about = [
            "/AccountId",
            "/ProvisionedProductName",
            "/enabledBaselineIdentifier",
            "/enabledControlIdentifier",
            "/PrincipalARN",
            "/targetIdentifier",
        ];
        let about: String = about.iter().map(|it| text(input, it)).collect();
        state
            .writes
            .push(format!("{name} {} {}{about}", place.1, place.0));
        match name {
            "MoveAccount" => {
                if let Err(why) = Self::relocate(state, input, now) {
                    state.writes.pop();
                    return Err(why);
                }
            }
            "ProvisionProduct" => return Self::provision(state, input, now),
            "AssociatePrincipalWithPortfolio" => {
                state.principals.insert(text(input, "/PrincipalARN"));
            }
            "ResetEnabledBaseline" => return Self::reset(state, input, now),
            "EnableBaseline" => return Self::register(state, input, now),
            "ResetEnabledControl" => {
                let control = text(input, "/enabledControlIdentifier");
                state.control_resets.insert(control, ENROLLING.after(now));
            }
            "CreateRole" | "AttachRolePolicy" => {
                let made = if name == "CreateRole" {
                    "AWSControlTowerExecution"
                } else {
                    "granted"
                };
                if !state
                    .roles
                    .get_mut(&account)
                    .unwrap()
                    .insert(made.to_owned())
                {
                    state.writes.pop();
                }
            }
            other => Self::config(state, other, place, input),
        }
        Ok(json!({}))
    }
}
