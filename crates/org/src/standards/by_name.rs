//! Plans for a place whose Security Hub is off: its standards and controls are unknown then, so the
//! plan has the file's names, which are resolved later.

use hallpass_plans::StepError;

use super::desired::{DesiredControls, DesiredStandards};
use super::facts::{ControlUpdate, NamedControl, StandardSubscription};
use super::hub::HubReader;
use super::names::{ControlName, ControlPlace, offered_as, short_name};
use crate::steps::unseen;

pub(super) async fn standards(
    reader: HubReader<'_>,
    wish: DesiredStandards,
) -> Result<DesiredStandards, StepError> {
    if wish.names.is_empty() {
        return Ok(wish);
    }
    let offered = reader.offered().await.map_err(unseen)?;
    let mut arns = wish.arns;
    for name in &wish.names {
        let found = offered_as(&offered, name).ok_or_else(|| {
            let text = format!("`{name}` is not offered in {}", reader.region);
            StepError::failed("not_offered", &text)
        })?;
        arns.push(found.clone());
    }
    Ok(DesiredStandards {
        arns,
        names: Vec::new(),
    })
}

/// In each enabled standard; the last entry for a control wins.
pub(super) async fn controls(
    reader: HubReader<'_>,
    wish: DesiredControls,
    on: &[StandardSubscription],
) -> Result<DesiredControls, StepError> {
    if wish.named.is_empty() {
        return Ok(wish);
    }
    let wrong = |text: String| StepError::failed("plan", &text);
    let mut entries = Vec::new();
    for entry in &wish.named {
        let name = ControlName::read(&entry.name).map_err(wrong)?;
        entries.push((name, entry));
    }
    let mut updates = wish.updates;
    for standard in on.iter().filter(|it| it.is_on()) {
        let standard = &standard.standard;
        let ids = reader.controls(standard).await.map_err(unseen)?;
        let pairs = ids.iter().map(|id| (standard.clone(), id.clone()));
        let pairs: Vec<(String, String)> = pairs.collect();
        let known = reader.associations(&pairs).await.map_err(unseen)?;
        for (key, id) in pairs.iter().zip(&ids) {
            let place = ControlPlace {
                account: reader.account.as_str(),
                region: reader.region,
                short: short_name(standard),
                id,
                arns: known.get(key).map_or(&[], |it| it.arns.as_slice()),
            };
            let is_for = |(name, entry): &&(ControlName, &NamedControl)| {
                let of = entry.standards.as_ref();
                of.is_none_or(|it| it.iter().any(|it| it == place.short)) && name.names(&place)
            };
            if let Some((_, entry)) = entries.iter().rfind(is_for) {
                updates.push(ControlUpdate {
                    standard: standard.clone(),
                    control: id.clone(),
                    status: entry.status,
                    reason: entry.reason.clone(),
                });
            }
        }
    }
    Ok(DesiredControls {
        updates,
        named: Vec::new(),
    })
}
