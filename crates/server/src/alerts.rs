use hallpass_alerts::{AlertRow, AlertState, RowPhase};
use hallpass_base::Timestamp;

pub(crate) fn muted(state: &AlertState, now: Timestamp) -> usize {
    let stands = |row: &AlertRow| matches!(row.phase, RowPhase::Active { .. });
    let rows = state.rows.iter();
    rows.filter(|(key, row)| stands(row) && state.mute_of(key, now).is_some())
        .count()
}

pub(crate) fn since(row: &AlertRow) -> Timestamp {
    match row.phase {
        RowPhase::New { .. } => row.first_seen,
        RowPhase::Active { since, .. } => since,
        RowPhase::Recovered { at } | RowPhase::Retired { at } => at,
    }
}
