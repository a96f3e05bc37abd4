//! An action that was denied, with what is known of its request beside the message.

use std::collections::BTreeMap;

use super::Denial;
use crate::arn::Arn;
use crate::evaluation::{Context, ContextValue};
use crate::facts;

/// The key whose value the Region of a message, or of a resource, is.
const REGION_KEY: &str = "aws:RequestedRegion";

/// Condition keys with their values.
pub type DenialKeys = BTreeMap<String, Vec<String>>;

/// An action that was denied, with the condition keys of its request that another role's request would have alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeniedAction {
    /// What AWS said of it.
    pub denial: Denial,
    pub(super) context: Context,
}

impl DeniedAction {
    /// An action and what is known of its request. Keys that say who called, or when, are left out: a permission set is
    /// another role, and is used later.
    pub fn new(denial: Denial, keys: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        let mut context = Context::new();
        if let Some(region) = region(&denial) {
            context.set(REGION_KEY, ContextValue::One(region.to_owned()));
        }
        let lasting = keys
            .into_iter()
            .filter(|(key, _)| facts::is_key_of_call(key));
        for (key, values) in lasting {
            let value = match <[String; 1]>::try_from(values) {
                Ok([one]) => ContextValue::One(one),
                Err(some) => ContextValue::List(some),
            };
            context.set(&key, value);
        }
        Self { denial, context }
    }

    /// The condition keys that are known of the request.
    pub fn keys(&self) -> DenialKeys {
        let keys = self.context.iter();
        keys.map(|(key, value)| (key.to_owned(), value.values().to_vec()))
            .collect()
    }
}

/// The Region whose endpoint was called: that of the message, which is where AWS keeps the details, and that of the resource.
/// Where they differ nobody knows.
fn region(denial: &Denial) -> Option<&str> {
    let told = denial.region.as_deref();
    let resource = denial.resource.as_deref().and_then(Arn::parse);
    let of_resource = resource.map(|it| it.region);
    let of_resource = of_resource.filter(|it| !it.is_empty() && !it.contains(['*', '?']));
    match (told, of_resource) {
        (Some(told), Some(other)) if told != other => None,
        (told, other) => told.or(other),
    }
}
