//! Slack app adapters: memory in store blobs, HTTP through the server's hook, background tasks.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::{AccessStore, Channel};
use hallpass_app::config::SlackApp;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::waiting::spawn;
use hallpass_channels::slack::{Client, MemoryFault, Ports, Setup, Signed, Slack, SlackMemory};
use hallpass_server::{ChannelWebhook, Hook, HookAnswer};
use hallpass_terminal::exit::Failure;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{ChannelPorts, InteractiveChannel};

/// One hook answers both (`access.md` §11.1).
const PATHS: &[&str] = &["/slack/interactions", "/slack/commands"];

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

pub(super) fn open(
    wanted: Option<SlackApp>,
    ports: ChannelPorts<'_>,
) -> Result<InteractiveChannel, Failure> {
    let slack = wanted.as_ref().map(|it| app(it, ports)).transpose()?;
    let app_token = wanted.and_then(|it| it.app_token);
    // pure Socket Mode has no hook
    let called = slack.clone().filter(Slack::knows_calls);
    Ok(InteractiveChannel {
        channel: slack.clone().map(|it| Arc::new(it) as Arc<dyn Channel>),
        webhook: ChannelWebhook {
            paths: PATHS,
            hook: called.map(|it| Arc::new(SlackHook(it)) as Arc<dyn Hook>),
        },
        spawn_tasks: Box::new(move |tasks, stop| {
            if let Some(slack) = &slack {
                spawn_tasks(slack, app_token.as_ref(), tasks, stop);
            }
        }),
    })
}

fn app(
    wanted: &SlackApp,
    (access, identity, store, clock): ChannelPorts<'_>,
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

fn spawn_tasks(
    slack: &Slack,
    app_token: Option<&SecretString>,
    tasks: &mut JoinSet<()>,
    stop: &watch::Sender<bool>,
) {
    spawn(tasks, "line", stop, slack, |slack, stop| async move {
        slack.follow_line(stop).await;
    });
    let what = "armed ends told";
    spawn(tasks, what, stop, slack, |slack, stop| async move {
        slack.follow_ends(stop).await;
    });
    let what = "remediation messages";
    spawn(tasks, what, stop, slack, |slack, stop| async move {
        slack.follow_remediations(stop).await;
    });
    if let Some(token) = app_token {
        let socket = (slack.clone(), token.clone());
        let listen = |(slack, token): (Slack, SecretString), stop| async move {
            slack.listen(token, stop).await;
        };
        spawn(tasks, "slack", stop, &socket, listen);
    }
}

struct SlackHook(Slack);

#[async_trait]
impl Hook for SlackHook {
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
