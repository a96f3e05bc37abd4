//! A policy document in its original text, compiled at first use.

use std::sync::{Arc, OnceLock};

use hallpass_iam::{Policy, PolicyType};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::vocabulary::policy_types;

/// Immutable, so that the compiled form stays valid.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(crate) struct Document {
    text: String,
    compiled: OnceLock<Option<Arc<Policy>>>,
}

impl Document {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            compiled: OnceLock::new(),
        }
    }

    pub(crate) fn stated(document: &Value) -> Self {
        Self::new(policy_types::text(document))
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The policy; `None` when the text is invalid. Caches one kind and name per document.
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
