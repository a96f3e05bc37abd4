//! Mutes rows, with an audit record (`inventory.md` R-8).

use hallpass_audit::Draft;

use crate::row::AlertRowKey;
use crate::rule::AlertRuleId;
use crate::state::{AlertState, Mute};

/// A changed mute and its record, stored together by
/// [`commit_mute`](crate::AlertStore::commit_mute).
#[derive(Clone, Debug)]
#[must_use = "a step that is not committed has not happened"]
pub struct MuteStep {
    /// Its `version` is as read.
    pub state: AlertState,
    pub record: Draft,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such row")]
pub struct NoSuchRow;

/// `record` has user and time.
///
/// # Errors
/// Unknown row.
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

/// # Errors
/// The row is not muted.
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
