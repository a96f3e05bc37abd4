//! State of the simulated workspace. Pure: instants and ids come from the caller or the seed.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Bucket, Millis, Random};
use serde_json::{Map, Value, json};

use super::settings::{Person, WorkspaceSettings, find};

/// Lifetime of a trigger (Slack documentation: 3 seconds).
pub(crate) const TRIGGER_MS: Millis = 3_000;
pub(crate) const HOOK_MS: Millis = 30 * 60 * 1_000;
pub(crate) const HOOK_USES: u32 = 5;
/// Lifetime of a socket ticket.
pub(crate) const TICKET_MS: Millis = 30_000;
const ACTS_MAX: usize = 2_000;
/// Maximum stored messages and closed views.
const MESSAGES_MAX: usize = 20_000;
const VIEWS_MAX: usize = 2_000;
/// Maximum watched texts and remembered select options.
const TYPED_MAX: usize = 1_000;
/// How long expired items are remembered, for an exact refusal.
const REMEMBERED_MS: Millis = 60 * 60 * 1_000;

#[derive(Debug, Clone, Default)]
pub(crate) struct Channel {
    pub id: String,
    pub name: String,
    pub members: Vec<String>,
    pub private: bool,
    pub archived: bool,
    pub without_app: bool,
    pub with: Option<String>,
}

