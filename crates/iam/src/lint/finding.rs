//! What the linter answers, and what it is asked.

use jiff::Timestamp;
use serde::Serialize;

use super::codes::{LintCode, Severity};
use super::patch::PatchOperation;
use crate::language::{PolicyType, ScpLanguage};

/// One finding (`policies.md` §6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LintFinding {
    /// Which check found it.
    pub code: LintCode,
    /// How bad it is.
    pub severity: Severity,
    /// JSON pointer of the place; empty for the whole.
    pub pointer: String,
    /// The `Sid` of the statement it is in.
    pub sid: Option<String>,
    /// What is wrong and what would help.
    pub message: String,
    /// The repair, where it is mechanical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Vec<PatchOperation>>,
    /// Where it stands in the text.
    #[serde(skip)]
    pub region: Region,
}

/// A stretch of a text: lines and columns from 1, columns in characters; the end is behind the
/// last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Region {
    /// First line.
    pub line: usize,
    /// First column.
    pub column: usize,
    /// Last line.
    pub end_line: usize,
    /// Column behind the last.
    pub end_column: usize,
}

/// How to lint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the policy is for.
    pub kind: PolicyType,
    /// The language level of service control policies.
    pub language: ScpLanguage,
    /// Whether account ids of examples are placeholders that were left.
    pub prod: bool,
    /// Whether words such as `REPLACE` and `XXX` are placeholders that were left: in a policy that was made for somebody they are
    /// of a name that was given, where brackets and braces are in no name.
    pub words: bool,
    /// Codes that are not looked for.
    pub disabled: Vec<LintCode>,
    /// Codes that are accepted in the statement with this `Sid`.
    pub waived: Vec<(LintCode, String)>,
    /// The present, for windows of time that are over; without it they are not looked for.
    pub now: Option<Timestamp>,
    /// The longest text, instead of the limit of the kind.
    pub limit: Option<usize>,
    /// Accounts of one's own organization.
    pub own_accounts: Vec<String>,
    /// The management account.
    pub management_account: Option<String>,
}

impl Options {
    /// The usual way to lint a policy of a kind.
    pub fn new(kind: PolicyType) -> Self {
        Self {
            kind,
            language: ScpLanguage::Full,
            prod: false,
            words: true,
            disabled: Vec::new(),
            waived: Vec::new(),
            now: None,
            limit: None,
            own_accounts: Vec::new(),
            management_account: None,
        }
    }
}
