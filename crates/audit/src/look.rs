use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hallpass_base::Timestamp;

use crate::{
    Alarm, Concluded, ExportSource, KnownKeys, ObjectKind, SinkError, SinkErrorKind, TrustedKeys,
    WitnessWatch,
};

/// Objects read in parallel.
const READ_WIDTH: usize = 16;
/// Records read before they are followed; bounds memory.
const CHUNK: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    #[error("{0}")]
    Alarm(Alarm),
    /// The export is unreadable; nothing was learned, so retry.
    #[error("cannot read the export: {0}")]
    Unread(#[from] SinkError),
}

impl From<Alarm> for LookError {
    fn from(alarm: Alarm) -> Self {
        Self::Alarm(alarm)
    }
}

#[derive(Clone, Copy)]
pub struct ExportLocation<'a> {
    pub source: &'a dyn ExportSource,
    pub prefix: &'a str,
}

/// Looks once. After an error `watch` is unusable: restart from the stored memory.
///
/// # Errors
/// An alarm, or an unreadable export.
pub async fn look(
    place: ExportLocation<'_>,
    watch: &mut WitnessWatch,
    known: &mut KnownKeys,
    keys: &TrustedKeys,
    now: Timestamp,
) -> Result<Concluded, LookError> {
    for key in watch.remembered() {
        let found = place.source.get(&key).await?;
        watch.recheck(&key, found.as_deref())?;
    }
    // list heads before records, so that every record a head needs exists
    let after = watch.heads_after(now);
    let listed = place.source.list("heads/", after.as_deref()).await?;
    let fresh = watch.unjudged(of_kind(listed, ObjectKind::Head));
    let heads = read(place.source, &fresh).await?;
    watch.expect(heads, keys)?;
    let after = watch.records_after(place.prefix);
    records(place, watch, known, after.as_deref()).await?;
    if watch.lacks().is_some() {
        // exported late, or under another day than its neighbours
        known.forget();
        records(place, watch, known, None).await?;
    }
    Ok(watch.conclude(now))
}

async fn records(
    place: ExportLocation<'_>,
    watch: &mut WitnessWatch,
    known: &mut KnownKeys,
    after: Option<&str>,
) -> Result<(), LookError> {
    let prefix = place.prefix.trim_matches('/');
    let folder = if prefix.is_empty() {
        String::new()
    } else {
        format!("{prefix}/")
    };
    let listed = place.source.list(&folder, after).await?;
    let fresh = known.fresh(of_kind(listed, ObjectKind::Record), after);
    for chunk in fresh.chunks(CHUNK) {
        for (key, bytes) in read(place.source, chunk).await? {
            watch.take(&key, &bytes)?;
            known.add(key);
        }
        watch.advance()?;
    }
    Ok(())
}

fn of_kind(keys: Vec<String>, kind: ObjectKind) -> Vec<String> {
    keys.into_iter()
        .filter(|key| ObjectKind::of(key) == kind)
        .collect()
}

pub(crate) async fn read(
    source: &dyn ExportSource,
    keys: &[String],
) -> Result<Vec<(String, Vec<u8>)>, SinkError> {
    let gets = keys.iter().map(|key| async move {
        let bytes = source.get(key).await?;
        let bytes = bytes.ok_or_else(|| SinkError {
            kind: SinkErrorKind::Unavailable,
            place: key.clone(),
            message: "it was listed, and is not there".to_owned(),
        })?;
        Ok((key.clone(), bytes))
    });
    stream::iter(gets).buffered(READ_WIDTH).try_collect().await
}
