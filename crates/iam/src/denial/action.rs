//! A denied action with known context.

use std::collections::BTreeMap;

use super::Denial;
use crate::arn::Arn;
use crate::evaluation::{Context, ContextValue};
use crate::facts;

const REGION_KEY: &str = "aws:RequestedRegion";

pub type DenialKeys = BTreeMap<String, Vec<String>>;

/// A denied action, with condition keys that another role's request would share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeniedAction {
    pub denial: Denial,
    pub(super) context: Context,
}

impl DeniedAction {
    /// Drops keys about caller or time: a permission set is another role, used later.
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

    pub fn keys(&self) -> DenialKeys {
        let keys = self.context.iter();
        keys.map(|(key, value)| (key.to_owned(), value.values().to_vec()))
            .collect()
    }
}

/// The called Region: the message's, where AWS keeps details, else the resource's; unknown if they
/// differ.
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
