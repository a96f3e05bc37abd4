//! Access data of snapshots: `_access/ID.json` in their folder or bucket, valid once a manifest
//! exists (`inventory.md` T-1).

use std::io;

use hallpass_inventory::{AccessSnapshot, SnapshotId};
use hallpass_terminal::exit::Failure;

use crate::host::snapshots_at::{OpenSnapshots, SnapshotsAt};

const ACCESS: &str = "_access";
pub const MANIFESTS: &str = "_manifests";

pub async fn newest(at: &OpenSnapshots) -> io::Result<Option<SnapshotId>> {
    let said = at.names(ACCESS).await?;
    if said.is_empty() {
        return Ok(None);
    }
    let whole = at.names(MANIFESTS).await?;
    let ids = said.iter().filter(|name| whole.contains(name));
    Ok(ids
        .filter_map(|it| it.strip_suffix(".json")?.parse().ok())
        .max())
}

pub async fn read(at: &OpenSnapshots, id: &SnapshotId) -> io::Result<AccessSnapshot> {
    let text = at.read(&key(id)).await?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

fn key(id: &SnapshotId) -> String {
    format!("{ACCESS}/{id}.json")
}

pub async fn read_newest(at: &SnapshotsAt) -> Result<AccessSnapshot, Failure> {
    let unreadable = |error: io::Error| Failure::unreadable(at, &error);
    let open = OpenSnapshots::at(at).await.map_err(unreadable)?;
    let Some(id) = newest(&open).await.map_err(unreadable)? else {
        let message = format!("no snapshot in `{at}` says who can reach what");
        return Err(Failure::bad_input(message).help("`hallpass sync` makes one"));
    };
    let read = read(&open, &id).await;
    read.map_err(|error| Failure::unreadable(format!("{at}/{}", key(&id)), &error))
}
