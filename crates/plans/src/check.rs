//! Checks: read-only findings about one object (`organization.md` §0.2). Unreadable is `unknown`,
//! and never passes.

use std::fmt::{self, Write as _};

use jiff::civil::Date;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckSeverity {
    Info,
    Warn,
    Error,
}

impl CheckSeverity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    Pass(String),
    Fail(String),
    Unknown {
        /// The denied action: `iam:GetAccountSummary`; or other missing input.
        action: String,
        reason: String,
    },
    /// No API exists: needs a manual check.
    Manual(String),
    /// No API exists; a user attests it.
    Attested {
        name: String,
        expires: Date,
    },
    NotApplicable(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// Stable id: `root-mfa`.
    pub id: String,
    pub title: String,
    pub severity: CheckSeverity,
    pub target: String,
    pub outcome: CheckOutcome,
    pub remedy: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckRow {
    pub id: String,
    pub title: String,
    pub severity: CheckSeverity,
    /// `pass`, `fail`, `unknown`, `manual`, `attested` or `not_applicable`.
    pub status: &'static str,
    pub target: String,
    pub evidence: String,
    /// Empty if nothing is to be done.
    pub remedy: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckScore {
    pub passed: usize,
    pub applicable: usize,
    pub all: usize,
}

impl CheckScore {
    pub fn of<'a>(checks: impl IntoIterator<Item = &'a CheckResult>) -> Self {
        let mut score = Self::default();
        for check in checks {
            score.all += 1;
            score.applicable +=
                usize::from(!matches!(check.outcome, CheckOutcome::NotApplicable(_)));
            score.passed += usize::from(matches!(
                check.outcome,
                CheckOutcome::Pass(_) | CheckOutcome::Attested { .. }
            ));
        }
        score
    }
}

impl fmt::Display for CheckScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, applicable) = (self.passed, self.applicable);
        write!(f, "passed {passed} of {applicable} applicable checks")?;
        match self.all.saturating_sub(applicable) {
            0 => Ok(()),
            others => write!(f, " ({others} do not apply)"),
        }
    }
}

/// What counts as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckStrictness {
    /// Failed checks of severity `error`.
    Errors,
    /// Also warnings and unknown.
    Everything,
}

impl CheckResult {
    /// The display word: failed warnings and notes are not called failures.
    pub fn verdict(&self) -> &'static str {
        match (&self.outcome, self.severity) {
            (CheckOutcome::Fail(_), CheckSeverity::Warn | CheckSeverity::Info) => {
                self.severity.name()
            }
            _ => self.row().status,
        }
    }

    pub fn row(&self) -> CheckRow {
        let (status, evidence) = match &self.outcome {
            CheckOutcome::Pass(seen) => ("pass", seen.clone()),
            CheckOutcome::Fail(seen) => ("fail", seen.clone()),
            CheckOutcome::Unknown { action, reason } => ("unknown", format!("{action}: {reason}")),
            CheckOutcome::Manual(what) => ("manual", what.clone()),
            CheckOutcome::Attested { name, expires } => {
                ("attested", format!("{name} vouches for it until {expires}"))
            }
            CheckOutcome::NotApplicable(why) => ("not_applicable", why.clone()),
        };
        let is_fine = matches!(
            self.outcome,
            CheckOutcome::Pass(_) | CheckOutcome::Attested { .. } | CheckOutcome::NotApplicable(_)
        );
        CheckRow {
            id: self.id.clone(),
            title: self.title.clone(),
            severity: self.severity,
            status,
            target: self.target.clone(),
            evidence,
            remedy: if is_fine {
                String::new()
            } else {
                self.remedy.clone()
            },
        }
    }

    pub fn is_failed(&self, strictness: CheckStrictness) -> bool {
        match (&self.outcome, strictness) {
            (CheckOutcome::Fail(_), CheckStrictness::Errors) => {
                self.severity == CheckSeverity::Error
            }
            (CheckOutcome::Fail(_), CheckStrictness::Everything) => {
                self.severity >= CheckSeverity::Warn
            }
            (CheckOutcome::Unknown { .. }, CheckStrictness::Everything) => true,
            _ => false,
        }
    }
}

/// Formats `JUnit` XML: failed errors are failures, unknown ones errors, manual ones skipped.
/// Warnings appear as test output.
pub fn junit(suite: &str, checks: &[CheckResult]) -> String {
    let of = |wanted: &str| checks.iter().filter(|it| it.verdict() == wanted).count();
    let (failures, errors, tests) = (of("fail"), of("unknown"), checks.len());
    let skipped = of("manual") + of("attested") + of("not_applicable");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\" \
         errors=\"{errors}\" skipped=\"{skipped}\">\n",
        escaped(suite)
    );
    for check in checks {
        let row = check.row();
        let (id, target) = (escaped(&row.id), escaped(&row.target));
        let (said, remedy) = (escaped(&row.evidence), escaped(&row.remedy));
        let inner = match check.verdict() {
            "pass" => String::new(),
            word @ ("warn" | "info") => {
                format!("<system-out>{word}: {said}; {remedy}</system-out>")
            }
            "fail" => format!("<failure message=\"{said}\">{remedy}</failure>"),
            "unknown" => format!("<error message=\"{said}\">{remedy}</error>"),
            status => format!("<skipped message=\"{status}: {said}\"/>"),
        };
        let _ = writeln!(
            text,
            "  <testcase classname=\"{target}\" name=\"{id}\">{inner}</testcase>"
        );
    }
    text.push_str("</testsuite>\n");
    text
}

