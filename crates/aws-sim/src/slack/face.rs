//! The simulated Slack's public interface: one workspace under its lock.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::base::Refusal;
use axum::http::StatusCode;
use serde_json::Value;

use super::{host::SlackHost, socket::Wires, workspace::Workspace};

/// The simulated Slack. Not durable: a restart deletes all messages.
pub struct SlackSimulator {
    open: Mutex<OpenWorkspace>,
    pub(crate) wires: Wires,
    pub(crate) http: reqwest::Client,
}

#[derive(Default)]
pub(crate) struct OpenWorkspace {
    pub space: Option<Workspace>,
    request_url: Option<String>,
}

impl OpenWorkspace {
    /// Returns the workspace.
    pub(crate) fn space(&mut self) -> Result<&mut Workspace, Refusal> {
        let none = || {
            let text = "the organization file has no section `slack`";
            Refusal::new(StatusCode::NOT_FOUND, "no_slack", text)
        };
        self.space.as_mut().ok_or_else(none)
    }
}

/// Values for an app's configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct SlackFacts {
    /// Token of the Web API, `xoxb-…`
    pub bot_token: String,
    /// Token of Socket Mode, `xapp-…`
    pub app_token: String,
    /// Key of the signatures on requests to the app.
    pub signing_secret: String,
    pub channel: String,
    /// Id of the workspace, `T…`
    pub team: String,
}

impl fmt::Debug for SlackFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlackFacts")
            .field("channel", &self.channel)
            .field("team", &self.team)
            .finish_non_exhaustive()
    }
}

impl Default for SlackSimulator {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            wires: Wires::default(),
            http: client(),
        }
    }
}

impl SlackSimulator {
    /// Resets to a section `slack` of an organization file, or to no workspace. `read` returns the
    /// section and the organization's seed; the workspace is locked meanwhile.
    pub fn open(&self, read: impl FnOnce() -> (Option<Value>, u64)) {
        let mut open = self.lock();
        let (section, seed) = read();
        let before = open.space.as_ref().map_or(0, |space| space.revision);
        open.space = section.map(|section| Workspace::new(&section, seed));
        let url = open.request_url.clone();
        if let Some(space) = &mut open.space {
            space.revision = before + 1;
            if url.is_some() {
                space.settings.request_url = url;
            }
        }
    }

    /// Sets the interaction address, over the file's `request_url` and also for sections opened
    /// later. Slash commands use the file's `command_url`. Without one they use the same address,
    /// with a final `/slack/interactions` replaced by `/slack/commands`.
    pub fn set_request_url(&self, url: String) {
        let mut open = self.lock();
        if let Some(space) = &mut open.space {
            space.settings.request_url = Some(url.clone());
        }
        open.request_url = Some(url);
    }

    pub fn facts(&self) -> Option<SlackFacts> {
        let open = self.lock();
        let settings = &open.space.as_ref()?.settings;
        let channel = settings.channels.first();
        Some(SlackFacts {
            bot_token: settings.bot_token.clone(),
            app_token: settings.app_token.clone(),
            signing_secret: settings.signing_secret.clone(),
            channel: channel
                .map(|channel| channel.id.clone())
                .unwrap_or_default(),
            team: settings.team.clone(),
        })
    }

    /// Ignores poisoning: the data has no partial states.
    fn lock(&self) -> MutexGuard<'_, OpenWorkspace> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
pub(crate) struct SlackFace {
    pub slack: Arc<SlackSimulator>,
    pub host: Arc<dyn SlackHost>,
}

impl SlackFace {
    /// Locks the workspace. Always lock it before any of the host's locks.
    pub(crate) fn lock(&self) -> MutexGuard<'_, OpenWorkspace> {
        self.slack.lock()
    }
}

/// Makes the app's HTTP client: without proxy or redirects.
fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    builder.build().unwrap_or_default()
}
