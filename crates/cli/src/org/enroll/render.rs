use std::collections::BTreeMap;

use hallpass_app::chores::plans::Settled;
use hallpass_app::chores::plans::chore::{Opened, Shown};
use hallpass_app::chores::plans::run_failed;
use hallpass_base::AccountId;
use hallpass_channels::wording::plan::account;
use hallpass_org::enrolment::{
    EnrolmentCheck, EnrolmentFacts, EnrolmentPlan, EnrolmentStatus, enrolment_results,
};
use hallpass_plans::{CheckResult, Folded, Plan};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format, Table};
use serde_json::{Value, json};

const FIELDS: &[&str] = &["account", "name", "from", "to", "status", "why"];

pub(super) struct EnrolmentView {
    pub(super) enrolment: EnrolmentPlan,
    pub(super) checks: Vec<EnrolmentCheck>,
    pub(super) reason: String,
    pub(super) facts: Option<EnrolmentFacts>,
    pub(super) begun: Option<(Plan, Folded)>,
}

fn named_target(check: &EnrolmentCheck, facts: Option<&EnrolmentFacts>) -> String {
    let name = check.account.as_ref().zip(facts);
    named_in(
        check,
        name.map_or("", |(id, facts)| account_name(id, facts)),
    )
}

fn named_in(check: &EnrolmentCheck, name: &str) -> String {
    let target = &check.result.target;
    match &check.account {
        Some(id) => target.replacen(id.as_str(), &account(name, id.as_str()), 1),
        None => target.clone(),
    }
}

pub(super) fn named(id: &AccountId, facts: &EnrolmentFacts) -> String {
    account(account_name(id, facts), id.as_str())
}

fn account_name<'a>(id: &AccountId, facts: &'a EnrolmentFacts) -> &'a str {
    facts.accounts.get(id).map_or("", |it| it.name.as_str())
}

pub(super) fn named_checks(checks: &[EnrolmentCheck], facts: &EnrolmentFacts) -> Vec<CheckResult> {
    let named = |it: &EnrolmentCheck| CheckResult {
        target: named_target(it, Some(facts)),
        ..it.result.clone()
    };
    checks.iter().map(named).collect()
}

pub(super) fn check_rows(checks: &[EnrolmentCheck], facts: Option<&EnrolmentFacts>) -> Vec<Value> {
    let row = |it: &EnrolmentCheck| {
        let mut row = json!(it.result.row());
        let named = it.account.as_ref().zip(facts);
        let name = named.map_or("", |(id, facts)| account_name(id, facts));
        if let Some(row) = row.as_object_mut() {
            row.insert("account_name".to_owned(), json!(name));
        }
        row
    };
    checks.iter().map(row).collect()
}

type Statuses = BTreeMap<AccountId, (EnrolmentStatus, String)>;

impl EnrolmentView {
    pub(super) fn say_failed(&self) {
        for check in self.checks.iter().filter(|it| it.stops()) {
            let row = check.result.row();
            let target = named_target(check, self.facts.as_ref());
            let line = format!("{target} {}: {}; {}", row.id, row.evidence, row.remedy);
            output::say(&output::plain(&line));
        }
    }

    fn statuses(&self) -> Statuses {
        let begun = self.begun.as_ref().map(|(plan, folded)| (plan, folded));
        enrolment_results(&self.enrolment, begun)
    }

    fn unit<'b>(&'b self, id: &'b str) -> &'b str {
        self.facts.as_ref().map_or(id, |facts| facts.unit_name(id))
    }

    fn row(&self, statuses: &Statuses, id: &AccountId) -> Value {
        let planned = self.enrolment.accounts.get(id);
        let (status, why) = statuses
            .get(id)
            .map_or(("", ""), |(status, why)| (status.name(), why));
        json!({
            "account": id, "name": planned.map(|it| &it.name),
            "from": planned.map(|it| self.unit(&it.from)), "from_id": planned.map(|it| &it.from),
            "to": self.unit(&self.enrolment.to), "to_id": self.enrolment.to,
            "status": status, "why": why, "exchange": planned.map(|it| &it.exchange),
        })
    }

    fn table(&self, statuses: &Statuses) -> Table {
        let mut table = Table::new(&["account", "name", "from", "status", "why, gains and losses"]);
        for (id, planned) in &self.enrolment.accounts {
            let (status, why) = statuses
                .get(id)
                .map_or(("", ""), |(status, why)| (status.name(), why));
            let said = if why.is_empty() {
                planned.exchange.words()
            } else {
                why.to_owned()
            };
            let cells = [
                id.to_string(),
                planned.name.clone(),
                self.unit(&planned.from).to_owned(),
                status.to_owned(),
                said,
            ];
            table.row(cells);
        }
        table
    }
}

impl Shown for EnrolmentView {
    async fn tell(&mut self, at: &Opened<'_>, settled: &Settled) -> Result<(), Failure> {
        if settled.was_begun() {
            self.begun = Some(
                at.context
                    .runner
                    .load(&settled.report.plan)
                    .await
                    .map_err(run_failed)?,
            );
        }
        Ok(())
    }

    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure> {
        let statuses = self.statuses();
        let ids = self.enrolment.accounts.keys();
        let rows: Vec<Value> = ids.map(|id| self.row(&statuses, id)).collect();
        match format {
            Format::Csv => output::list(format, &rows, FIELDS, || self.table(&statuses)),
            Format::Table | Format::Json | Format::Jsonl => {
                let checks = check_rows(&self.checks, self.facts.as_ref());
                let report = settled.map(|it| &it.report);
                let whole = json!({
                    "via": self.enrolment.backend, "reason": self.reason, "to": self.enrolment.to,
                    "accounts": rows, "checks": checks, "report": report,
                });
                output::one(format, &whole, &[], || {
                    self.table(&statuses).text(output::width())
                })
            }
        }
    }

    fn exit(&self, otherwise: Exit) -> Exit {
        if self.statuses().values().any(|(status, _)| status.is_bad()) {
            Exit::Failed
        } else {
            otherwise
        }
    }
}

#[cfg(test)]
mod tests {
    use hallpass_plans::{CheckOutcome, CheckSeverity};

    use super::*;

    #[test]
    fn a_check_names_its_account_beside_the_id() {
        let check = |account: Option<&str>, target: &str| EnrolmentCheck {
            account: account.map(|it| it.parse().unwrap()),
            region: None,
            result: CheckResult {
                id: "config".to_owned(),
                title: "no recorder".to_owned(),
                severity: CheckSeverity::Error,
                target: target.to_owned(),
                outcome: CheckOutcome::Fail("there is one".to_owned()),
                remedy: "`--fix config`".to_owned(),
            },
        };
        let erp = Some("666666666666");
        for (check, name, wanted) in [
            (check(erp, "666666666666"), "erp", "erp (666666666666)"),
            (
                check(erp, "666666666666 eu-west-1"),
                "erp",
                "erp (666666666666) eu-west-1",
            ),
            (check(erp, "666666666666"), "", "666666666666"),
            (check(None, "organization"), "", "organization"),
        ] {
            assert_eq!(named_in(&check, name), wanted);
        }
    }
}
