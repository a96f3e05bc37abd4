//! What the app remembers: which message shows which request, what was said below it, and who is
//! who. Losing it costs a repeated message, never access.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use hallpass_base::{Email, RequestId, Timestamp, UserId};
use hallpass_findings::remediation::RemediationId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The memory did not answer. Worth another try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memory: {0}")]
pub struct MemoryFault(pub String);

/// Bytes by key. Written whole; the newest write wins.
#[async_trait]
pub trait SlackMemory: Send + Sync {
    /// What was put last.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, MemoryFault>;
    /// Puts bytes.
    ///
    /// # Errors
    /// When they could not be stored; what was there before stays.
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), MemoryFault>;
}

/// Something said once: meant first, then done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentMark {
    /// When it was to be said.
    pub(crate) meant_at: Timestamp,
    /// The message, once it is known to be there.
    pub(crate) ts: Option<String>,
}

impl SentMark {
    /// Whether it stands in Slack: neither is it on its way, nor was there no place for it.
    pub(crate) fn is_there(&self) -> bool {
        self.ts.as_deref().is_some_and(|ts| !ts.is_empty())
    }
}

/// What a message told about its request, for those who may see no more than the message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageFacts {
    /// `payments-prod / DatabaseOperator`, escaped.
    pub(crate) target: String,
    /// The rules it rested on.
    pub(crate) rules: Vec<String>,
    /// Who could say yes.
    pub(crate) approvers: Vec<Email>,
}

/// What was posted about a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thread {
    /// The channel it belongs in; chosen once something was sent there that Slack did not refuse.
    #[serde(default)]
    pub(crate) channel: Option<String>,
    /// The message.
    #[serde(default)]
    pub(crate) head: Option<SentMark>,
    /// Whether Slack refused for good to post the message in that channel: it is chosen anew.
    #[serde(default)]
    pub(crate) is_refused: bool,
    /// What it shows, as a hash.
    #[serde(default)]
    pub(crate) drawn: Option<String>,
    /// Whether somebody deleted it.
    #[serde(default)]
    pub(crate) is_gone: bool,
    /// What was said about it, by the name of the news.
    #[serde(default)]
    pub(crate) said: BTreeMap<String, SentMark>,
    /// What it told.
    #[serde(default)]
    pub(crate) facts: MessageFacts,
}

/// Which Slack user belongs to a user of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// The Slack user.
    pub(crate) slack: String,
    /// What says so.
    pub(crate) by: LinkedBy,
}

/// What says that a Slack user is somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LinkedBy {
    /// They asked or pressed in Slack: it holds whatever address they have later.
    Acting,
    /// Slack knows this address of theirs: it holds as long as that is theirs.
    Address(Email),
}

/// A message that asks about something, and has buttons still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AskingMessage {
    /// Its channel.
    pub(crate) channel: String,
    /// Its timestamp.
    pub(crate) ts: String,
    /// While Slack refuses to change it.
    #[serde(default)]
    pub(crate) refused: Option<RefusedSpan>,
}

/// How long Slack has refused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefusedSpan {
    /// The first time.
    pub(crate) since: Timestamp,
    /// The last time.
    pub(crate) last: Timestamp,
}

/// Typed access to a [`SlackMemory`], one writer per request at a time.
pub(crate) struct Remembered {
    memory: Arc<dyn SlackMemory>,
    locks: Mutex<HashMap<RequestId, Weak<tokio::sync::Mutex<()>>>>,
    /// Held by whoever changes messages that ask about remediations, or what is remembered of them.
    pub(crate) asking: tokio::sync::Mutex<()>,
}

impl Remembered {
    pub(crate) fn new(memory: Arc<dyn SlackMemory>) -> Self {
        Self {
            memory,
            locks: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// The lock of a request's messages: two hands never draw one message.
    pub(crate) fn lock(&self, id: RequestId) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&id).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(id, Arc::downgrade(&lock));
        lock
    }

    pub(crate) async fn thread(&self, id: RequestId) -> Result<Thread, MemoryFault> {
        Ok(self
            .read(&format!("slack/request/{id}"))
            .await?
            .unwrap_or_default())
    }

    pub(crate) async fn keep_thread(
        &self,
        id: RequestId,
        thread: &Thread,
    ) -> Result<(), MemoryFault> {
        self.write(&format!("slack/request/{id}"), thread).await
    }

    /// What was posted of a sweep.
    pub(crate) async fn digest(&self, name: &str) -> Result<Option<SentMark>, MemoryFault> {
        self.read(&format!("slack/sweep/{name}")).await
    }

    pub(crate) async fn keep_digest(&self, name: &str, said: &SentMark) -> Result<(), MemoryFault> {
        self.write(&format!("slack/sweep/{name}"), said).await
    }

    /// Messages that ask about remediations and have buttons, by remediation.
    pub(crate) async fn asking_messages(
        &self,
    ) -> Result<BTreeMap<RemediationId, AskingMessage>, MemoryFault> {
        Ok(self.read("slack/remediations").await?.unwrap_or_default())
    }

    /// The caller holds [`asking`](Self::asking) since it read them.
    pub(crate) async fn keep_asking_messages(
        &self,
        all: &BTreeMap<RemediationId, AskingMessage>,
    ) -> Result<(), MemoryFault> {
        self.write("slack/remediations", all).await
    }

    /// The Slack user that belongs to a user of the directory.
    pub(crate) async fn link_of(&self, user: &UserId) -> Result<Option<Link>, MemoryFault> {
        let link: Option<Link> = self.read(&format!("slack/link/{user}")).await?;
        let Some(link) = link else { return Ok(None) };
        // INVARIANT: a Slack user is one person's; whoever it was before has it no more
        let is_theirs = self.owner_of(&link.slack).await?.as_ref() == Some(user);
        Ok(Some(link).filter(|_| is_theirs))
    }

    /// The user of the directory whom a Slack user belongs to.
    pub(crate) async fn owner_of(&self, slack: &str) -> Result<Option<UserId>, MemoryFault> {
        self.read(&format!("slack/owner/{slack}")).await
    }

    /// Keeps that a Slack user belongs to a user of the directory, and to nobody else.
    pub(crate) async fn keep_link(&self, user: &UserId, link: &Link) -> Result<(), MemoryFault> {
        if self.link_of(user).await?.as_ref() == Some(link) {
            return Ok(());
        }
        // CRASH: the owner first: a link that its Slack user does not confirm does not count
        self.write(&format!("slack/owner/{}", link.slack), user)
            .await?;
        self.write(&format!("slack/link/{user}"), link).await
    }

    pub(crate) async fn direct_of(&self, user: &str) -> Result<Option<String>, MemoryFault> {
        self.read(&format!("slack/direct/{user}")).await
    }

    pub(crate) async fn keep_direct(&self, user: &str, channel: &str) -> Result<(), MemoryFault> {
        self.write(&format!("slack/direct/{user}"), &channel).await
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, MemoryFault> {
        let bytes = self.memory.get(key).await?;
        // what an older version wrote and we cannot read is as good as nothing
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    async fn write<T: Serialize>(&self, key: &str, value: &T) -> Result<(), MemoryFault> {
        let bytes = serde_json::to_vec(value).map_err(|error| MemoryFault(error.to_string()))?;
        self.memory.put(key, &bytes).await
    }
}
