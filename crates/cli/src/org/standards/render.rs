use std::collections::BTreeMap;

use hallpass_app::chores::plans::chore::{ByReport, Opened, Shown};
use hallpass_app::chores::plans::{Settled, ShownRow, ShownRows};
use hallpass_channels::wording::plan;
use hallpass_org::standards::{
    CentralRow, ComparedHub, ControlStatus, ControlUpdate, HubStanding, NamedControl,
};
use hallpass_plans::{PlanReport, StepTarget, TargetReport};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::Format;
use serde_json::{Value, json};

pub(super) enum StandardsView {
    Rows(ShownRows<ShownHub>),
    /// Report only: policies will configure the organization.
    Configuration,
}

pub(super) fn shown(rows: &[ComparedHub]) -> StandardsView {
    StandardsView::Rows(ShownRows(rows.iter().map(shown_hub).collect()))
}

/// The account column names the root, unit or account of each policy.
pub(super) fn shown_policies(rows: &[CentralRow], home: &str) -> StandardsView {
    let rows = rows.iter().map(|row| shown_policy(row, home));
    StandardsView::Rows(ShownRows(rows.collect()))
}

impl StandardsView {
    pub(super) fn differs(&self) -> bool {
        let Self::Rows(ShownRows(rows)) = self else {
            return false;
        };
        let differing = ["differs", "would change"];
        rows.iter()
            .any(|it| differing.contains(&it.outcome.as_str()))
    }

    pub(super) fn take_in(&mut self, report: &PlanReport) {
        if let Self::Rows(rows) = self {
            rows.take_in(report);
        }
    }
}

impl Shown for StandardsView {
    async fn name(&mut self, at: &Opened<'_>) {
        if let Self::Rows(rows) = self {
            rows.name(at).await;
        }
    }

    async fn tell(&mut self, _at: &Opened<'_>, settled: &Settled) -> Result<(), Failure> {
        self.take_in(&settled.report);
        Ok(())
    }

    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure> {
        match self {
            Self::Rows(rows) => rows.print(settled, format),
            Self::Configuration => ByReport.print(settled, format),
        }
    }

    fn exit(&self, otherwise: Exit) -> Exit {
        match self {
            Self::Rows(rows) => rows.exit(otherwise),
            Self::Configuration => otherwise,
        }
    }
}

pub(super) struct ShownHub {
    account: String,
    /// Empty for units, and if unknown.
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

impl ShownRow for ShownHub {
    const HEAD: &'static [&'static str] = &["account", "where", "outcome", "changes", "why"];
    const FIELDS: &'static [&'static str] = &[
        "account",
        "region",
        "outcome",
        "changes",
        "reason",
        "notes",
        "account_name",
    ];

    fn name(&mut self, names: &BTreeMap<String, String>) {
        self.account_name = names.get(&self.account).cloned().unwrap_or_default();
    }

    fn is_at(&self, target: &StepTarget) -> bool {
        let named = match target.key.as_str() {
            "securityhub" => &target.account,
            _ => &target.key,
        };
        self.account == *named && self.region == target.region
    }

    fn tell(&mut self, target: &TargetReport, report: &PlanReport) {
        plan::outcome_cell(target.outcome, report.is_planned()).clone_into(&mut self.outcome);
        self.reason.clone_from(&target.reason);
        self.steps = json!(target.steps);
    }

    fn is_bad(&self) -> bool {
        self.is_bad
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

    fn cells(&self) -> Vec<String> {
        let why = [&self.reason].into_iter().chain(&self.notes);
        let why: Vec<&str> = why
            .map(String::as_str)
            .filter(|it| !it.is_empty())
            .collect();
        vec![
            plan::account(&self.account_name, &self.account),
            self.region.clone(),
            self.outcome.clone(),
            self.changes.clone(),
            why.join("; "),
        ]
    }
}

fn short(arn: &str) -> &str {
    let tail = arn.rsplit("::").next().unwrap_or(arn);
    tail.split_once('/').map_or(tail, |(_, it)| it)
}

fn words(row: &ComparedHub) -> String {
    let standards = |all: &[String]| {
        all.iter()
            .map(|it| short(it))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let controls = |all: &[ControlUpdate], named: &[NamedControl], status| {
        let of = all.iter().filter(|it| it.status == status);
        let named = named.iter().filter(|it| it.status == status);
        let mut of: Vec<&str> = { of.map(|it| it.control.as_str()) }
            .chain(named.map(|it| it.name.as_str()))
            .collect();
        of.dedup();
        of.join(", ")
    };
    let wanted = |status| controls(&row.updates, &row.named, status);
    let hub = if row.enable_hub { "Security Hub" } else { "" };
    let parts = [
        ("turn on ", hub.to_owned()),
        ("turn on ", standards(&row.enable)),
        ("turn off ", standards(&row.disable)),
        ("controls off: ", wanted(ControlStatus::Disabled)),
        ("controls on: ", wanted(ControlStatus::Enabled)),
        (
            "reason only: ",
            controls(&row.reason_only, &[], ControlStatus::Disabled),
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

fn shown_hub(row: &ComparedHub) -> ShownHub {
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
            "named_controls": row.named,
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
    fn controls_are_named_also_where_security_hub_is_off() {
        let named = |name: &str, status| NamedControl {
            name: name.to_owned(),
            status,
            reason: None,
            standards: None,
        };
        let row = ComparedHub {
            enable_hub: true,
            named: vec![
                named("IAM.6", ControlStatus::Disabled),
                named("S3.7", ControlStatus::Enabled),
            ],
            ..ComparedHub::of("222222222222", "eu-west-1", HubStanding::Compared)
        };
        assert_eq!(
            words(&row),
            "turn on Security Hub; controls off: IAM.6; controls on: S3.7"
        );
        let details = shown_hub(&row).json(Format::Json)["changes"].clone();
        assert_eq!(details["named_controls"][0]["name"], "IAM.6");
    }

    #[test]
    fn accounts_are_named_beside_their_ids() {
        let row = |account| ComparedHub::of(account, "eu-west-1", HubStanding::Compared);
        let names = BTreeMap::from([("222222222222".to_owned(), "shop".to_owned())]);
        let rows = [row("222222222222"), row("333333333333")];
        let mut shown = ShownRows(rows.iter().map(shown_hub).collect());
        shown.take_names(&names);
        let text = shown.table().text(None);
        assert!(text.contains("shop (222222222222)"), "{text}");
        let names = shown.0.iter().map(|it| it.json(Format::Json));
        let names: Vec<Value> = names.map(|it| it["account_name"].clone()).collect();
        assert_eq!(names, [json!("shop"), json!("")]);
    }
}
