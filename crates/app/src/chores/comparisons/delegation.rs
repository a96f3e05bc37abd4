//! Compares service administrators with a file (`organization.md` D-10): finds changed
//! administrators and missing members without a command.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_org::ReadCalls;
use hallpass_org::delegation::{
    DelegationRow, DelegationState, ENABLED_REGIONS, Replacing, compare, gather,
};
use hallpass_plans::{PlanReport, StepEnd};
use hallpass_terminal::exit::Failure;
use serde_json::{Map, Value, json};

use super::{Compared, ComparedRule, Comparison, UnreadRow, UnreadRule};
use crate::chores::delegation_files::{
    differences, read_file, refused, step_names, target_of, unread,
};
use crate::chores::plans::PlanContext;

pub static COMPARED: ComparedRule = ComparedRule {
    file: "delegation/watch",
    id: "delegation/drift",
    columns: &["service", "region", "account", "difference"],
    message: "{service}, {region}: {account} is not its administrator as the file says: {difference}",
    metric: "hallpass_delegation_looks_total",
    unread: Some(UnreadRule {
        id: "delegation/unread",
        key: &["service", "region", "account"],
        columns: &["service", "region", "account", "reason"],
        message: "{service}, {region}: whether {account} is its administrator as the file says is not known: {reason}",
    }),
};

pub struct DelegationComparison {
    pub file: PathBuf,
    pub context: Arc<PlanContext>,
}

#[async_trait]
impl Comparison for DelegationComparison {
    fn rule(&self) -> &'static ComparedRule {
        &COMPARED
    }

    async fn differing(&self) -> Result<Compared, Failure> {
        let file = read_file(&self.file)?;
        let calls: &dyn ReadCalls = self.context.calls.as_ref();
        let facts = gather(calls, &file).await.map_err(unread)?;
        let mut rows =
            compare(&file, &facts, Replacing::Never).map_err(|why| refused(why, None))?;
        let reports = differences(&self.context, &mut rows, &facts).await;
        let differing = rows.iter().filter_map(|row| {
            let difference = difference(row, &reports)?;
            Some(told(COMPARED.columns, row, &difference))
        });
        Ok(Compared {
            differing: differing.collect(),
            unread: rows.iter().filter_map(unread_row).collect(),
        })
    }
}

/// An unread place counts neither as present nor as resolved.
fn unread_row(row: &DelegationRow) -> Option<UnreadRow> {
    let DelegationState::Unread { reason } = &row.state else {
        return None;
    };
    let columns = COMPARED.unread.as_ref()?.columns;
    let mut place = Map::from_iter([("service".to_owned(), json!(row.wish.service.name))]);
    if row.region != ENABLED_REGIONS {
        place.insert("region".to_owned(), json!(row.region));
    }
    Some(UnreadRow {
        place,
        row: told(columns, row, reason),
    })
}

fn difference(row: &DelegationRow, reports: &[PlanReport]) -> Option<String> {
    match &row.state {
        DelegationState::Conflict { other } => Some(format!("{other} administers it")),
        DelegationState::Skipped { .. } | DelegationState::Unread { .. } => None,
        DelegationState::Planned => {
            let target = target_of(row, reports)?;
            match target.outcome {
                StepEnd::Changed => Some(step_names(target).join(", ")),
                StepEnd::Failed | StepEnd::Blocked => Some(target.reason.clone()),
                // members in progress are members soon (`organization.md` D-5)
                StepEnd::Unchanged | StepEnd::InProgress | StepEnd::Skipped | StepEnd::Drifted => {
                    None
                }
            }
        }
    }
}

fn told(columns: &[&str], row: &DelegationRow, last: &str) -> Map<String, Value> {
    let values = [
        json!(row.wish.service.name),
        json!(row.region),
        json!(row.wish.account),
        json!(last),
    ];
    let names = columns.iter().map(|it| (*it).to_owned());
    names.zip(values).collect()
}
