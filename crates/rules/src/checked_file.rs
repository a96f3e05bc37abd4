//! All that is found about a rule file: what is wrong or odd with it, and whether its tests pass.

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

/// What was found about a rule file.
#[derive(Debug, Clone, Serialize)]
pub struct CheckedFile {
    /// The file's name.
    pub file: String,
    /// How many findings keep it from being loaded.
    pub errors: usize,
    /// How many warnings there are.
    pub warnings: usize,
    /// How many notes of what was not read.
    pub notes: usize,
    /// How many of its tests fail.
    pub tests_failed: usize,
    /// The findings, in the order of the file.
    pub findings: Vec<Diagnostic>,
    /// Its tests, in their order; none where it is not loaded.
    pub tests: Vec<TestResult>,
}

/// What a check comes to, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckVerdict {
    /// The file has errors and would not be loaded.
    Broken,
    /// A test fails, or there are no rules in it.
    Failed,
    /// There are warnings.
    Warned,
    /// There is nothing to say.
    Clean,
}

impl CheckedFile {
    /// Checks what came of reading `file`, with names and tests held against `facts` where there are any, and with the
    /// groups that hold `roles`. Tests without a time of their own run at `now`.
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

    /// Checks a file ahead of its being in force, by a directory that may not have all that it names: what was not read,
    /// and why, is noted, and tests that rest on it are not judged. `None`: nothing was ever read. Stops when `cancel` is
    /// set: what comes of it then is incomplete and to be dropped.
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
                (rules.check_ahead((facts, why), role_groups, cancel), tests)
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

    /// What it comes to. A file without rules is well formed, and no good all the same.
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

    /// Whether a test could not be judged by what was read: nobody knows whether it passes.
    fn has_unjudged(&self) -> bool {
        let mut tests = self.tests.iter();
        tests.any(|test| matches!(test.outcome, RuleTestOutcome::NotJudged(_)))
    }
}

impl TestResult {
    /// Whether it did not pass. One that lacks a directory has not failed, as long as there is none, nor has one that is not
    /// judged.
    fn has_failed(&self, has_facts: bool) -> bool {
        match &self.outcome {
            RuleTestOutcome::Passed | RuleTestOutcome::NotJudged(_) => false,
            RuleTestOutcome::Failed(_) => true,
            RuleTestOutcome::NeedsDirectory(_) => has_facts,
        }
    }
}
