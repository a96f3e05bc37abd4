//! Removes old snapshots and files of stopped runs.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_activity::ActivityManifest;
use hallpass_base::TimeSpan;
use hallpass_inventory::{SnapshotId, SnapshotRecord, SnapshotState};
use jiff::Timestamp;

use super::place::SeenFile;
use super::{ACCESS, MANIFESTS, Manifest, SnapshotFolder, WRITING, access_key, manifest_key};
use crate::failure::QueryFailure;

#[derive(Debug)]
pub(crate) struct Pruned {
    pub(crate) snapshots: Vec<SnapshotRecord>,
    pub(crate) unfinished: BTreeMap<SnapshotId, usize>,
}

impl SnapshotFolder {
    /// Removes all but the newest `keep` snapshots, as [`going`] selects, and files of runs not
    /// finished within `unfinished`.
    ///
    /// CRASH: the manifest is deleted first. Its files then belong to no snapshot, and the next
    /// prune finds them.
    pub(crate) async fn prune(
        &self,
        keep: usize,
        unfinished: TimeSpan,
        now: Timestamp,
    ) -> Result<Pruned, QueryFailure> {
        let manifests = self.list().await?;
        let going = going(&manifests, keep);
        for manifest in &going {
            let id = &manifest.record.id;
            self.place.remove(&[manifest_key(id)]).await?;
            let files = manifest.files.iter().map(|it| it.path.clone());
            let files: Vec<String> = files.chain([access_key(id)]).collect();
            self.place.remove(&files).await?;
        }
        let gone: BTreeSet<&SnapshotId> = going.iter().map(|it| &it.record.id).collect();
        let kept = manifests.iter().map(|it| &it.record.id);
        let kept: BTreeSet<&SnapshotId> = kept.filter(|it| !gone.contains(it)).collect();
        let left = left_over(self.place.files().await?, &kept, unfinished, now);
        for files in left.values() {
            self.place.remove(files).await?;
        }
        Ok(Pruned {
            snapshots: going.into_iter().map(|it| it.record.clone()).collect(),
            unfinished: left
                .into_iter()
                .map(|(id, files)| (id, files.len()))
                .collect(),
        })
    }
}

/// Returns the snapshots to remove, oldest first. Failed snapshots count separately, so they do not
/// displace usable ones.
pub(crate) fn going(manifests: &[Manifest], keep: usize) -> Vec<&Manifest> {
    let (mut readable, mut failed) = (0_usize, 0_usize);
    let newest_first = manifests.iter().rev();
    let mut going: Vec<&Manifest> = newest_first
        .filter(|it| {
            let seen = match it.record.state() {
                SnapshotState::Failed => &mut failed,
                SnapshotState::Complete | SnapshotState::Partial => &mut readable,
            };
            *seen += 1;
            *seen > keep
        })
        .collect();
    going.reverse();
    going
}

fn left_over(
    files: Vec<SeenFile>,
    kept: &BTreeSet<&SnapshotId>,
    unfinished: TimeSpan,
    now: Timestamp,
) -> BTreeMap<SnapshotId, Vec<String>> {
    let mut runs: BTreeMap<SnapshotId, (Timestamp, Vec<String>)> = BTreeMap::new();
    for file in files {
        let Some(id) = run_of(&file.key).filter(|id| !kept.contains(id)) else {
            continue;
        };
        let run = runs.entry(id).or_insert((file.modified, Vec::new()));
        run.0 = run.0.max(file.modified);
        run.1.push(file.key);
    }
    let is_old = |newest: Timestamp| unfinished.after(newest) <= now;
    let old = runs.into_iter().filter(|(_, (newest, _))| is_old(*newest));
    old.map(|(id, (_, files))| (id, files)).collect()
}

/// Returns the run of a file: `TABLE/dt=DAY/run=ID/…`, `_access/ID.json`, `_writing/ID/…`. The
/// activity table has its own manifest; its runs are not snapshots.
fn run_of(key: &str) -> Option<SnapshotId> {
    let parts: Vec<&str> = key.split('/').collect();
    match parts.as_slice() {
        [MANIFESTS | ActivityManifest::TABLE, ..] => None,
        [ACCESS, name] => name.strip_suffix(".json")?.parse().ok(),
        [WRITING, id, ..] => id.parse().ok(),
        [_, day, run, _] if day.starts_with("dt=") => run.strip_prefix("run=")?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-20T12:00:00Z";

    fn seen(key: &str, modified: &str) -> SeenFile {
        SeenFile {
            key: key.to_owned(),
            modified: modified.parse().unwrap(),
        }
    }

    #[test]
    fn only_what_nobody_writes_any_more_is_left_over() {
        let (old, young) = ("2026-11-20T10:00:00Z", "2026-11-20T11:30:00Z");
        let of = |id: &str| -> SnapshotId { id.parse().unwrap() };
        let (kept, dead, alive) = (
            of("20261119T000000Z-00000001"),
            of("20261120T095900Z-00000002"),
            of("20261120T112900Z-00000003"),
        );
        let other = of("20261120T095900Z-00000004");
        let files = vec![
            seen(&format!("t/dt=2026-11-19/run={kept}/part-0.parquet"), old),
            seen(&format!("t/dt=2026-11-20/run={dead}/part-0.parquet"), old),
            seen(&format!("_access/{dead}.json"), old),
            seen(&format!("_writing/{dead}/t.parquet"), old),
            seen(&format!("_manifests/{dead}.json"), old),
            seen(&format!("t/dt=2026-11-20/run={alive}/part-0.parquet"), old),
            seen(
                &format!("u/dt=2026-11-20/run={alive}/part-0.parquet"),
                young,
            ),
            seen("t/dt=2026-11-20/run=other/part-0.parquet", old),
            seen("notes/run.txt", old),
            seen(
                &format!("aws_activity/dt=2026-11-20/run={other}/part-0.parquet"),
                old,
            ),
        ];
        let kept = BTreeSet::from([&kept]);
        let now = NOW.parse().unwrap();
        let left = left_over(files.clone(), &kept, TimeSpan::hours(1), now);
        let names: Vec<&SnapshotId> = left.keys().collect();
        assert_eq!((names, left[&dead].len()), (vec![&dead], 3));
        let all = left_over(files, &kept, TimeSpan::hours(0), now);
        assert_eq!(all.len(), 2);
    }
}
