//! Validates rule files that are not in force.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /api/v1/rules/check`: a rule file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckRules {
    /// File name, up to 255 bytes; the extension selects the syntax: `.toml`, `.yaml`, `.json` or
    /// `.hcl`.
    pub file: String,
    /// File text, up to 1 MiB.
    pub text: String,
    /// Whether warnings make `exit` 3.
    #[serde(default)]
    pub fail_on_findings: bool,
}

/// Findings and test results of a rule file: the output of `hallpass rules check --output json`,
/// and two more fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RulesChecked {
    /// File name.
    pub file: String,
    /// Findings that prevent loading.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes about unread facts that the file names, to be judged once it is in force.
    #[serde(default)]
    pub notes: usize,
    /// Failed tests.
    pub tests_failed: usize,
    /// The first 500 findings, in file order.
    pub findings: Vec<RuleFinding>,
    /// Tests in order; empty if the file would not load.
    pub tests: Vec<TestedRule>,
    /// Exit code of `hallpass rules check`: 0, 1 if a test fails or there are no rules, 2 if the
    /// file would not load, 3 for warnings with `fail_on_findings`.
    pub exit: u8,
    /// When accounts, people and groups were read, for name checks; absent before the first read,
    /// without such checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub directory_taken_at: Option<Timestamp>,
}

/// Severity of a finding: with an `error` the file would not load; a `note` says that it names
/// unread facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleSeverity {
    Error,
    Warning,
    Note,
}

/// A finding in a rule file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleFinding {
    /// `error`: the file would not load; `warning`; or `note`: the file names unread facts.
    pub severity: RuleSeverity,
    /// Stable code, as in the [rules reference](rules.md#errors-and-warnings).
    pub code: String,
    /// File.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, in characters from 1.
    pub column: u32,
    /// List: `rule`, `test`, `statements`, `group_statements`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// Index in that list, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// Key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Value, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Problem.
    pub message: String,
    /// Suggestion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A test of a rule file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestedRule {
    /// Name, or the requested target.
    pub name: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, in characters from 1.
    pub column: u32,
    /// Result.
    pub outcome: TestEnd,
}

/// The result of a rule test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestEnd {
    /// As expected.
    Passed,
    /// Different: the expected and the actual results.
    Failed(Vec<String>),
    /// Needs directory facts that were not read yet; `tests_failed` does not count it.
    NeedsDirectory(String),
}
