//! Whether an organization has room for the accounts of a list (`organization.md` V-16).

use std::collections::BTreeMap;

use super::check::RowVerdict;
use super::facts::VendingFacts;

/// Accounts of a list that an organization has no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the organization has {have} accounts, the list makes {more}, and {allowed} are allowed")]
pub struct NoRoom {
    /// Accounts of the organization, closed ones, too: AWS counts them until they are gone.
    pub have: usize,
    /// Accounts that the list makes.
    pub more: usize,
    /// How many there may be.
    pub allowed: i64,
}

/// Accounts that are made for rows: those that are there already are none of them.
pub fn new_accounts(verdicts: &BTreeMap<usize, RowVerdict>) -> usize {
    let all = verdicts.values();
    all.filter(|it| matches!(it, RowVerdict::Valid(request) if request.there.is_none()))
        .count()
}

/// Whether the organization has room for them.
///
/// # Errors
/// It has not: the last of them would fail at AWS, after the others were made.
pub fn has_room(
    facts: &VendingFacts,
    verdicts: &BTreeMap<usize, RowVerdict>,
    allowed: i64,
) -> Result<(), NoRoom> {
    let (have, more) = (facts.accounts.len(), new_accounts(verdicts));
    if more == 0 || i64::try_from(have + more).is_ok_and(|it| it <= allowed) {
        return Ok(());
    }
    Err(NoRoom {
        have,
        more,
        allowed,
    })
}
