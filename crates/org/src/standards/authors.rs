//! Finds the author of a standard's or control's state in `CloudTrail` (`organization.md` S-8).
//! Never guesses: the author is only named if the latest event is exactly this change.

use std::collections::BTreeMap;

use async_trait::async_trait;
use hallpass_base::{AccountId, TimeSpan, Timestamp};
use hallpass_enforcement::standards_visits::{ChangeAuthor, ChangedThing, StandardsChange};
use serde_json::Value;

use super::names::{is_called, short_name};

/// Searched period.
const LOOKED_BACK: TimeSpan = TimeSpan::hours(14 * 24);

const SET: &str = "BatchUpdateStandardsControlAssociations";
const SET_BY_STANDARD: &str = "UpdateStandardsControl";
const ENABLE: &str = "BatchEnableStandards";
const DISABLE: &str = "BatchDisableStandards";
const HUB_OFF: &str = "DisableSecurityHub";

/// Event names for [`HubLog`].
pub const HUB_EVENTS: [&str; 5] = [SET, SET_BY_STANDARD, ENABLE, DISABLE, HUB_OFF];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubChange {
    pub at: Timestamp,
    pub event: String,
    pub who: String,
    pub request: Value,
}

#[async_trait]
pub trait HubLog: Send + Sync {
    /// Successful changes of [`HUB_EVENTS`] in an account and Region since `since`, unordered.
    ///
    /// # Errors
    /// The read error, as text.
    async fn changes(
        &self,
        account: &AccountId,
        region: &str,
        since: Timestamp,
    ) -> Result<Vec<HubChange>, String>;
}

pub(super) async fn name_authors(
    log: &dyn HubLog,
    account: &AccountId,
    changes: &mut [StandardsChange],
    now: Timestamp,
) {
    let since = LOOKED_BACK.before(now);
    let mut read = BTreeMap::new();
    for change in changes.iter() {
        if !read.contains_key(&change.region) {
            let found = log.changes(account, &change.region, since).await;
            read.insert(change.region.clone(), found);
        }
    }
    for change in changes {
        change.author = match read.get(&change.region) {
            Some(Ok(found)) => author_of(change, found),
            Some(Err(why)) => ChangeAuthor::Unread(why.clone()),
            None => ChangeAuthor::NotInLog,
        };
    }
}

fn author_of(change: &StandardsChange, found: &[HubChange]) -> ChangeAuthor {
    let about = found
        .iter()
        .filter_map(|it| Some((it, turned(&change.what, it)?)));
    let last = about.max_by_key(|(it, _)| it.at);
    match last {
        Some((it, is_on)) if is_on != change.wanted_on => ChangeAuthor::Known {
            who: it.who.clone(),
            at: it.at,
            event: it.event.clone(),
        },
        // the latest event has the opposite effect: the change is missing
        Some(_) | None => ChangeAuthor::NotInLog,
    }
}

/// Whether an event enabled or disabled the item; `None` if unrelated.
fn turned(what: &ChangedThing, change: &HubChange) -> Option<bool> {
    let event = change.event.as_str();
    let request = &change.request;
    match what {
        ChangedThing::Hub => (event == HUB_OFF).then_some(false),
        ChangedThing::Standard(name) => match event {
            ENABLE => names_one(request, name).then_some(true),
            DISABLE => names_one(request, name).then_some(false),
            HUB_OFF => Some(false),
            _ => None,
        },
        ChangedThing::Control {
            standard, control, ..
        } => match event {
            SET => of_batch(request, standard, control),
            SET_BY_STANDARD => of_control(request, standard, control),
            _ => None,
        },
    }
}

/// Event members start in lower case, unlike the API.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    let mut found = members
        .iter()
        .filter(|(it, _)| it.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value)
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    member(value, name)?.as_str()
}

