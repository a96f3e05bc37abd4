//! A policy document as it was written, and compiled when somebody first asks for it.

use std::sync::{Arc, OnceLock};

use hallpass_iam::{Policy, PolicyType};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::vocabulary::policy_types;

/// A text that cannot be changed, so that what was compiled of it stays right.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(crate) struct Document {
    text: String,
    compiled: OnceLock<Option<Arc<Policy>>>,
}

impl Document {
    /// A document; nothing is checked.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            compiled: OnceLock::new(),
        }
    }

    /// A document as a file states it, text or JSON.
    pub(crate) fn stated(document: &Value) -> Self {
        Self::new(policy_types::text(document))
    }

    /// The text to the byte.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The policy; `None` when the text is none of its kind. A document is asked for one kind and
    /// under one name only.
    pub(crate) fn policy(&self, kind: PolicyType, name: &str) -> Option<Arc<Policy>> {
        let compile = || {
            let read = Policy::parse(&self.text, kind).ok()?;
            Some(Arc::new(read.named(name)))
        };
        self.compiled.get_or_init(compile).clone()
    }
}

impl From<String> for Document {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Document> for String {
    fn from(document: Document) -> Self {
        document.text
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
