//! What the checks are held against beside what was read, and how one is written down.

use hallpass_base::AccountId;
use hallpass_plans::{CheckOutcome, CheckResult, CheckSeverity};
use jiff::civil::Date;
use serde::Deserialize;

use crate::judging::{Attestations, attested};

/// An account that is to be taken in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CandidateAccount {
    /// Its id.
    pub account_id: AccountId,
    /// Its name.
    pub name: String,
    /// The address of its root user.
    pub email: String,
}

/// What the checks are held against, beside what was read.
#[derive(Clone, Debug)]
pub struct ReadinessQuestion {
    /// The key of the tag that says whose an account is.
    pub owner_tag: String,
    /// What somebody vouches for.
    pub attestations: Attestations,
    /// Accounts that are to be taken in.
    pub candidates: Vec<CandidateAccount>,
    /// The day of the checks.
    pub today: Date,
}

impl ReadinessQuestion {
    /// A check of what no API says.
    pub(super) fn manual(&self, id: &str, title: &str, words: &str) -> CheckResult {
        let outcome = attested(&self.attestations, id, words, self.today);
        let remedy = format!("look, and write it down under `{id}` in the file of answers");
        check((id, title), ORGANIZATION, outcome, &remedy)
    }
}

/// What a check of no single account is about.
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

/// The same, as a warning.
pub(super) fn warning(check: CheckResult) -> CheckResult {
    CheckResult {
        severity: CheckSeverity::Warn,
        ..check
    }
}

/// A list that should be empty.
pub(super) fn nothing_of(found: &[String]) -> CheckOutcome {
    if found.is_empty() {
        CheckOutcome::Pass("none".to_owned())
    } else {
        CheckOutcome::Fail(found.join(", "))
    }
}
