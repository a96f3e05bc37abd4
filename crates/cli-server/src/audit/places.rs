//! Opens sources of exports, heads and witness statements: folders, line files, buckets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallpass_app::config::{ExportPlace, bucket_place};
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::setup::heads::{Means, open_source};
use hallpass_app::setup::opening::{ConfigArgs, aws_settings};
use hallpass_audit::{
    Evidence, ExportSource, Input, ObjectKind, ReadExportError, SinkErrorKind, TrustedKeys,
    read_all_evidence, read_evidence, read_records,
};
use hallpass_aws::{AwsClientSettings as AwsSettings, BucketPlace};
use hallpass_base::clock::SystemClock;
use hallpass_store::{FolderTarget, read_lines};
use hallpass_terminal::exit::Failure;

/// AWS settings for buckets, from the configuration or the AWS CLI.
pub(super) fn means(config: &ConfigArgs) -> Result<Means, Failure> {
    Ok(means_of(aws_settings(&config.load_without_secrets()?)))
}

/// Settings for these places. Folders need none, so reads no configuration.
pub(super) fn means_for<'a>(
    places: impl IntoIterator<Item = &'a str>,
    config: &ConfigArgs,
) -> Result<Means, Failure> {
    if places.into_iter().any(|place| place.starts_with("s3://")) {
        means(config)
    } else {
        Ok(means_of(AwsSettings::new("us-east-1")))
    }
}

fn means_of(aws: AwsSettings) -> Means {
    Means {
        aws,
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
    }
}

/// Parses `s3://bucket/prefix`, `dir:PATH`, or a path.
pub(super) fn typed(text: &str) -> Result<ExportPlace, Failure> {
    let place = bucket_place(text)?.map(ExportPlace::Bucket);
    let folder = || ExportPlace::Folder(PathBuf::from(text.strip_prefix("dir:").unwrap_or(text)));
    Ok(place.unwrap_or_else(folder))
}

pub(super) async fn records(place: &ExportPlace, means: &Means) -> Result<Vec<Input>, Failure> {
    if let Some(path) = lines(place)? {
        let inputs = read_lines(path);
        return inputs.map_err(|error| Failure::unreadable(path.display(), &error));
    }
    let source = open_source(place, means).await?;
    let read = read_records(source.as_ref()).await;
    read.map_err(|error| failed(&error))
}

fn lines(place: &ExportPlace) -> Result<Option<&Path>, Failure> {
    let ExportPlace::Folder(path) = place else {
        return Ok(None);
    };
    let about = std::fs::metadata(path);
    let about = about.map_err(|error| Failure::unreadable(path.display(), &error))?;
    Ok((!about.is_dir()).then_some(path))
}

/// Reads evidence in the place or, if the record prefix was named, next to it. Call before reading
/// the records.
pub(super) async fn all_evidence(place: &ExportPlace, means: &Means) -> Result<Evidence, Failure> {
    if lines(place)?.is_some() {
        return Ok(Evidence::default());
    }
    let source = open_source(place, means).await?;
    let found = read_all_evidence(source.as_ref()).await;
    let mut found = found.map_err(|error| failed(&error))?;
    if found.heads.is_empty()
        && let Some(above) = above(place)?
    {
        let beside = evidence(&above, means).await?;
        found.heads.extend(beside.heads);
        found.statements.extend(beside.statements);
    }
    Ok(found)
}

pub(super) async fn evidence(place: &ExportPlace, means: &Means) -> Result<Evidence, Failure> {
    let source = open_source(place, means).await?;
    read_evidence(source.as_ref())
        .await
        .map_err(|error| failed(&error))
}

fn above(place: &ExportPlace) -> Result<Option<ExportPlace>, Failure> {
    match place {
        ExportPlace::Folder(path) => {
            // gives `.` and `logs` a parent
            let absolute = std::fs::canonicalize(path);
            let absolute = absolute.map_err(|error| Failure::unreadable(path.display(), &error))?;
            Ok(absolute
                .parent()
                .map(|above| ExportPlace::Folder(above.to_path_buf())))
        }
        ExportPlace::Bucket(place) if place.root.is_empty() => Ok(None),
        ExportPlace::Bucket(place) => Ok(Some(ExportPlace::Bucket(BucketPlace {
            root: place
                .root
                .rsplit_once('/')
                .map_or("", |(above, _)| above)
                .to_owned(),
            ..place.clone()
        }))),
    }
}

