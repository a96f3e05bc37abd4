use super::Ready;
use crate::diagnostic::{Diagnostic, FindingCode};

pub(super) fn warn(ready: &Ready, code: FindingCode, message: impl Into<String>) -> Diagnostic {
    let rule = &ready.rule;
    Diagnostic::warning(code, rule.position, message).at(rule.list, rule.index)
}