/// XML 1.0, "Characters" and "Character Data and Markup": special characters are escaped, forbidden
/// ones replaced.
fn escaped(text: &str) -> String {
    let one = |it: char| match it {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\t' | '\n' | '\r' => " ".to_owned(),
        it if it.is_control() || matches!(it, '\u{fffe}' | '\u{ffff}') => '\u{fffd}'.to_string(),
        it => it.to_string(),
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(severity: CheckSeverity, outcome: CheckOutcome) -> CheckResult {
        CheckResult {
            id: "root-mfa".to_owned(),
            title: "the root user has a second factor".to_owned(),
            severity,
            target: "111111111111".to_owned(),
            outcome,
            remedy: "set one up".to_owned(),
        }
    }

    fn unknown() -> CheckOutcome {
        CheckOutcome::Unknown {
            action: "iam:GetAccountSummary".to_owned(),
            reason: "AccessDenied".to_owned(),
        }
    }

    #[test]
    fn what_fails_and_what_does_not() {
        use CheckSeverity::{Error, Info, Warn};
        let attested = CheckOutcome::Attested {
            name: "Kim".to_owned(),
            expires: Date::constant(2026, 12, 31),
        };
        let fail = || CheckOutcome::Fail("0".to_owned());
        for (severity, outcome, status, plain, strict) in [
            (
                Error,
                CheckOutcome::Pass("1".to_owned()),
                "pass",
                false,
                false,
            ),
            (Error, fail(), "fail", true, true),
            (Warn, fail(), "fail", false, true),
            (Info, fail(), "fail", false, false),
            (Error, unknown(), "unknown", false, true),
            (Info, unknown(), "unknown", false, true),
            (
                Error,
                CheckOutcome::Manual("ask".to_owned()),
                "manual",
                false,
                false,
            ),
            (Error, attested, "attested", false, false),
            (
                Error,
                CheckOutcome::NotApplicable("no".to_owned()),
                "not_applicable",
                false,
                false,
            ),
        ] {
            let check = check(severity, outcome);
            assert_eq!(check.row().status, status);
            assert_eq!(check.is_failed(CheckStrictness::Errors), plain, "{status}");
            assert_eq!(
                check.is_failed(CheckStrictness::Everything),
                strict,
                "{status}"
            );
        }
        let row = check(Error, unknown()).row();
        assert_eq!(row.evidence, "iam:GetAccountSummary: AccessDenied");
        assert_eq!(row.remedy, "set one up");
        assert_eq!(
            check(Error, CheckOutcome::Pass(String::new())).row().remedy,
            ""
        );
    }

    #[test]
    fn junit_counts_and_hides_nothing() {
        let hostile = "a\u{1}<b> & \"c\"\n]]>";
        let checks = [
            check(CheckSeverity::Error, CheckOutcome::Pass(String::new())),
            check(CheckSeverity::Error, CheckOutcome::Fail(hostile.to_owned())),
            check(CheckSeverity::Error, unknown()),
            check(CheckSeverity::Info, CheckOutcome::Manual("look".to_owned())),
            check(CheckSeverity::Warn, CheckOutcome::Fail("old".to_owned())),
        ];
        let text = junit("payer", &checks);
        assert!(
            text.contains("<system-out>warn: old; set one up</system-out>"),
            "{text}"
        );
        assert!(text.contains(
            "<testsuite name=\"payer\" tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\">"
        ));
        assert!(
            text.contains("message=\"a\u{fffd}&lt;b&gt; &amp; &quot;c&quot; ]]&gt;\""),
            "{text}"
        );
        assert!(
            text.contains("<error message=\"iam:GetAccountSummary: AccessDenied\">"),
            "{text}"
        );
        assert_eq!(text.matches("<testcase").count(), 5);
    }

    #[test]
    fn a_score_says_of_what_and_a_warning_is_no_failure() {
        use CheckSeverity::{Error, Info, Warn};
        let fail = || CheckOutcome::Fail("0".to_owned());
        let mut checks = vec![
            check(Error, CheckOutcome::Pass("1".to_owned())),
            check(Error, fail()),
            check(Warn, fail()),
            check(Info, fail()),
            check(Warn, unknown()),
        ];
        let words: Vec<&str> = checks.iter().map(CheckResult::verdict).collect();
        assert_eq!(words, ["pass", "fail", "warn", "info", "unknown"]);
        let said = CheckScore::of(&checks).to_string();
        assert_eq!(said, "passed 1 of 5 applicable checks");
        checks.push(check(Error, CheckOutcome::NotApplicable("no".to_owned())));
        let said = CheckScore::of(&checks).to_string();
        assert_eq!(said, "passed 1 of 5 applicable checks (1 do not apply)");
    }
}
