//! Pending sign-ins and logins: in the server's store, so that another node can complete them, or
//! else in this process.

use std::sync::{Arc, OnceLock};

use hallpass_access::identity::{HandoverFault, HandoverStore, OwnHandovers};
use hallpass_base::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

#[derive(Clone, Default)]
pub(crate) struct Handovers(Arc<HandoverPlace>);

#[derive(Default)]
struct HandoverPlace {
    own: OwnHandovers,
    shared: OnceLock<Arc<dyn HandoverStore>>,
}

/// A stored value with its serialized form, for compare-and-swap.
pub(crate) struct Kept<T> {
    pub(crate) value: T,
    body: String,
}

impl Handovers {
    pub(crate) fn keep_in(&self, store: Arc<dyn HandoverStore>) {
        let _: Result<(), _> = self.0.shared.set(store);
    }

    fn store(&self) -> &dyn HandoverStore {
        match self.0.shared.get() {
            Some(shared) => shared.as_ref(),
            None => &self.0.own,
        }
    }

    pub(crate) async fn keep(
        &self,
        kind: &str,
        key: &str,
        value: &impl Serialize,
        until: Timestamp,
    ) -> Result<(), HandoverFault> {
        self.store().keep(kind, key, &written(value)?, until).await
    }

    /// Reads a value. An unreadable value of another release counts as missing.
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        kind: &str,
        key: &str,
    ) -> Result<Option<Kept<T>>, HandoverFault> {
        let body = self.store().kept(kind, key).await?;
        Ok(body.and_then(|body| {
            let value = serde_json::from_str(&body).ok()?;
            Some(Kept { value, body })
        }))
    }

    pub(crate) async fn take<T>(
        &self,
        kind: &str,
        key: &str,
        kept: &Kept<T>,
    ) -> Result<bool, HandoverFault> {
        self.store().exchange(kind, key, &kept.body, None).await
    }

    pub(crate) async fn change<T: Serialize>(
        &self,
        kind: &str,
        key: &str,
        kept: &Kept<T>,
        value: &T,
    ) -> Result<bool, HandoverFault> {
        let after = written(value)?;
        let store = self.store();
        store.exchange(kind, key, &kept.body, Some(&after)).await
    }
}

fn written(value: &impl Serialize) -> Result<String, HandoverFault> {
    serde_json::to_string(value).map_err(|error| HandoverFault(error.to_string()))
}
