//! Warnings to confirm before sensitive access is requested or approved (`access.md` §2.9).

use serde::Serialize;

use crate::rule::RuleId;

const ID_BYTES: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleWarning {
    pub rule: RuleId,
    /// Derived from the text, so that a changed text needs new confirmation.
    pub id: String,
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

    pub fn add_each_once(all: &mut Vec<Self>, more: impl IntoIterator<Item = Self>) {
        for warning in more {
            if !all.iter().any(|known| known.id == warning.id) {
                all.push(warning);
            }
        }
    }

    pub fn is_among(&self, ids: &[String]) -> bool {
        ids.contains(&self.id)
    }
}
