//! Parameters of the checks, and their construction.

use hallpass_base::AccountId;
use hallpass_plans::{CheckOutcome, CheckResult, CheckSeverity};
use jiff::civil::Date;
use serde::Deserialize;

use crate::judging::{Attestations, attested};

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CandidateAccount {
    pub account_id: AccountId,
    pub name: String,
    pub email: String,
}

#[derive(Clone, Debug)]
pub struct ReadinessQuestion {
    /// Tag key of an account's owner.
    pub owner_tag: String,
    pub attestations: Attestations,
    pub candidates: Vec<CandidateAccount>,
    pub today: Date,
}

impl ReadinessQuestion {
    /// A manual check.
    pub(super) fn manual(&self, id: &str, title: &str, words: &str) -> CheckResult {
        let outcome = attested(&self.attestations, id, words, self.today);
        let remedy = format!("look, and write it down under `{id}` in the file of answers");
        check((id, title), ORGANIZATION, outcome, &remedy)
    }
}

/// Target of organization-wide checks.
pub(super) const ORGANIZATION: &str = "organization";

/// A check of severity `error`: id and title, target, outcome, remedy.
pub(super) fn check(
    (id, title): (&str, &str),
    target: &str,
    outcome: CheckOutcome,
    remedy: &str,
) -> CheckResult {
    CheckResult {
        id: id.to_owned(),
        title: title.to_owned(),
        severity: CheckSeverity::Error,
        target: target.to_owned(),
        outcome,
        remedy: remedy.to_owned(),
    }
}

pub(super) fn warning(check: CheckResult) -> CheckResult {
    CheckResult {
        severity: CheckSeverity::Warn,
        ..check
    }
}

pub(super) fn nothing_of(found: &[String]) -> CheckOutcome {
    if found.is_empty() {
        CheckOutcome::Pass("none".to_owned())
    } else {
        CheckOutcome::Fail(found.join(", "))
    }
}
