//! Where sign-ins and logins under way are: in the server's store, so that another node ends what this one
//! began, or in this process where there is none.

use std::sync::{Arc, OnceLock};

use hallpass_access::identity::{HandoverFault, HandoverStore, OwnHandovers};
use hallpass_base::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

/// What is kept between two calls.
#[derive(Clone, Default)]
pub(crate) struct Handovers(Arc<HandoverPlace>);

#[derive(Default)]
struct HandoverPlace {
    own: OwnHandovers,
    shared: OnceLock<Arc<dyn HandoverStore>>,
}

/// Something that was kept: as it was written, which is what it is exchanged for.
pub(crate) struct Kept<T> {
    pub(crate) value: T,
    body: String,
}

impl Handovers {
    /// From now on they are there.
    pub(crate) fn keep_in(&self, store: Arc<dyn HandoverStore>) {
        // one server has one store
        let _: Result<(), _> = self.0.shared.set(store);
    }

    fn store(&self) -> &dyn HandoverStore {
        match self.0.shared.get() {
            Some(shared) => shared.as_ref(),
            None => &self.0.own,
        }
    }

    /// Keeps a value until its time is over.
    pub(crate) async fn keep(
        &self,
        kind: &str,
        key: &str,
        value: &impl Serialize,
        until: Timestamp,
    ) -> Result<(), HandoverFault> {
        self.store().keep(kind, key, &written(value)?, until).await
    }

    /// What is kept. A value of another release that cannot be read is none.
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

    /// Takes what was found; `false` when somebody else did.
    pub(crate) async fn take<T>(
        &self,
        kind: &str,
        key: &str,
        kept: &Kept<T>,
    ) -> Result<bool, HandoverFault> {
        self.store().exchange(kind, key, &kept.body, None).await
    }

    /// Puts another value in the place of what was found; `false` when it is not there any more.
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
