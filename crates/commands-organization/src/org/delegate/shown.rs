//! How rows of services and Regions are shown.

use std::collections::BTreeMap;

use hallpass_org::delegation::{DelegationRow, DelegationState};
use hallpass_runner::{PlanReport, StepEnd, TargetReport};
use hallpass_wording::plan::account;
use serde_json::{Value, json};

use hallpass_chores::delegation_files::step_names;
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format, Table};

/// Columns as CSV.
const FIELDS: &[&str] = &[
    "service",
    "region",
    "account",
    "outcome",
    "reason",
    "account_name",
];

struct ShownRow {
    service: &'static str,
    region: String,
    account: String,
    account_name: String,
    outcome: String,
    reason: String,
    steps: Value,
    is_planned: bool,
    is_bad: bool,
}

/// A row for each service and Region.
pub(super) struct ShownDelegation(Vec<ShownRow>);

impl ShownDelegation {
    /// As the comparison says; `names` are those of accounts, by id.
    pub(super) fn of(rows: &[DelegationRow], names: &BTreeMap<String, String>) -> Self {
        Self(rows.iter().map(|row| shown(row, names)).collect())
    }

    /// Adds what a plan would do, or did.
    pub(super) fn tell(&mut self, report: &PlanReport) {
        let would = report.is_planned();
        for row in &mut self.0 {
            let target = report.targets.iter().find(|it| {
                it.target.key == row.service
                    && it.target.region == row.region
                    && it.target.account == row.account
            });
            if let Some(target) = target {
                row.tell(target, would);
            }
        }
    }

    /// The exit code: 1 where a row needs somebody's attention.
    pub(super) fn exit(&self, otherwise: Exit) -> Exit {
        if self.0.iter().any(|row| row.is_bad) {
            Exit::Failed
        } else {
            otherwise
        }
    }

    /// Prints it.
    ///
    /// # Errors
    /// When stdout does not take it.
    pub(super) fn print(&self, report: Option<&PlanReport>, format: Format) -> Result<(), Failure> {
        let rows: Vec<Value> = self.0.iter().map(ShownRow::json).collect();
        match format {
            Format::Table | Format::Csv => output::list(format, &rows, FIELDS, || self.table()),
            Format::Json | Format::Jsonl => {
                let whole = json!({ "rows": rows, "report": report });
                output::one(format, &whole, &[], String::new)
            }
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["service", "where", "administrator", "outcome", "why"]);
        for row in &self.0 {
            table.row([
                row.service.to_owned(),
                row.region.clone(),
                account(&row.account_name, &row.account),
                row.words(),
                row.reason.clone(),
            ]);
        }
        table
    }
}

impl ShownRow {
    fn tell(&mut self, target: &TargetReport, would: bool) {
        self.outcome = target.outcome.to_string();
        self.is_planned = would && target.outcome == StepEnd::Changed;
        let changes = step_names(target);
        let told = if target.reason.is_empty() {
            changes.join(", ")
        } else {
            target.reason.clone()
        };
        let parts = [told.as_str(), self.reason.as_str()];
        let parts: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        self.reason = parts.join("; ");
        self.steps = json!(target.steps);
    }

    fn words(&self) -> String {
        if self.is_planned {
            "would change".to_owned()
        } else {
            self.outcome.clone()
        }
    }

    fn json(&self) -> Value {
        json!({
            "service": self.service, "region": self.region, "account": self.account, "account_name": self.account_name,
            "outcome": self.outcome, "reason": self.reason, "steps": self.steps,
        })
    }
}

/// An account by name and id, as far as its name is known.
fn named(id: &str, names: &BTreeMap<String, String>) -> String {
    account(names.get(id).map_or("", String::as_str), id)
}

fn shown(row: &DelegationRow, names: &BTreeMap<String, String>) -> ShownRow {
    let waiting = row.waiting.iter();
    let waiting = waiting.map(|it| {
        format!(
            "account {} was invited and has not said yes",
            named(it, names)
        )
    });
    let problems: Vec<String> = row.problems.iter().cloned().chain(waiting).collect();
    let problems = problems.join("; ");
    let (outcome, reason) = match &row.state {
        DelegationState::Planned => ("planned", problems),
        DelegationState::Conflict { other } => {
            let way = if row.wish.service.name == "detective" {
                "`org delegate remove` takes it away, and its graphs with it"
            } else {
                "`--replace` takes its place"
            };
            let other = named(other, names);
            ("conflict", format!("{other} administers it; {way}"))
        }
        DelegationState::Skipped { reason } => ("skipped", reason.clone()),
        DelegationState::Unread { reason } => ("unread", reason.clone()),
    };
    ShownRow {
        service: row.wish.service.name,
        region: row.region.clone(),
        account: row.wish.account.to_string(),
        account_name: names
            .get(row.wish.account.as_str())
            .cloned()
            .unwrap_or_default(),
        outcome: outcome.to_owned(),
        reason,
        steps: Value::Array(Vec::new()),
        is_planned: false,
        is_bad: row.is_bad(),
    }
}

/// A report by itself.
///
/// # Errors
/// When stdout does not take it.
pub(super) fn print_report(report: &PlanReport, format: Format) -> Result<(), Failure> {
    hallpass_chores::plans::print(report, None, format)
}

#[cfg(test)]
mod tests {
    use hallpass_org::delegation::{
        DelegationFacts, DelegationFile, OrganizationMember, Replacing, compare,
    };

    use super::*;

    #[test]
    fn accounts_are_named_beside_their_ids() {
        let member = |id: &str| OrganizationMember {
            id: id.to_owned(),
            email: format!("{id}@example.com"),
            active: true,
        };
        let place = ("guardduty".to_owned(), "eu-west-1".to_owned());
        let facts = DelegationFacts {
            management: "111111111111".to_owned(),
            caller: "111111111111".to_owned(),
            all_features: true,
            accounts: vec![member("222222222222"), member("333333333333")],
            regional: BTreeMap::from([(place, Ok(Some("333333333333".to_owned())))]),
            ..DelegationFacts::default()
        };
        let regions = Some(vec!["eu-west-1".to_owned()]);
        let security = "222222222222".parse().unwrap();
        let file = DelegationFile::of_one("guardduty", security, regions).unwrap();
        let rows = compare(&file, &facts, Replacing::Never).unwrap();
        let names = [("222222222222", "security"), ("333333333333", "shop")];
        let names = names.map(|(id, name)| (id.to_owned(), name.to_owned()));
        let shown = ShownDelegation::of(&rows, &BTreeMap::from(names));
        let text = shown.table().text(None);
        assert!(text.contains("security (222222222222)"), "{text}");
        assert!(
            text.contains("shop (333333333333) administers it"),
            "{text}"
        );
        let row = shown.0.first().unwrap().json();
        assert_eq!(
            (&row["account"], &row["account_name"]),
            (&json!("222222222222"), &json!("security"))
        );
    }
}
