//! Rule files that are not in force, checked by what the server knows.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /api/v1/rules/check`: a rule file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckRules {
    /// The file's name, up to 255 bytes, whose ending tells its syntax: `.toml`, `.yaml`, `.json` or `.hcl`.
    pub file: String,
    /// The file's text, up to 1 MiB.
    pub text: String,
    /// Whether warnings make `exit` 3.
    #[serde(default)]
    pub fail_on_findings: bool,
}

/// What is wrong or odd with a rule file, and whether its tests pass: what `hallpass rules check --output json` prints,
/// and two fields more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RulesChecked {
    /// The file's name.
    pub file: String,
    /// How many findings keep it from being loaded.
    pub errors: usize,
    /// How many warnings there are.
    pub warnings: usize,
    /// How many notes there are, of what the file names and was not read: it is judged once the file is in force.
    #[serde(default)]
    pub notes: usize,
    /// How many of its tests fail.
    pub tests_failed: usize,
    /// The first 500 findings, in the order of the file.
    pub findings: Vec<RuleFinding>,
    /// Its tests, in their order; none where it would not be loaded.
    pub tests: Vec<TestedRule>,
    /// How `hallpass rules check` would end: 0, 1 when a test fails or there are no rules, 2 when the file would not be
    /// loaded, 3 when there are warnings and `fail_on_findings` is set.
    pub exit: u8,
    /// When the accounts, people and groups were read that names were held against; absent before the first time, when
    /// none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub directory_taken_at: Option<Timestamp>,
}

/// A finding about a rule file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleFinding {
    /// `error`: the file would not be loaded; `warning`; or `note`: the file names what was not read.
    pub severity: String,
    /// Its stable name, as in the [rules reference](rules.md#errors-and-warnings).
    pub code: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, in characters from 1.
    pub column: u32,
    /// The list that it is in: `rule`, `test`, `statements`, `group_statements`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// The place in that list, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// The key that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The value that it is about, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A test of a rule file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestedRule {
    /// Its name, or what it asks for.
    pub name: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, in characters from 1.
    pub column: u32,
    /// How it went.
    pub outcome: TestEnd,
}

/// How a test of a rule file went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestEnd {
    /// As expected.
    Passed,
    /// Otherwise: what was expected and what came.
    Failed(Vec<String>),
    /// It names something that only the directory can tell, and none was read yet; or it rests on what the file names and was
    /// not read, which `tests_failed` does not count.
    NeedsDirectory(String),
}
