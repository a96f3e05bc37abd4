use serde_json::json;

use crate::reading::{ReadCalls, ReadPlace, Reader, UnreadFact, text};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitsNotFound {
    #[error("no organizational unit is at `{0}`")]
    NoPath(String),
    #[error(
        "`{0}` is neither the id of an organizational unit nor a path as `/Workloads/Production`"
    )]
    Form(String),
    #[error("the organization's units cannot be read: {}: {}", .0.action, .0.reason)]
    Unread(UnreadFact),
}

/// Resolves units by id or by path from the root.
///
/// # Errors
/// An unknown unit, or an unreadable tree.
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
