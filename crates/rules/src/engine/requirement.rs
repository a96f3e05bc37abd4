//! What rules want of reasons and tickets.

use serde::Serialize;

use crate::rule::{RuleId, TextPattern};

/// What a reason or a ticket must look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// The rule that asks for it.
    pub rule: RuleId,
    /// The expression that must be found in the text.
    pub pattern: TextPattern,
    /// The same in the rule's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Requirement {
    /// What to write, for people: in the rule's own words, where it has some. `what` is `reason` or
    /// `ticket`.
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
