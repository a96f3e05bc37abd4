//! How rows of accounts and Regions are shown.

use std::collections::BTreeMap;

use hallpass_org::standards::{CentralRow, ComparedHub, ControlStatus, ControlUpdate, HubStanding};
use hallpass_runner::{PlanReport, TargetReport};
use hallpass_wording::plan;
use serde_json::{Value, json};

use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format, Table};

/// Columns as CSV.
const FIELDS: &[&str] = &[
    "account",
    "region",
    "outcome",
    "changes",
    "reason",
    "notes",
    "account_name",
];

struct ShownHub {
    account: String,
    /// Empty for units, and where it is not known.
    account_name: String,
    region: String,
    outcome: String,
    changes: String,
    reason: String,
    notes: Vec<String>,
    details: Value,
    steps: Value,
    is_bad: bool,
}

/// A row for each account and Region.
pub(super) struct ShownStandards(Vec<ShownHub>);

impl ShownStandards {
    /// As the comparison says.
    pub(super) fn of(rows: &[ComparedHub]) -> Self {
        Self(rows.iter().map(shown).collect())
    }

    /// Where policies are to hold: the account is the root, the unit or the account.
    pub(super) fn of_policies(rows: &[CentralRow], home: &str) -> Self {
        Self(rows.iter().map(|row| shown_policy(row, home)).collect())
    }

    /// The same with the names of accounts, by id.
    pub(super) fn named(mut self, names: &BTreeMap<String, String>) -> Self {
        for row in &mut self.0 {
            let name = names.get(&row.account).cloned();
            row.account_name = name.unwrap_or_default();
        }
        self
    }

    /// Whether something is not as the file says.
    pub(super) fn differs(&self) -> bool {
        let differing = ["differs", "would change"];
        self.0
            .iter()
            .any(|it| differing.contains(&it.outcome.as_str()))
    }

