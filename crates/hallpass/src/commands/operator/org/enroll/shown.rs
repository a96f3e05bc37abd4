//! What became of accounts, as it is printed.

use std::collections::BTreeMap;

use hallpass_model::AccountId;
use hallpass_org::enrolment::{
    EnrolmentCheck, EnrolmentFacts, EnrolmentPlan, EnrolmentStatus, enrolment_results,
};
use hallpass_runner::{Folded, Plan};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Table};

const FIELDS: &[&str] = &["account", "name", "from", "to", "status", "why"];

/// An enrolment, and what was found before it.
pub(super) struct ShownEnrolment<'a> {
    pub(super) enrolment: &'a EnrolmentPlan,
    pub(super) checks: &'a [EnrolmentCheck],
    /// Why it is done in this way.
    pub(super) reason: &'a str,
    /// How units are called; `None` where that was not read.
    pub(super) facts: Option<&'a EnrolmentFacts>,
}

type Statuses = BTreeMap<AccountId, (EnrolmentStatus, String)>;

impl ShownEnrolment<'_> {
    /// Says on stderr which checks stop an account.
    pub(super) fn say_failed(&self) {
        for check in self.checks.iter().filter(|it| it.stops()) {
            let row = check.result.row();
            let line = format!(
                "{} {}: {}; {}",
                row.target, row.id, row.evidence, row.remedy
            );
            output::say(&output::plain(&line));
        }
    }

    /// The exit code that accounts lead to.
    pub(super) fn exit(&self, begun: Option<(&Plan, &Folded)>) -> Exit {
        let statuses = enrolment_results(self.enrolment, begun);
        if statuses.values().any(|(status, _)| status.is_bad()) {
            Exit::Failed
        } else {
            Exit::Ok
        }
    }

    fn unit<'b>(&'b self, id: &'b str) -> &'b str {
        self.facts.map_or(id, |facts| facts.unit_name(id))
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

    /// Prints it: for people, as JSON with checks and report beside the accounts, or as CSV.
    ///
    /// # Errors
    /// When stdout does not take it.
    pub(super) fn print(
        &self,
        begun: Option<(&Plan, &Folded)>,
        report: Option<&Value>,
        format: Format,
    ) -> Result<(), Failure> {
        let statuses = enrolment_results(self.enrolment, begun);
        let rows: Vec<Value> = self
            .enrolment
            .accounts
            .keys()
            .map(|id| self.row(&statuses, id))
            .collect();
        match format {
            Format::Csv => output::list(format, &rows, FIELDS, || self.table(&statuses)),
            Format::Table | Format::Json | Format::Jsonl => {
                let checks: Vec<_> = self.checks.iter().map(|it| it.result.row()).collect();
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
