use std::collections::BTreeMap;

use hallpass_plans::{PlanReport, StepTarget, TargetReport};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format, Table};
use serde_json::{Value, json};

use super::Settled;
use super::chore::{Opened, Shown};

/// A place with a wanted and a current state.
pub trait ShownRow {
    const HEAD: &'static [&'static str];
    const FIELDS: &'static [&'static str];

    fn name(&mut self, _names: &BTreeMap<String, String>) {}

    fn is_at(&self, target: &StepTarget) -> bool;

    /// Merges the plan's changes; planned ones if `report` was only shown.
    fn tell(&mut self, target: &TargetReport, report: &PlanReport);

    fn is_bad(&self) -> bool;

    fn json(&self, format: Format) -> Value;

    fn cells(&self) -> Vec<String>;
}

pub struct ShownRows<R>(pub Vec<R>);

impl<R: ShownRow> ShownRows<R> {
    pub fn take_in(&mut self, report: &PlanReport) {
        for target in &report.targets {
            let mut rows = self.0.iter_mut();
            if let Some(row) = rows.find(|row| row.is_at(&target.target)) {
                row.tell(target, report);
            }
        }
    }

    pub fn take_names(&mut self, names: &BTreeMap<String, String>) {
        for row in &mut self.0 {
            row.name(names);
        }
    }

    pub fn table(&self) -> Table {
        let mut table = Table::new(R::HEAD);
        for row in &self.0 {
            table.row(row.cells());
        }
        table
    }
}

impl<R: ShownRow> Shown for ShownRows<R> {
    async fn name(&mut self, at: &Opened<'_>) {
        self.take_names(&at.context.account_names().await);
    }

    async fn tell(&mut self, _at: &Opened<'_>, settled: &Settled) -> Result<(), Failure> {
        self.take_in(&settled.report);
        Ok(())
    }

    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure> {
        let rows: Vec<Value> = self.0.iter().map(|row| row.json(format)).collect();
        match format {
            Format::Table | Format::Csv => output::list(format, &rows, R::FIELDS, || self.table()),
            Format::Json | Format::Jsonl => {
                let report = settled.map(|it| &it.report);
                let whole = json!({ "rows": rows, "report": report });
                output::one(format, &whole, &[], String::new)
            }
        }
    }

    fn exit(&self, otherwise: Exit) -> Exit {
        if self.0.iter().any(ShownRow::is_bad) {
            Exit::Failed
        } else {
            otherwise
        }
    }
}
