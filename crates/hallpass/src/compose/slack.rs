//! Slack app adapters: memory in store blobs, HTTP through the server's hook.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::identity::Identity;
use hallpass_access::{Access, AccessStore};
use hallpass_app::config::SlackApp;
use hallpass_app::host::server_store::ServerStore;
use hallpass_base::Clock;
use hallpass_channels::slack::{Client, MemoryFault, Ports, Setup, Signed, Slack, SlackMemory};
use hallpass_server::{Hook, HookAnswer, SlackWebhook};
use hallpass_terminal::exit::Failure;

struct Blobs(ServerStore);

#[async_trait]
impl SlackMemory for Blobs {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, MemoryFault> {
        let read = self.0.blob_get(key).await;
        read.map_err(|error| MemoryFault(error.to_string()))
    }

    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), MemoryFault> {
        let put = self.0.blob_put(key, bytes).await;
        put.map_err(|error| MemoryFault(error.to_string()))
    }
}

pub(super) fn app(
    wanted: &SlackApp,
    access: &Arc<Access>,
    identity: &Arc<Identity>,
    store: &ServerStore,
    clock: &Arc<dyn Clock>,
) -> Result<Slack, Failure> {
    let client = Client::new(&wanted.api_url, wanted.bot_token.clone())
        .map_err(|error| Failure::failed(format!("the Slack app cannot start: {error}")))?;
    let setup = Setup {
        portal_url: identity.portal_url.clone(),
        ..wanted.setup.clone()
    };
    let ports = Ports {
        access: Arc::clone(access),
        store: Arc::new(store.clone()) as Arc<dyn AccessStore>,
        identity: Arc::clone(identity),
        memory: Arc::new(Blobs(store.clone())),
        clock: Arc::clone(clock),
        client,
        signing_secret: wanted.signing_secret.clone(),
    };
    Ok(Slack::new(ports, setup))
}

/// None in pure Socket Mode.
pub(super) fn door(slack: Slack) -> SlackWebhook {
    let is_known = slack.knows_calls();
    is_known.then(|| Arc::new(Door(slack)) as Arc<dyn Hook>)
}

struct Door(Slack);

#[async_trait]
impl Hook for Door {
    async fn call(&self, headers: &axum::http::HeaderMap, body: axum::body::Bytes) -> HookAnswer {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let signed = Signed {
            timestamp: text("x-slack-request-timestamp"),
            signature: text("x-slack-signature"),
        };
        let reply = self.0.call(&signed, &body).await;
        HookAnswer {
            status: reply.status,
            body: reply.body,
        }
    }
}
