//! Checks the account quota for a list (`organization.md` V-16).

use std::collections::BTreeMap;

use super::check::RowVerdict;
use super::facts::VendingFacts;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the organization has {have} accounts, the list makes {more}, and {allowed} are allowed")]
pub struct NoRoom {
    /// Includes closed accounts, which AWS counts until deletion.
    pub have: usize,
    pub more: usize,
    pub allowed: i64,
}

/// Excludes existing accounts.
pub fn new_accounts(verdicts: &BTreeMap<usize, RowVerdict>) -> usize {
    let all = verdicts.values();
    all.filter(|it| matches!(it, RowVerdict::Valid(request) if request.there.is_none()))
        .count()
}

/// Checks the quota.
///
/// # Errors
/// It is too low: the last accounts would fail after the others were created.
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
