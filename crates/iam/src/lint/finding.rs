use jiff::Timestamp;
use serde::Serialize;

use super::codes::{LintCode, Severity};
use super::patch::PatchOperation;
use crate::language::{PolicyType, ScpLanguage};

/// One finding (`policies.md` §6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LintFinding {
    pub code: LintCode,
    pub severity: Severity,
    /// JSON pointer; empty for the whole.
    pub pointer: String,
    pub sid: Option<String>,
    /// Problem and remedy.
    pub message: String,
    /// If mechanical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Vec<PatchOperation>>,
    #[serde(skip)]
    pub region: Region,
}

/// Lines and columns from 1, columns in characters; exclusive end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Region {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    /// Exclusive.
    pub end_column: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub kind: PolicyType,
    pub language: ScpLanguage,
    /// Whether example account ids count as placeholders.
    pub prod: bool,
    /// Whether words such as `REPLACE` and `XXX` count as placeholders: in a generated policy they
    /// belong to user names, unlike brackets and braces.
    pub words: bool,
    /// Codes to skip.
    pub disabled: Vec<LintCode>,
    /// Codes to accept in the statement with this `Sid`.
    pub waived: Vec<(LintCode, String)>,
    /// Enables the check for expired time windows.
    pub now: Option<Timestamp>,
    /// Overrides the length limit.
    pub limit: Option<usize>,
    /// Accounts of the user's organization.
    pub own_accounts: Vec<String>,
    pub management_account: Option<String>,
}

impl Options {
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
