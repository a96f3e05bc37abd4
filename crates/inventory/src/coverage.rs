//! Reports collection coverage of queried tables: no table is silently empty (`inventory.md` T-5).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::snapshot::{SliceKey, SliceOutcome, SnapshotId, SnapshotRecord};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableCoverage {
    NotSynced,
    Partial(Vec<FailureGroup>),
    Complete,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureGroup {
    pub stage: String,
    pub code: String,
    pub slices: Vec<SliceKey>,
}

pub fn coverage_of(record: &SnapshotRecord, table: &str) -> TableCoverage {
    let mut slices = record.slices_of(table).peekable();
    if slices.peek().is_none() {
        return TableCoverage::NotSynced;
    }
    let mut groups: BTreeMap<(&str, &str), Vec<SliceKey>> = BTreeMap::new();
    for slice in slices {
        // the first failure is the cause of later ones
        if let Some(failure) = slice.outcome.failures().next() {
            let group = groups.entry((&failure.stage, &failure.code)).or_default();
            group.push(slice.key.clone());
        }
    }
    if groups.is_empty() {
        return TableCoverage::Complete;
    }
    let groups = groups
        .into_iter()
        .map(|((stage, code), slices)| FailureGroup {
            stage: stage.to_owned(),
            code: code.to_owned(),
            slices,
        });
    TableCoverage::Partial(groups.collect())
}

/// The newest earlier snapshot, not older than `most`, with the slice; a failed slice may take its
/// rows (`inventory.md` T-6).
pub fn carried_from<'a>(
    slice: &SliceKey,
    earlier: impl IntoIterator<Item = &'a SnapshotRecord>,
    now: Timestamp,
    most: SignedDuration,
) -> Option<&'a SnapshotId> {
    let has_it = |record: &&SnapshotRecord| {
        now.duration_since(record.finished) <= most
            && record
                .slices_of(&slice.table)
                .any(|it| it.key == *slice && matches!(it.outcome, SliceOutcome::Ok { .. }))
    };
    let found = earlier.into_iter().filter(has_it);
    found.map(|record| &record.id).max()
}
