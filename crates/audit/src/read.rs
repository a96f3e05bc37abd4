//! Reads a whole export: records, heads and statements. Does not judge: pass the result to
//! [`assure`](crate::assure).

use crate::export::HEADS_FOLDER;
use crate::look::read;
use crate::statement::WITNESS;
use crate::{
    Evidence, ExportSource, HeadFault, Input, ObjectKind, PublishedHead, SinkError, Statement,
    StatementFault,
};

const CHUNK: usize = 1_000;

/// An unreadable export must not pass for a shorter log (promise P9).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadExportError {
    #[error("cannot read {0}")]
    Unreadable(#[from] SinkError),
    #[error("`{place}` is not a published head: {fault}")]
    NotAHead { place: String, fault: HeadFault },
    #[error("`{place}` is not a witness statement: {fault}")]
    NotAStatement {
        place: String,
        fault: StatementFault,
    },
}

#[derive(Clone, Debug, Default)]
pub struct Export {
    pub inputs: Vec<Input>,
    pub evidence: Evidence,
}

impl Evidence {
    pub fn add_head(&mut self, place: String, bytes: &[u8]) -> Result<(), ReadExportError> {
        match PublishedHead::parse(bytes) {
            Ok(head) => self.heads.push((place, head)),
            Err(fault) => return Err(ReadExportError::NotAHead { place, fault }),
        }
        Ok(())
    }

    pub fn add_statement(&mut self, place: String, bytes: &[u8]) -> Result<(), ReadExportError> {
        match Statement::parse(bytes) {
            Ok(said) => self.statements.push((place, said)),
            Err(fault) => return Err(ReadExportError::NotAStatement { place, fault }),
        }
        Ok(())
    }
}

/// Reads everything below the root of `source`: evidence first, so that every record it refers to
/// exists when records are listed, even while the log grows.
pub async fn read_export(source: &dyn ExportSource) -> Result<Export, ReadExportError> {
    let evidence = read_all_evidence(source).await?;
    let inputs = read_records(source).await?;
    Ok(Export { inputs, evidence })
}

/// Reads records anywhere below the root of `source`. Read the evidence before them.
pub async fn read_records(source: &dyn ExportSource) -> Result<Vec<Input>, ReadExportError> {
    let listed = source.list("", None).await?;
    let export = chosen(source, listed, |kind| kind == ObjectKind::Record).await?;
    Ok(export.inputs)
}

/// Reads heads and statements anywhere below the root of `source`.
pub async fn read_all_evidence(source: &dyn ExportSource) -> Result<Evidence, ReadExportError> {
    let listed = source.list("", None).await?;
    let export = chosen(source, listed, is_beside).await?;
    Ok(export.evidence)
}

/// Reads heads and statements at the root of `source`.
pub async fn read_evidence(source: &dyn ExportSource) -> Result<Evidence, ReadExportError> {
    let mut listed = Vec::new();
    for folder in [HEADS_FOLDER, WITNESS] {
        listed.extend(source.list(&format!("{folder}/"), None).await?);
    }
    let export = chosen(source, listed, is_beside).await?;
    Ok(export.evidence)
}

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

fn stem(key: &str) -> String {
    let file = key.rsplit('/').next().unwrap_or(key);
    file.strip_suffix(".json").unwrap_or(file).to_owned()
}