    /// Adds what a plan would do, or did.
    pub(super) fn tell(&mut self, report: &PlanReport) {
        let would = report.is_planned();
        for target in &report.targets {
            let of = |it: &&mut ShownHub| {
                let named = match target.target.key.as_str() {
                    "securityhub" => &target.target.account,
                    _ => &target.target.key,
                };
                it.account == *named && it.region == target.target.region
            };
            if let Some(row) = self.0.iter_mut().find(of) {
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
        let rows: Vec<Value> = self.0.iter().map(|it| it.json(format)).collect();
        match format {
            Format::Table | Format::Csv => output::list(format, &rows, FIELDS, || self.table()),
            Format::Json | Format::Jsonl => {
                let whole = json!({ "rows": rows, "report": report });
                output::one(format, &whole, &[], String::new)
            }
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["account", "where", "outcome", "changes", "why"]);
        for row in &self.0 {
            let why = [row.reason.clone()]
                .into_iter()
                .chain(row.notes.iter().cloned());
            let why: Vec<String> = why.filter(|it| !it.is_empty()).collect();
            table.row([
                plan::account(&row.account_name, &row.account),
                row.region.clone(),
                row.outcome.clone(),
                row.changes.clone(),
                why.join("; "),
            ]);
        }
        table
    }
}

impl ShownHub {
    fn tell(&mut self, target: &TargetReport, would: bool) {
        plan::outcome_cell(target.outcome, would).clone_into(&mut self.outcome);
        self.reason.clone_from(&target.reason);
        self.steps = json!(target.steps);
    }

    fn json(&self, format: Format) -> Value {
        let (changes, notes) = match format {
            Format::Table | Format::Csv => (json!(self.changes), json!(self.notes.join("; "))),
            Format::Json | Format::Jsonl => (self.details.clone(), json!(self.notes)),
        };
        json!({
            "account": self.account, "account_name": self.account_name, "region": self.region,
            "outcome": self.outcome, "changes": changes, "reason": self.reason, "notes": notes, "steps": self.steps,
        })
    }
}

/// The name of a standard without what is the same in all ARNs.
fn short(arn: &str) -> &str {
    let tail = arn.rsplit("::").next().unwrap_or(arn);
    tail.split_once('/').map_or(tail, |(_, it)| it)
}

/// What is to be done, in a line.
fn words(row: &ComparedHub) -> String {
    let standards = |all: &[String]| {
        all.iter()
            .map(|it| short(it))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let controls = |all: &[ControlUpdate], status| {
        let of = all.iter().filter(|it| it.status == status);
        let mut of: Vec<&str> = of.map(|it| it.control.as_str()).collect();
        of.dedup();
        of.join(", ")
    };
    let hub = if row.enable_hub { "Security Hub" } else { "" };
    let parts = [
        ("turn on ", hub.to_owned()),
        ("turn on ", standards(&row.enable)),
        ("turn off ", standards(&row.disable)),
        (
            "controls off: ",
            controls(&row.updates, ControlStatus::Disabled),
        ),
        (
            "controls on: ",
            controls(&row.updates, ControlStatus::Enabled),
        ),
        (
            "reason only: ",
            controls(&row.reason_only, ControlStatus::Disabled),
        ),
    ];
    let parts = parts.into_iter().filter(|(_, what)| !what.is_empty());
    let parts: Vec<String> = parts.map(|(how, what)| format!("{how}{what}")).collect();
    parts.join("; ")
}

fn shown_policy(row: &CentralRow, home: &str) -> ShownHub {
    let (outcome, changes, reason) = match &row.policy {
        Ok(policy) => {
            let on: Vec<&str> = policy.standards.iter().map(|it| short(it)).collect();
            let off: Vec<&str> = policy.off.iter().map(String::as_str).collect();
            let name = policy.name();
            let words = format!(
                "policy {name}: on: {}; controls off: {}",
                on.join(", "),
                off.join(", ")
            );
            ("planned", words, "")
        }
        Err(why) => ("blocked", String::new(), why.as_str()),
    };
    ShownHub {
        account: row.target.clone(),
        account_name: String::new(),
        region: home.to_owned(),
        outcome: outcome.to_owned(),
        changes,
        reason: reason.to_owned(),
        notes: Vec::new(),
        details: match &row.policy {
            Ok(policy) => {
                json!({ "policy": policy.name(), "on": policy.standards, "off": policy.off })
            }
            Err(_) => Value::Null,
        },
        steps: Value::Array(Vec::new()),
        is_bad: row.policy.is_err(),
    }
}

fn shown(row: &ComparedHub) -> ShownHub {
    let (outcome, reason) = match &row.standing {
        HubStanding::Compared if row.is_as_wanted() => ("unchanged", ""),
        HubStanding::Compared => ("differs", ""),
        HubStanding::Blocked(why) => ("blocked", why.as_str()),
        HubStanding::Skipped(why) => ("skipped", why.as_str()),
        HubStanding::Unread(why) => ("unread", why.as_str()),
    };
    ShownHub {
        account: row.account.clone(),
        account_name: String::new(),
        region: row.region.clone(),
        outcome: outcome.to_owned(),
        changes: words(row),
        reason: reason.to_owned(),
        notes: row.notes.clone(),
        details: json!({
            "enable_hub": row.enable_hub, "enable": row.enable, "disable": row.disable, "controls": row.updates,
            "reason_only": row.reason_only,
        }),
        steps: Value::Array(Vec::new()),
        is_bad: row.is_bad(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_named_beside_their_ids() {
        let row = |account: &str| ComparedHub {
            account: account.to_owned(),
            region: "eu-west-1".to_owned(),
            standing: HubStanding::Compared,
            enable_hub: false,
            enable: Vec::new(),
            wait: Vec::new(),
            named: Vec::new(),
            updates: Vec::new(),
            disable: Vec::new(),
            reason_only: Vec::new(),
            left_on: Vec::new(),
            notes: Vec::new(),
        };
        let names = BTreeMap::from([("222222222222".to_owned(), "shop".to_owned())]);
        let rows = [row("222222222222"), row("333333333333")];
        let shown = ShownStandards::of(&rows).named(&names);
        let text = shown.table().text(None);
        assert!(text.contains("shop (222222222222)"), "{text}");
        let names = shown.0.iter().map(|it| it.json(Format::Json));
        let names: Vec<Value> = names.map(|it| it["account_name"].clone()).collect();
        assert_eq!(names, [json!("shop"), json!("")]);
    }
}
