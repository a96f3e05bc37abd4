//! Complete check of a rule file: errors, warnings and tests.

use hallpass_base::Timestamp;
use serde::Serialize;

use crate::{
    cancel::CancelFlag,
    diagnostic::{Diagnostic, FindingCode, Severity},
    directory::Directory,
    engine::RoleGroup,
    named_facts::WhyUnread,
    read::Loaded,
    selftest::{RuleTestOutcome, TestResult},
};

#[derive(Debug, Clone, Serialize)]
pub struct CheckedFile {
    pub file: String,
    pub errors: usize,
    pub warnings: usize,
    pub notes: usize,
    pub tests_failed: usize,
    pub findings: Vec<Diagnostic>,
    /// Tests in order; empty if the file does not load.
    pub tests: Vec<TestResult>,
}

/// Check result, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckVerdict {
    /// Errors prevent loading.
    Broken,
    /// A test fails, or the file has no rules.
    Failed,
    Warned,
    Clean,
}

impl CheckedFile {
    /// Checks a parsed file, with names and tests against `facts` if known, and with the groups
    /// that hold `roles`. Tests without a time run at `now`.
    pub fn new(
        file: &str,
        read: &Result<Loaded, Vec<Diagnostic>>,
        facts: Option<&Directory>,
        role_groups: &[RoleGroup],
        now: Timestamp,
    ) -> Self {
        let cancel = CancelFlag::default();
        Self::checked(file, read, facts.is_some(), |loaded| {
            let tests = loaded.rules.run_tests_until(facts, now, &cancel);
            (loaded.rules.check_until(facts, role_groups, &cancel), tests)
        })
    }

    /// Checks a file before it is in force, against a possibly incomplete directory. Unread facts
    /// are noted, and tests depending on them are skipped. `None`: nothing was ever read. Stops
    /// when `cancel` is set; the result is then incomplete and must be dropped.
    pub fn ahead(
        file: &str,
        read: &Result<Loaded, Vec<Diagnostic>>,
        facts: Option<(&Directory, &WhyUnread)>,
        role_groups: &[RoleGroup],
        now: Timestamp,
        cancel: &CancelFlag,
    ) -> Self {
        Self::checked(file, read, facts.is_some(), |loaded| {
            let rules = &loaded.rules;
            if let Some((facts, why)) = facts {
                let tests = rules.run_tests_ahead(facts, now, cancel);
                (rules.check_ahead(facts, why, role_groups, cancel), tests)
            } else {
                let tests = rules.run_tests_until(None, now, cancel);
                (rules.check_until(None, role_groups, cancel), tests)
            }
        })
    }

    fn checked(
        file: &str,
        read: &Result<Loaded, Vec<Diagnostic>>,
        has_facts: bool,
        check: impl FnOnce(&Loaded) -> (Vec<Diagnostic>, Vec<TestResult>),
    ) -> Self {
        let (findings, tests) = match read {
            Err(errors) => (errors.clone(), Vec::new()),
            Ok(loaded) => check(loaded),
        };
        Self::of(file, findings, tests, has_facts)
    }

    fn of(file: &str, findings: Vec<Diagnostic>, tests: Vec<TestResult>, has_facts: bool) -> Self {
        let count = |severity| {
            let found = findings.iter().filter(|it| it.severity == severity);
            found.count()
        };
        let failed = tests.iter().filter(|it| it.has_failed(has_facts));
        Self {
            file: file.to_owned(),
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
            tests_failed: failed.count(),
            findings,
            tests,
        }
    }

    pub fn verdict(&self) -> CheckVerdict {
        let is_empty = |finding: &Diagnostic| finding.code == FindingCode::NoRules;
        let mut errors = self.findings.iter().filter(|it| it.is_error());
        if errors.any(|error| !is_empty(error)) {
            CheckVerdict::Broken
        } else if self.tests_failed > 0 || self.findings.iter().any(is_empty) {
            CheckVerdict::Failed
        } else if self.warnings > 0 || self.has_unjudged() {
            CheckVerdict::Warned
        } else {
            CheckVerdict::Clean
        }
    }

    fn has_unjudged(&self) -> bool {
        let mut tests = self.tests.iter();
        tests.any(|test| matches!(test.outcome, RuleTestOutcome::NotJudged(_)))
    }
}

impl TestResult {
    /// Returns whether a test failed. Tests lacking a directory or facts did not fail.
    fn has_failed(&self, has_facts: bool) -> bool {
        match &self.outcome {
            RuleTestOutcome::Passed | RuleTestOutcome::NotJudged(_) => false,
            RuleTestOutcome::Failed(_) => true,
            RuleTestOutcome::NeedsDirectory(_) => has_facts,
        }
    }
}
