//! Units by what they are called.

use serde_json::json;

use crate::reading::{ReadCalls, ReadPlace, Reader, UnreadFact, text};

/// Units that are not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitsNotFound {
    /// No unit is at this path.
    #[error("no organizational unit is at `{0}`")]
    NoPath(String),
    /// Neither an id nor a path.
    #[error(
        "`{0}` is neither the id of an organizational unit nor a path as `/Workloads/Production`"
    )]
    Form(String),
    /// The tree could not be read.
    #[error("the organization's units cannot be read: {}: {}", .0.action, .0.reason)]
    Unread(UnreadFact),
}

/// The ids of units that are named by id, or by their path from the root.
///
/// # Errors
/// A unit that is not there, or a tree that cannot be read.
pub async fn unit_ids(
    calls: &dyn ReadCalls,
    names: &[String],
) -> Result<Vec<String>, UnitsNotFound> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        if name.starts_with("ou-") || name.starts_with("r-") {
            ids.push(name.clone());
        } else if let Some(path) = name.strip_prefix('/') {
            ids.push(at_path(calls, path, name).await?);
        } else {
            return Err(UnitsNotFound::Form(name.clone()));
        }
    }
    Ok(ids)
}

async fn at_path(calls: &dyn ReadCalls, path: &str, whole: &str) -> Result<String, UnitsNotFound> {
    let reader = Reader {
        calls,
        place: ReadPlace::default(),
    };
    let none = || UnitsNotFound::NoPath(whole.to_owned());
    let roots = reader.list(("organizations", "ListRoots"), json!({}), "Roots");
    let roots = roots.await.map_err(UnitsNotFound::Unread)?;
    let mut unit = roots
        .first()
        .map(|it| text(it, "/Id").to_owned())
        .ok_or_else(none)?;
    for name in path.split('/').filter(|it| !it.is_empty()) {
        let operation = ("organizations", "ListOrganizationalUnitsForParent");
        let input = json!({ "ParentId": unit });
        let below = reader.list(operation, input, "OrganizationalUnits").await;
        let below = below.map_err(UnitsNotFound::Unread)?;
        let found = below.iter().find(|it| text(it, "/Name") == name);
        unit = found
            .map(|it| text(it, "/Id").to_owned())
            .ok_or_else(none)?;
    }
    Ok(unit)
}
