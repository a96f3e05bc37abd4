//! Selects the enrolment backend (`organization.md` N-5).

use super::EnrolmentRefused;
use super::facts::EnrolmentFacts;
use super::select::SelectedAccounts;
use super::spec::{EnrolmentBackend, EnrolmentRequest};
use crate::control_tower::LandingZone;
use hallpass_aws_model::facts;

/// The first version that enrols moved accounts.
const BY_ITSELF: (u32, u32) = (3, 1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenBackend {
    pub backend: EnrolmentBackend,
    pub reason: String,
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Why moved accounts are not enrolled automatically.
fn not_by_itself(zone: &LandingZone) -> Option<String> {
    let found = &zone.version;
    match version(found) {
        None => Some(format!("the landing zone's version `{found}` is not known")),
        Some(it) if it < BY_ITSELF => Some(format!(
            "landing zone {found} does not enrol accounts that are moved, as it does from 3.1 on"
        )),
        Some(_) if !zone.enrols_by_itself => Some(format!(
            "landing zone {found} has no remediation of inheritance drift, so moving an account does not enrol it"
        )),
        Some(_) => None,
    }
}

/// Account limit of a governed unit; AWS does not raise it.
const UNIT_ACCOUNTS: usize = facts::UNIT_ACCOUNTS.count();

/// The backend for a selection.
///
/// # Errors
/// As [`choose`], and if the unit cannot be registered.
pub fn choose_for(
    wish: &EnrolmentRequest,
    selected: &SelectedAccounts,
    facts: &EnrolmentFacts,
) -> Result<ChosenBackend, EnrolmentRefused> {
    let to = &selected.to.id;
    if !selected.registers {
        return choose(wish.via, to, facts);
    }
    let accounts = facts.standing.get(to).map_or(0, Vec::len);
    if accounts > UNIT_ACCOUNTS {
        return Err(EnrolmentRefused::TooMany {
            unit: to.clone(),
            accounts,
            most: UNIT_ACCOUNTS,
        });
    }
    let above = facts.units.iter().find(|it| it.id == *to);
    let above = above.map_or("", |it| it.parent.as_str());
    let is_governed = above == facts.root || facts.baselines.contains_key(&facts.unit_arn(above));
    if !is_governed {
        return Err(EnrolmentRefused::Unusable(format!(
            "--to {}: the unit above it, {above}, is not registered with Control Tower: register that first",
            wish.to
        )));
    }
    Ok(ChosenBackend {
        backend: EnrolmentBackend::Register,
        reason: format!(
            "Control Tower does not govern {} yet: it is registered, with the {accounts} accounts in it",
            selected.to.name
        ),
    })
}

/// The requested backend, or the first possible one.
///
/// # Errors
/// The requested backend is impossible.
pub fn choose(
    asked: Option<EnrolmentBackend>,
    to: &str,
    facts: &EnrolmentFacts,
) -> Result<ChosenBackend, EnrolmentRefused> {
    let none = || EnrolmentRefused::Unusable("there is no landing zone".to_owned());
    let zone = facts.zone.as_ref().ok_or_else(none)?;
    let chosen = |backend, reason: String| Ok(ChosenBackend { backend, reason });
    let has_baseline = facts.baselines.contains_key(&facts.unit_arn(to));
    let against_move = not_by_itself(zone);
    match asked {
        Some(EnrolmentBackend::Move) => match against_move {
            Some(why) => Err(EnrolmentRefused::Unusable(format!("--via move: {why}"))),
            None => chosen(EnrolmentBackend::Move, "asked for".to_owned()),
        },
        Some(EnrolmentBackend::Baseline) if !has_baseline => Err(EnrolmentRefused::Unusable(
            "--via baseline: the unit has no baseline that could be set again".to_owned(),
        )),
        Some(backend) => chosen(backend, "asked for".to_owned()),
        None => match against_move {
            None => chosen(
                EnrolmentBackend::Move,
                format!(
                    "landing zone {} enrols accounts that are moved",
                    zone.version
                ),
            ),
            Some(why) if has_baseline => chosen(EnrolmentBackend::Baseline, why),
            Some(why) => chosen(
                EnrolmentBackend::AccountFactory,
                format!("{why}, and the unit has no baseline that could be set again"),
            ),
        },
    }
}
