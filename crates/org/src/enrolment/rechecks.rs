//! Rechecks prerequisites directly before a move: a move is never undone silently, so causes of a
//! later failure are found first (`organization.md` N-2, N-7).

use hallpass_base::account_state;
use hallpass_plans::StepError;
use serde_json::json;

use super::gather::region_config;
use super::plan::{MoveNeeds, UnitMove};
use super::roles::EnrolmentCalls;
use crate::control_tower::{BaselineStatus, enabled, has_controls};
use crate::reading::{ReadFact, ReadPlace, Reader, text};
use crate::steps::unseen;

const ORGANIZATIONS: &str = "organizations";

/// Why a move cannot enrol the account; `None` without an obstacle.
pub(super) async fn obstacle(
    calls: &EnrolmentCalls,
    place: &UnitMove,
    needs: &MoveNeeds,
) -> Result<Option<String>, StepError> {
    if let Some(reason) = of_account(calls, place).await? {
        return Ok(Some(reason));
    }
    if let Some(reason) = of_unit(calls, place, needs).await? {
        return Ok(Some(reason));
    }
    inside(calls, place, needs).await
}

fn home(calls: &EnrolmentCalls) -> Reader<'_> {
    Reader {
        calls: calls.home.as_ref(),
        place: ReadPlace::default(),
    }
}

async fn of_account(calls: &EnrolmentCalls, place: &UnitMove) -> Result<Option<String>, StepError> {
    let id = &place.account;
    let operation = (ORGANIZATIONS, "DescribeAccount");
    let input = json!({ "AccountId": id });
    let missing = "AccountNotFoundException";
    let found = home(calls).one_unless(operation, input, missing).await;
    let Some(found) = found.map_err(unseen)? else {
        return Ok(Some(format!(
            "account {id} is no longer in the organization"
        )));
    };
    let state = account_state(|it| found.get("Account")?.get(it)?.as_str());
    if state.is_some_and(|it| it != "ACTIVE") {
        let state = state.unwrap_or_default().to_lowercase().replace('_', " ");
        return Ok(Some(format!("account {id} is {state}")));
    }
    let own = enabled(calls.home.as_ref(), Some(&place.account_arn)).await;
    let own = own.map_err(unseen)?.remove(&place.account_arn);
    if own.is_none() && is_controlled(calls, place).await.map_err(unseen)? {
        return Ok(Some(format!(
            "account {id} has controls of Control Tower by now, where it stands"
        )));
    }
    Ok(own
        .filter(|it| it.status != BaselineStatus::Failed)
        .map(|_| format!("account {id} is enrolled by now, where it stands")))
}

/// Checks for controls if the unit has no baseline that would show it.
async fn is_controlled(calls: &EnrolmentCalls, place: &UnitMove) -> ReadFact<bool> {
    let arn = &place.account_arn;
    // `arn:…:account/o-…/111122223333` and `arn:…:ou/o-…/ou-…`
    let head = arn.strip_suffix(place.account.as_str()).unwrap_or(arn);
    let from = format!("{}{}", head.replace(":account/", ":ou/"), place.from);
    if enabled(calls.home.as_ref(), Some(&from))
        .await?
        .contains_key(&from)
    {
        return Ok(false);
    }
    has_controls(&home(calls), arn).await
}

async fn of_unit(
    calls: &EnrolmentCalls,
    place: &UnitMove,
    needs: &MoveNeeds,
) -> Result<Option<String>, StepError> {
    let (unit, was) = (&place.to, &needs.unit_name);
    let operation = (ORGANIZATIONS, "DescribeOrganizationalUnit");
    let input = json!({ "OrganizationalUnitId": unit });
    let missing = "OrganizationalUnitNotFoundException";
    let found = home(calls).one_unless(operation, input, missing).await;
    let Some(found) = found.map_err(unseen)? else {
        return Ok(Some(format!("unit `{was}` ({unit}) no longer exists")));
    };
    let name = text(&found, "/OrganizationalUnit/Name");
    if name != was.as_str() {
        return Ok(Some(format!(
            "unit {unit} is called `{name}` by now, and was `{was}`"
        )));
    }
    let arn = &needs.unit_arn;
    let baseline = enabled(calls.home.as_ref(), Some(arn)).await;
    let baseline = baseline.map_err(unseen)?.remove(arn);
    Ok(match baseline {
        None => Some(format!(
            "Control Tower no longer governs unit `{was}` ({unit})"
        )),
        Some(it) if it.status == BaselineStatus::Failed => Some(format!(
            "the baseline of unit `{was}` ({unit}) has failed: set it again in Control Tower"
        )),
        Some(_) => None,
    })
}

/// The account's own Config resources that Control Tower would refuse.
async fn inside(
    calls: &EnrolmentCalls,
    place: &UnitMove,
    needs: &MoveNeeds,
) -> Result<Option<String>, StepError> {
    let mut entered = None;
    for (role, by) in &calls.trusted {
        if calls.enters(&place.account, role).await.map_err(unseen)? {
            entered = Some(by);
            break;
        }
    }
    let Some(by) = entered else {
        return Ok(Some(format!(
            "the management account can no longer enter account {}",
            place.account
        )));
    };
    let mut found = Vec::new();
    for region in needs.regions.iter().filter(|_| !needs.config_may_stay) {
        let config = region_config(by.as_ref(), &place.account, region).await;
        let config = config.map_err(unseen)?;
        if config.recorder.is_some() {
            found.push(format!("config-recorder in {region}"));
        }
        if config.channel.is_some() {
            found.push(format!("delivery-channel in {region}"));
        }
    }
    Ok((!found.is_empty()).then(|| {
        format!(
            "{}: `--fix config` deletes it, and keeps its settings",
            found.join(", ")
        )
    }))
}