/// Checks if a standard or subscription ARN of a request is of this standard.
fn names_one(request: &Value, name: &str) -> bool {
    let rows = member(request, "StandardsSubscriptionRequests");
    let rows = rows.and_then(Value::as_array).into_iter().flatten();
    let asked = rows.filter_map(|row| text(row, "StandardsArn"));
    let arns = member(request, "StandardsSubscriptionArns");
    let arns = arns.and_then(Value::as_array).into_iter().flatten();
    let arns = arns.filter_map(Value::as_str);
    asked.chain(arns).any(|arn| {
        short_name(arn) == name
            || arn
                .split_once(":subscription/")
                .is_some_and(|(_, it)| it == name)
    })
}

fn of_batch(request: &Value, standard: &str, control: &str) -> Option<bool> {
    let rows = member(request, "StandardsControlAssociationUpdates")?.as_array()?;
    let is_it = |row: &&Value| {
        text(row, "StandardsArn").is_some_and(|it| short_name(it) == standard)
            && text(row, "SecurityControlId") == Some(control)
    };
    let row = rows.iter().rfind(is_it)?;
    Some(text(row, "AssociationStatus")? == "ENABLED")
}

fn of_control(request: &Value, standard: &str, control: &str) -> Option<bool> {
    let (_, named) = text(request, "StandardsControlArn")?.split_once(":control/")?;
    is_called(named, standard, control).then_some(())?;
    Some(text(request, "ControlStatus")? == "ENABLED")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(second: i64, event: &str, who: &str, request: Value) -> HubChange {
        HubChange {
            at: Timestamp::from_second(second).unwrap(),
            event: event.to_owned(),
            who: who.to_owned(),
            request,
        }
    }

    fn set(control: &str, status: &str) -> Value {
        json!({ "standardsControlAssociationUpdates": [{
            "standardsArn": "arn:aws:securityhub:eu-west-1::standards/pci-dss/v/3.2.1",
            "securityControlId": control, "associationStatus": status }] })
    }

    fn who(what: ChangedThing, found: &[HubChange]) -> String {
        let change = StandardsChange {
            region: "eu-west-1".to_owned(),
            what,
            wanted_on: true,
            author: ChangeAuthor::NotAsked,
        };
        match author_of(&change, found) {
            ChangeAuthor::Known { who, .. } => who,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn whoever_turned_exactly_that_off_last_is_named_and_nobody_else() {
        let control = |id: &str| ChangedThing::Control {
            standard: "pci-dss/v/3.2.1".to_owned(),
            control: id.to_owned(),
            reason: None,
        };
        let standard = || ChangedThing::Standard("pci-dss/v/3.2.1".to_owned());
        let off = json!({ "standardsSubscriptionArns": [
            "arn:aws:securityhub:eu-west-1:111122223333:subscription/pci-dss/v/3.2.1"] });
        let by_standard = json!({ "controlStatus": "DISABLED", "standardsControlArn":
            "arn:aws:securityhub:eu-west-1:111122223333:control/pci-dss/v/3.2.1/PCI.IAM.6" });
        let ana = event(1, SET, "ana", set("IAM.6", "DISABLED"));
        let ben = event(2, SET, "ben", set("IAM.6", "ENABLED"));
        let cai = event(3, SET_BY_STANDARD, "cai", by_standard);
        let dan = event(4, DISABLE, "dan", off);
        for (what, found, expected) in [
            (control("IAM.6"), vec![ana.clone()], "ana"),
            (control("IAM.66"), vec![ana.clone()], "NotInLog"),
            (control("IAM.6"), vec![ben.clone(), ana.clone()], "NotInLog"),
            (control("IAM.6"), vec![cai.clone(), ben, ana], "cai"),
            (standard(), vec![cai, dan.clone()], "dan"),
            (ChangedThing::Hub, vec![dan], "NotInLog"),
        ] {
            assert_eq!(who(what.clone(), &found), expected, "{what:?}");
        }
    }
}
