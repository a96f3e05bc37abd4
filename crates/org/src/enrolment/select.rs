use std::collections::BTreeSet;

use hallpass_base::AccountId;

use super::EnrolmentRefused;
use super::facts::EnrolmentFacts;
use super::spec::{EnrolmentBackend, EnrolmentRequest};
use crate::vending::{OrgUnit, UnitRefused, VendingFacts, find_unit};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedAccount {
    pub account: AccountId,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedAccounts {
    pub accounts: BTreeSet<AccountId>,
    pub skipped: Vec<SkippedAccount>,
    pub to: OrgUnit,
    pub registers: bool,
}

/// Finds a unit; a target must be known to Control Tower.
pub(crate) fn unit_of(
    text: &str,
    facts: &EnrolmentFacts,
    governed: bool,
    flag: &str,
) -> Result<OrgUnit, EnrolmentRefused> {
    let known = VendingFacts {
        organization: facts.organization.clone(),
        root: facts.root.clone(),
        units: facts.units.clone(),
        has_landing_zone: governed,
        ..VendingFacts::default()
    };
    find_unit(text, &known).map_err(|why| {
        let why = match why {
            UnitRefused::Missing => "the unit does not exist".to_owned(),
            UnitRefused::NotRegistered => {
                "Control Tower does not govern the unit; naming it as `--ou-from` too, and nothing else, registers it \
                 with all accounts in it"
                    .to_owned()
            }
            other => other.to_string().replacen("OrgUnit", "the unit", 1),
        };
        EnrolmentRefused::Unusable(format!("{flag} {text}: {why}"))
    })
}

/// The target unit, and whether it is registered with all accounts: it is source and target, and
/// Control Tower does not govern it yet.
pub(crate) fn target_unit(
    wish: &EnrolmentRequest,
    facts: &EnrolmentFacts,
) -> Result<(OrgUnit, bool), EnrolmentRefused> {
    let found = unit_of(&wish.to, facts, false, "--to")?;
    let only_itself = wish.accounts.is_empty() && wish.emails.is_empty() && !wish.recursive;
    let by_baseline = matches!(wish.via, None | Some(EnrolmentBackend::Baseline));
    let is_governed = facts.baselines.contains_key(&facts.unit_arn(&found.id));
    if !is_governed && only_itself && by_baseline {
        let sources = source_units(wish, facts)?;
        if sources == BTreeSet::from([found.id.clone()]) {
            return Ok((found, true));
        }
    }
    Ok((unit_of(&wish.to, facts, true, "--to")?, false))
}

pub(crate) fn source_units(
    wish: &EnrolmentRequest,
    facts: &EnrolmentFacts,
) -> Result<BTreeSet<String>, EnrolmentRefused> {
    let mut meant = BTreeSet::new();
    for text in &wish.units {
        let top = unit_of(text, facts, false, "--ou-from")?.id;
        if wish.recursive {
            let below = facts
                .units
                .iter()
                .filter(|it| facts.path(&it.id).contains(&top));
            meant.extend(below.map(|it| it.id.clone()));
        }
        meant.insert(top);
    }
    Ok(meant)
}

/// Selects accounts.
///
/// # Errors
/// An unknown unit, account or address, or an empty selection.
pub fn select(
    wish: &EnrolmentRequest,
    facts: &EnrolmentFacts,
) -> Result<SelectedAccounts, EnrolmentRefused> {
    let unusable = |text: String| Err(EnrolmentRefused::Unusable(text));
    if facts.zone.is_none() {
        return unusable(
            "there is no landing zone of Control Tower in this Region: set `aws.region` to its home Region".to_owned(),
        );
    }
    let (to, registers) = target_unit(wish, facts)?;
    let mut meant = BTreeSet::new();
    for unit in source_units(wish, facts)? {
        meant.extend(facts.standing.get(&unit).into_iter().flatten().cloned());
    }
    for account in &wish.accounts {
        if !facts.accounts.contains_key(account) {
            return unusable(format!(
                "--account {account}: the organization has no such account"
            ));
        }
        meant.insert(account.clone());
    }
    for email in &wish.emails {
        let mut all = facts.accounts.values();
        let found = all.find(|it| it.email.eq_ignore_ascii_case(email));
        let Some(found) = found else {
            return unusable(format!(
                "--email {email}: no account of the organization has it"
            ));
        };
        meant.insert(found.id.clone());
    }
    let (mut accounts, mut skipped) = (BTreeSet::new(), Vec::new());
    for account in meant {
        match left_out(&account, facts) {
            Some(reason) => skipped.push(SkippedAccount { account, reason }),
            None => {
                accounts.insert(account);
            }
        }
    }
    Ok(SelectedAccounts {
        accounts,
        skipped,
        to,
        registers,
    })
}

pub(crate) fn left_out(account: &AccountId, facts: &EnrolmentFacts) -> Option<String> {
    let is = |other: Option<&AccountId>| other == Some(account);
    let zone = facts.zone.as_ref();
    if account.as_str() == facts.management {
        return Some("management account".to_owned());
    }
    if is(zone.and_then(|it| it.log_archive.as_ref())) {
        return Some("shared account (log archive)".to_owned());
    }
    if is(zone.and_then(|it| it.audit.as_ref())) {
        return Some("shared account (audit)".to_owned());
    }
    let state = facts.accounts.get(account).map(|it| it.state.as_str());
    match state {
        Some("ACTIVE") => None,
        Some(other) => Some(other.to_lowercase().replace('_', " ")),
        None => Some("not of this organization".to_owned()),
    }
}
