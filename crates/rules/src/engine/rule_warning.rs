//! What is to be read and confirmed before sensitive access is asked for or approved
//! (`access.md` §2.9).

use serde::Serialize;

use crate::rule::RuleId;

/// How much of a text's hash tells it from others, in bytes.
const ID_BYTES: usize = 8;

/// A warning that a rule gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleWarning {
    /// The rule.
    pub rule: RuleId,
    /// The text's own id: another text has another one, so that nobody confirms what they did not read.
    pub id: String,
    /// What it says.
    pub text: String,
}

impl RuleWarning {
    pub(super) fn new(rule: &RuleId, text: &str) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        let first = digest.as_ref().iter().take(ID_BYTES);
        Self {
            rule: rule.clone(),
            id: hex::encode(first.copied().collect::<Vec<u8>>()),
            text: text.to_owned(),
        }
    }

    /// Adds those that are not among `all` yet, in the order they come: a text is said once, however many targets it is
    /// said of.
    pub fn add_each_once(all: &mut Vec<Self>, more: impl IntoIterator<Item = Self>) {
        for warning in more {
            if !all.iter().any(|known| known.id == warning.id) {
                all.push(warning);
            }
        }
    }

    /// Whether it is among the ids that somebody confirms.
    pub fn is_among(&self, ids: &[String]) -> bool {
        ids.contains(&self.id)
    }
}
