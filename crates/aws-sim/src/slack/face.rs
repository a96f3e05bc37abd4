//! The simulated Slack as others compose it: one workspace under a lock of its own.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::base::Refusal;
use axum::http::StatusCode;
use serde_json::Value;

use super::{host::SlackHost, socket::Wires, workspace::Workspace};

/// The simulated Slack. What is in it is not durable: after a restart nothing has been said.
pub struct SlackSimulator {
    open: Mutex<OpenWorkspace>,
    /// Connections of the app.
    pub(crate) wires: Wires,
    /// For requests to the app.
    pub(crate) http: reqwest::Client,
}

/// The workspace, if the organization has one, and what outlives it.
#[derive(Default)]
pub(crate) struct OpenWorkspace {
    pub space: Option<Workspace>,
    /// Where the app's requests go, over the file's.
    request_url: Option<String>,
}

impl OpenWorkspace {
    /// The workspace, or the refusal that says that there is none.
    pub(crate) fn space(&mut self) -> Result<&mut Workspace, Refusal> {
        let none = || {
            let text = "the organization file has no section `slack`";
            Refusal::new(StatusCode::NOT_FOUND, "no_slack", text)
        };
        self.space.as_mut().ok_or_else(none)
    }
}

/// Facts about the simulated Slack that an app's configuration wants.
#[derive(Clone, PartialEq, Eq)]
pub struct SlackFacts {
    /// Token of the Web API, `xoxb-…`
    pub bot_token: String,
    /// Token of Socket Mode, `xapp-…`
    pub app_token: String,
    /// Key of the signatures on requests to the app.
    pub signing_secret: String,
    /// Id of the first channel, empty when there is none.
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
    /// Starts anew with a section `slack` of an organization file, or with no workspace. `read`
    /// gives the section and the organization's seed; meanwhile nobody else sees the workspace.
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

    /// Sets where interactions go, over the file's `request_url` and for sections opened later,
    /// too. Slash commands go to the file's `command_url`; without one, to the same address with
    /// `/slack/commands` in place of `/slack/interactions` at its end, or to the same address when
    /// it ends otherwise.
    pub fn set_request_url(&self, url: String) {
        let mut open = self.lock();
        if let Some(space) = &mut open.space {
            space.settings.request_url = Some(url.clone());
        }
        open.request_url = Some(url);
    }

    /// Facts for an app; `None` when there is no workspace.
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

    /// A panic of another holder does not poison the lock: nothing half-made is in it to protect.
    fn lock(&self) -> MutexGuard<'_, OpenWorkspace> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the paths share.
#[derive(Clone)]
pub(crate) struct SlackFace {
    pub slack: Arc<SlackSimulator>,
    pub host: Arc<dyn SlackHost>,
}

impl SlackFace {
    /// The workspace's lock. It is taken before any of the host's, never after.
    pub(crate) fn lock(&self) -> MutexGuard<'_, OpenWorkspace> {
        self.slack.lock()
    }
}

/// For requests to the app: never through a proxy, never further than told.
fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    builder.build().unwrap_or_default()
}
