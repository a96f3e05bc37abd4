use serde::Serialize;

use crate::rule::{RuleId, TextPattern};

/// Required form of a reason or ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    pub rule: RuleId,
    pub pattern: TextPattern,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Requirement {
    /// Describes the requirement, with the rule's hint if any. `what` is `reason` or `ticket`.
    pub fn words(&self, what: &str) -> String {
        let Self {
            rule,
            pattern,
            hint,
        } = self;
        match hint {
            Some(hint) => format!("Rule `{rule}`: {hint}"),
            None => format!(
                "Rule `{rule}` wants a {what} of the form `{}`.",
                pattern.as_str()
            ),
        }
    }
}