pub(super) async fn statements(
    text: &str,
    means: &Means,
    evidence: &mut Evidence,
) -> Result<(), Failure> {
    let place = typed(text)?;
    if let ExportPlace::Folder(path) = &place
        && !path.is_dir()
    {
        let bytes = bytes_of(path)?;
        let added = evidence.add_statement(path.display().to_string(), &bytes);
        return added.map_err(|error| failed(&error));
    }
    let source = open_source(&place, means).await?;
    let unread = |error| failed(&ReadExportError::Unreadable(error));
    let keys = source.list("", None).await.map_err(unread)?;
    let is_json = |key: &str| Path::new(key).extension().is_some_and(|it| it == "json");
    let is_said = |key: &&String| is_json(key) && !is_of_the_log(key);
    for key in keys.iter().filter(is_said) {
        let Some(bytes) = source.get(key).await.map_err(unread)? else {
            continue;
        };
        let place = format!("{}/{key}", source.name());
        evidence
            .add_statement(place, &bytes)
            .map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Matches heads, which may lie next to statements.
fn is_of_the_log(key: &str) -> bool {
    match ObjectKind::of(key) {
        ObjectKind::Head => true,
        // a witness statement, alone or in an export
        ObjectKind::Statement | ObjectKind::Record | ObjectKind::Other => false,
    }
}

pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::unreadable(path.display(), &error))
}

pub(super) fn trusted(path: &Path) -> Result<TrustedKeys, Failure> {
    let shown = path.display();
    let text = String::from_utf8_lossy(&bytes_of(path)?).into_owned();
    let keys = TrustedKeys::parse(&text).map_err(|fault| {
        Failure::bad_input(format!("`{shown}`, {fault}")).help(
            "`hallpass audit key --heads` prints lines for it; docs/how-to/witness.md explains them",
        )
    })?;
    if keys.heads() == 0 {
        let message = format!("`{shown}` has no line `head KEY`: no head could be believed");
        return Err(Failure::bad_input(message).help("`hallpass audit key --heads` prints it"));
    }
    Ok(keys)
}

/// An unreadable export is not a shorter log (promise P9).
pub(super) fn failed(error: &ReadExportError) -> Failure {
    match error {
        ReadExportError::Unreadable(sink) => match sink.kind {
            SinkErrorKind::Unavailable => Failure::failed(error.to_string()),
            SinkErrorKind::Refused | SinkErrorKind::Taken => Failure::bad_input(error.to_string()),
        },
        ReadExportError::NotAHead { .. } | ReadExportError::NotAStatement { .. } => {
            Failure::bad_input(error.to_string())
        }
    }
}

pub(super) async fn source(text: &str, means: &Means) -> Result<Arc<dyn ExportSource>, Failure> {
    let place = typed(text)?;
    if let ExportPlace::Folder(path) = &place
        && !path.is_dir()
    {
        return Err(Failure::bad_input(format!("there is no folder `{text}`"))
            .help("name the export's root: a folder, or `s3://bucket/prefix`"));
    }
    open_source(&place, means).await
}

pub(super) async fn target(
    text: &str,
    means: &Means,
) -> Result<Arc<dyn hallpass_audit::ExportTarget>, Failure> {
    match typed(text)? {
        ExportPlace::Folder(path) => Ok(Arc::new(FolderTarget::new(path))),
        ExportPlace::Bucket(place) => {
            let (clock, ids) = (Arc::clone(&means.clock), means.ids.as_ref());
            // relies on the bucket's default protection
            let opened = hallpass_aws::Objects::open(&means.aws, place, None, clock, ids).await;
            Ok(Arc::new(opened.map_err(Failure::failed)?))
        }
    }
}
