//! Reading a whole export back: records, heads, and what witnesses said. Judges nothing: pass the
//! result to [`assure`](crate::assure).

use crate::export::HEADS_FOLDER;
use crate::look::read;
use crate::statement::WITNESS;
use crate::{
    Evidence, ExportSource, HeadFault, Input, ObjectKind, PublishedHead, SinkError, Statement,
    StatementFault,
};

/// Objects of an export read before they are sorted; bounds what is in flight.
const CHUNK: usize = 1_000;

/// An export that could not be read back: it is not shown as a shorter log (promise P9).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadExportError {
    /// An object or a listing cannot be read.
    #[error("cannot read {0}")]
    Unreadable(#[from] SinkError),
    /// A published head that is none.
    #[error("`{place}` is not a published head: {fault}")]
    NotAHead {
        /// Where it was read.
        place: String,
        /// What is wrong.
        fault: HeadFault,
    },
    /// A statement of a witness that is none.
    #[error("`{place}` is not what a witness said: {fault}")]
    NotAStatement {
        /// Where it was read.
        place: String,
        /// What is wrong.
        fault: StatementFault,
    },
}

/// An export as it was read.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// What lies where records do.
    pub inputs: Vec<Input>,
    /// What stands beside it.
    pub evidence: Evidence,
}

impl Evidence {
    /// Adds a head.
    ///
    /// # Errors
    /// When it is none.
    pub fn add_head(&mut self, place: String, bytes: &[u8]) -> Result<(), ReadExportError> {
        match PublishedHead::parse(bytes) {
            Ok(head) => self.heads.push((place, head)),
            Err(fault) => return Err(ReadExportError::NotAHead { place, fault }),
        }
        Ok(())
    }

    /// Adds what a witness said.
    ///
    /// # Errors
    /// When it is no such thing.
    pub fn add_statement(&mut self, place: String, bytes: &[u8]) -> Result<(), ReadExportError> {
        match Statement::parse(bytes) {
            Ok(said) => self.statements.push((place, said)),
            Err(fault) => return Err(ReadExportError::NotAStatement { place, fault }),
        }
        Ok(())
    }
}

/// Reads everything below the root of `source`: what stands beside the records first, so that every record which
/// that knows is there by the time records are listed, however the log grows meanwhile.
///
/// # Errors
/// When something in it cannot be read.
pub async fn read_export(source: &dyn ExportSource) -> Result<Export, ReadExportError> {
    let evidence = read_all_evidence(source).await?;
    let inputs = read_records(source).await?;
    Ok(Export { inputs, evidence })
}

/// Reads what lies where records do, anywhere below the root of `source`. What is held against them has to be read before.
///
/// # Errors
/// When something in it cannot be read.
pub async fn read_records(source: &dyn ExportSource) -> Result<Vec<Input>, ReadExportError> {
    let listed = source.list("", None).await?;
    let export = chosen(source, listed, |kind| kind == ObjectKind::Record).await?;
    Ok(export.inputs)
}

/// Reads what stands beside the records alone, anywhere below the root of `source`.
///
/// # Errors
/// When something in it cannot be read.
pub async fn read_all_evidence(source: &dyn ExportSource) -> Result<Evidence, ReadExportError> {
    let listed = source.list("", None).await?;
    let export = chosen(source, listed, is_beside).await?;
    Ok(export.evidence)
}

/// Reads what stands beside the records alone, at the root of `source`, as a server puts it there.
///
/// # Errors
/// When something in it cannot be read.
pub async fn read_evidence(source: &dyn ExportSource) -> Result<Evidence, ReadExportError> {
    let mut listed = Vec::new();
    for folder in [HEADS_FOLDER, WITNESS] {
        listed.extend(source.list(&format!("{folder}/"), None).await?);
    }
    let export = chosen(source, listed, is_beside).await?;
    Ok(export.evidence)
}

/// Whether it stands beside the records.
fn is_beside(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Head | ObjectKind::Statement)
}

async fn chosen(
    source: &dyn ExportSource,
    mut keys: Vec<String>,
    wants: impl Fn(ObjectKind) -> bool,
) -> Result<Export, ReadExportError> {
    let mut export = Export::default();
    keys.retain(|key| wants(ObjectKind::of(key)));
    for chunk in keys.chunks(CHUNK) {
        for (key, bytes) in read(source, chunk).await? {
            let place = format!("{}/{key}", source.name());
            match ObjectKind::of(&key) {
                ObjectKind::Head => export.evidence.add_head(place, &bytes)?,
                ObjectKind::Statement => export.evidence.add_statement(place, &bytes)?,
                ObjectKind::Record => export.inputs.push(Input {
                    named: Some(stem(&key)),
                    place,
                    bytes,
                }),
                ObjectKind::Other => {}
            }
        }
    }
    Ok(export)
}

/// The file's name without its ending.
fn stem(key: &str) -> String {
    let file = key.rsplit('/').next().unwrap_or(key);
    file.strip_suffix(".json").unwrap_or(file).to_owned()
}