impl Channel {
    pub(crate) fn is_seen_by(&self, user: &str) -> bool {
        match &self.with {
            Some(with) => with == user,
            None => self.members.iter().any(|member| member == user),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Version {
    pub at: Millis,
    /// `post`, `update`, `response`, `delete`.
    pub by: &'static str,
    pub text: String,
    pub blocks: Value,
    /// Suspicious parts of its text (`simulator.md` K-3).
    pub flags: Vec<Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub channel: String,
    pub ts: String,
    pub user: String,
    pub thread: Option<String>,
    pub broadcast: bool,
    pub only_for: Option<String>,
    pub metadata: Option<Value>,
    pub reactions: Vec<(String, String)>,
    pub deleted: bool,
    pub versions: Vec<Version>,
}

impl Message {
    pub(crate) fn is_for_all(&self) -> bool {
        !self.deleted && self.only_for.is_none()
    }

    pub(crate) fn is_seen_by(&self, user: &str, channel: &str) -> bool {
        let own = self.only_for.as_deref().is_none_or(|only| only == user);
        self.channel == channel && !self.deleted && own
    }

    pub(crate) fn latest(&self) -> Option<&Version> {
        self.versions.last()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Open,
    Submitted,
    Closed,
}

#[derive(Debug, Clone)]
pub(crate) struct ModalView {
    pub id: String,
    pub user: String,
    pub root: String,
    pub previous: Option<String>,
    pub hash: String,
    pub shown: Shown,
    /// The app's content, every block with an id.
    pub content: Map<String, Value>,
    /// block id → action id → input.
    pub values: BTreeMap<String, BTreeMap<String, Value>>,
    /// block id → the app's error.
    pub errors: BTreeMap<String, String>,
    /// Earlier contents, oldest first.
    pub earlier: Vec<Value>,
    pub opened: Millis,
}

/// A right to open one modal.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    pub user: String,
    pub at: Millis,
    pub used: bool,
    pub view: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub at: Millis,
    pub uses: u32,
    pub user: String,
    pub channel: String,
    pub message: Option<String>,
}

/// View id or message ts, block id, action id.
pub(crate) type ElementPlace = (String, String, String);

#[derive(Debug)]
pub(crate) struct Workspace {
    pub settings: WorkspaceSettings,
    pub channels: Vec<Channel>,
    pub messages: Vec<Message>,
    pub views: BTreeMap<String, ModalView>,
    /// Open modals by person, the topmost last.
    pub stacks: BTreeMap<String, Vec<String>>,
    pub triggers: BTreeMap<String, Trigger>,
    pub hooks: BTreeMap<String, Hook>,
    pub tickets: BTreeMap<String, Millis>,
    pub buckets: BTreeMap<String, Bucket>,
    /// Last options of external selects.
    pub offered: BTreeMap<ElementPlace, Vec<Value>>,
    /// Typed text with special letters.
    pub typed: BTreeSet<String>,
    pub acts: Vec<Value>,
    /// Grows with every visible change.
    pub revision: u64,
    seed: u64,
    drawn: u64,
    last_micros: i64,
}

impl Workspace {
    pub(crate) fn new(section: &Value, seed: u64) -> Self {
        let settings = WorkspaceSettings::read(section, seed);
        let channels = settings.channels.iter().map(|one| Channel {
            id: one.id.clone(),
            name: one.name.clone(),
            members: one
                .members
                .iter()
                .filter_map(|who| find(&settings.users, who))
                .map(|person| person.id.clone())
                .collect(),
            private: one.private,
            archived: one.archived,
            without_app: one.without_app,
            with: None,
        });
        Self {
            channels: channels.collect(),
            settings,
            messages: Vec::new(),
            views: BTreeMap::new(),
            stacks: BTreeMap::new(),
            triggers: BTreeMap::new(),
            hooks: BTreeMap::new(),
            tickets: BTreeMap::new(),
            buckets: BTreeMap::new(),
            offered: BTreeMap::new(),
            typed: BTreeSet::new(),
            acts: Vec::new(),
            revision: 0,
            seed,
            drawn: 0,
            last_micros: 0,
        }
    }

    /// Deletes messages and acts; people, channels and addresses stay. Ids continue, so that no old
    /// id is reused.
    pub(crate) fn reset(&mut self) {
        self.channels.retain(|channel| channel.with.is_none());
        self.messages.clear();
        self.views.clear();
        self.stacks.clear();
        self.triggers.clear();
        self.hooks.clear();
        self.tickets.clear();
        self.buckets.clear();
        self.offered.clear();
        self.typed.clear();
        self.acts.clear();
        self.revision += 1;
    }

    pub(crate) fn id(&mut self, prefix: &str, length: usize) -> String {
        self.drawn += 1;
        let mut random = Random::new(self.seed, &format!("slack {}", self.drawn));
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        format!("{prefix}{}", random.text(letters, length))
    }

    pub(crate) fn token(&mut self, length: usize) -> String {
        self.drawn += 1;
        Random::new(self.seed, &format!("slack {}", self.drawn)).hex(length)
    }

    /// Makes a unique, growing message timestamp.
    pub(crate) fn ts(&mut self, now: Millis) -> String {
        let micros = (now * 1_000).max(self.last_micros + 100);
        self.last_micros = micros;
        format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }

    pub(crate) fn person(&self, who: &str) -> Option<&Person> {
        find(&self.settings.users, who)
    }

    pub(crate) fn user(&self, id: &str) -> Option<&Person> {
        self.settings.users.iter().find(|person| person.id == id)
    }

    pub(crate) fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    /// Returns the direct message with a person; creates it if missing.
    pub(crate) fn direct(&mut self, user: &str) -> String {
        let found = self
            .channels
            .iter()
            .find(|channel| channel.with.as_deref() == Some(user));
        if let Some(channel) = found {
            return channel.id.clone();
        }
        let id = self.id("D", 10);
        self.channels.push(Channel {
            id: id.clone(),
            name: "directmessage".to_owned(),
            members: vec![user.to_owned(), self.settings.bot_user.clone()],
            private: true,
            with: Some(user.to_owned()),
            ..Channel::default()
        });
        self.revision += 1;
        id
    }

    pub(crate) fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        let found = self.messages.iter();
        found
            .rev()
            .find(|message| message.channel == channel && message.ts == ts)
    }

    pub(crate) fn message_mut(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        let found = self.messages.iter_mut();
        found
            .rev()
            .find(|message| message.channel == channel && message.ts == ts)
    }

    pub(crate) fn top(&self, user: &str) -> Option<&ModalView> {
        let id = self.stacks.get(user)?.last()?;
        self.views.get(id)
    }

    /// Creates a right to open one modal.
    pub(crate) fn trigger(&mut self, user: &str, view: Option<String>, now: Millis) -> String {
        let (number, secret) = (self.drawn, self.token(32));
        let id = format!("{}.{number}.{secret}", now.max(0));
        let trigger = Trigger {
            user: user.to_owned(),
            at: now,
            used: false,
            view,
        };
        self.triggers.insert(id.clone(), trigger);
        id
    }

    /// Creates an answer address; returns its last part.
    pub(crate) fn hook(
        &mut self,
        user: &str,
        channel: &str,
        message: Option<String>,
        now: Millis,
    ) -> String {
        let id = self.token(24);
        let hook = Hook {
            at: now,
            uses: 0,
            user: user.to_owned(),
            channel: channel.to_owned(),
            message,
        };
        self.hooks.insert(id.clone(), hook);
        id
    }

    pub(crate) fn note(&mut self, act: Value, now: Millis) {
        if self.acts.len() >= ACTS_MAX {
            self.acts.drain(..ACTS_MAX / 10);
        }
        self.acts.push(act);
        self.revision += 1;
        self.forget(now);
    }

    /// Deletes the oldest items over the limits.
    pub(crate) fn forget(&mut self, now: Millis) {
        if self.messages.len() > MESSAGES_MAX {
            self.messages.drain(..MESSAGES_MAX / 10);
        }
        while self.typed.len() > TYPED_MAX {
            self.typed.pop_first();
        }
        if self.offered.len() > TYPED_MAX {
            self.offered.clear();
        }
        self.triggers
            .retain(|_, trigger| now - trigger.at < TRIGGER_MS + REMEMBERED_MS);
        self.hooks
            .retain(|_, hook| now - hook.at < HOOK_MS + REMEMBERED_MS);
        self.tickets.retain(|_, until| *until >= now);
        if self.views.len() > VIEWS_MAX {
            self.views.retain(|_, view| view.shown == Shown::Open);
        }
    }

    pub(crate) fn channel_card(&self, id: &str) -> Value {
        let name = self.channel(id).map_or("", |channel| channel.name.as_str());
        json!({ "id": id, "name": name })
    }
}
