//! Rows that are not told for a while, and the record of who wanted that (`inventory.md` R-8).

use hallpass_audit::Draft;

use crate::row::AlertRowKey;
use crate::rule::AlertRuleId;
use crate::state::{AlertState, Mute};

/// A state with another mute, and the record of that: stored together by
/// [`commit_mute`](crate::AlertStore::commit_mute).
#[derive(Clone, Debug)]
#[must_use = "a step that is not committed has not happened"]
pub struct MuteStep {
    /// The state; its `version` is the one that was read.
    pub state: AlertState,
    /// Who changed it, and why.
    pub record: Draft,
}

/// The rule has no such row, or no such row is muted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such row")]
pub struct NoSuchRow;

/// A row that is not told for a while. `record` says who did it and when.
///
/// # Errors
/// The rule has no such row.
pub fn mute(state: AlertState, mute: Mute, record: Draft) -> Result<MuteStep, NoSuchRow> {
    if !state.rows.contains_key(&mute.key) {
        return Err(NoSuchRow);
    }
    let record = about(record, &state.rule, &mute.key)
        .reason(&mute.reason)
        .ends_at(mute.until);
    Ok(MuteStep {
        state: state.muted(mute),
        record,
    })
}

/// A muted row that is told again.
///
/// # Errors
/// No such row is muted.
pub fn unmute(
    state: AlertState,
    key: &AlertRowKey,
    reason: &str,
    record: Draft,
) -> Result<MuteStep, NoSuchRow> {
    let record = about(record, &state.rule, key).reason(reason);
    let state = state.unmuted(key).ok_or(NoSuchRow)?;
    Ok(MuteStep { state, record })
}

fn about(record: Draft, rule: &AlertRuleId, key: &AlertRowKey) -> Draft {
    record.why(&format!("{rule} {key}"))
}
