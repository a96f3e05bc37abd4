//! Which tools the resources of a Terraform plan are of.

use serde_json::Value;

use crate::elevator;
use crate::strict_json::Strict;
use crate::terraform::{is_plan, of_plan};

/// A tool whose resources a plan may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanSource {
    /// sso-elevator: its functions, parameters or the object of its bucket.
    Elevator,
    /// Common Fate (Granted): resources of the provider `commonfate`.
    Granted,
    /// Teleport: roles of the provider `teleport`, which are imported from `tctl get roles`.
    Teleport,
}

/// The tools that have resources in a plan or state of Terraform as JSON; `None` where the text is neither.
///
/// # Errors
/// When it is not JSON, or has a key twice.
pub fn plan_sources(text: &str) -> Result<Option<Vec<PlanSource>>, serde_json::Error> {
    let Strict(whole) = serde_json::from_str::<Strict>(text)?;
    if !is_plan(&whole) {
        return Ok(None);
    }
    let has_kind = |prefix: &str| {
        let kinds = of_plan(&whole).into_iter();
        let mut kinds = kinds.filter_map(|it| it.get("type").and_then(Value::as_str));
        kinds.any(|kind| kind.starts_with(prefix))
    };
    let mut sources = Vec::new();
    sources.extend(elevator::is_in_plan(&whole).then_some(PlanSource::Elevator));
    sources.extend(has_kind("commonfate_").then_some(PlanSource::Granted));
    sources.extend(has_kind("teleport_").then_some(PlanSource::Teleport));
    Ok(Some(sources))
}
