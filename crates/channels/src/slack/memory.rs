//! Stored Slack state: request messages, replies and user links. Losing it costs a duplicate
//! message, never access.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use hallpass_base::{Email, RequestId, Timestamp, UserId};
use hallpass_findings::remediation::RemediationId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The store did not answer. Worth a retry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memory: {0}")]
pub struct MemoryFault(pub String);

/// Bytes by key. Written whole; the newest write wins.
#[async_trait]
pub trait SlackMemory: Send + Sync {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, MemoryFault>;
    /// Stores bytes.
    ///
    /// # Errors
    /// When they could not be stored; the earlier value stays.
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), MemoryFault>;
}

/// A message sent once: stored as planned, then as sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentMark {
    pub(crate) meant_at: Timestamp,
    /// The message, once confirmed.
    pub(crate) ts: Option<String>,
}

impl SentMark {
    pub(crate) fn is_there(&self) -> bool {
        self.ts.as_deref().is_some_and(|ts| !ts.is_empty())
    }
}

/// Facts from a message about its request, for users who may see only the message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageFacts {
    /// `payments-prod / DatabaseOperator`, escaped.
    pub(crate) target: String,
    pub(crate) rules: Vec<String>,
    pub(crate) approvers: Vec<Email>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thread {
    #[serde(default)]
    pub(crate) channel: Option<String>,
    #[serde(default)]
    pub(crate) head: Option<SentMark>,
    /// Slack finally refused the message: the channel is chosen again.
    #[serde(default)]
    pub(crate) is_refused: bool,
    #[serde(default)]
    pub(crate) drawn: Option<String>,
    #[serde(default)]
    pub(crate) is_gone: bool,
    #[serde(default)]
    pub(crate) said: BTreeMap<String, SentMark>,
    #[serde(default)]
    pub(crate) facts: MessageFacts,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) slack: String,
    pub(crate) by: LinkedBy,
}

/// Evidence that a Slack user is a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LinkedBy {
    /// They acted in Slack: valid whatever their later address.
    Acting,
    /// Slack lists this address: valid while it is theirs.
    Address(Email),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AskingMessage {
    pub(crate) channel: String,
    pub(crate) ts: String,
    #[serde(default)]
    pub(crate) refused: Option<RefusedSpan>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefusedSpan {
    pub(crate) since: Timestamp,
    pub(crate) last: Timestamp,
}

/// Typed access to a [`SlackMemory`], one writer per request at a time.
pub(crate) struct Remembered {
    memory: Arc<dyn SlackMemory>,
    locks: Mutex<HashMap<RequestId, Weak<tokio::sync::Mutex<()>>>>,
    /// Held while changing remediation messages or their stored state.
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

    /// Returns the lock of a request's messages, so that no message has two writers.
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

    pub(crate) async fn digest(&self, name: &str) -> Result<Option<SentMark>, MemoryFault> {
        self.read(&format!("slack/sweep/{name}")).await
    }

    pub(crate) async fn keep_digest(&self, name: &str, said: &SentMark) -> Result<(), MemoryFault> {
        self.write(&format!("slack/sweep/{name}"), said).await
    }

    pub(crate) async fn asking_messages(
        &self,
    ) -> Result<BTreeMap<RemediationId, AskingMessage>, MemoryFault> {
        Ok(self.read("slack/remediations").await?.unwrap_or_default())
    }

    /// The caller has held [`asking`](Self::asking) since reading them.
    pub(crate) async fn keep_asking_messages(
        &self,
        all: &BTreeMap<RemediationId, AskingMessage>,
    ) -> Result<(), MemoryFault> {
        self.write("slack/remediations", all).await
    }

    pub(crate) async fn link_of(&self, user: &UserId) -> Result<Option<Link>, MemoryFault> {
        let link: Option<Link> = self.read(&format!("slack/link/{user}")).await?;
        let Some(link) = link else { return Ok(None) };
        // INVARIANT: a Slack user belongs to one person; the earlier owner loses it
        let is_theirs = self.owner_of(&link.slack).await?.as_ref() == Some(user);
        Ok(Some(link).filter(|_| is_theirs))
    }

    pub(crate) async fn owner_of(&self, slack: &str) -> Result<Option<UserId>, MemoryFault> {
        self.read(&format!("slack/owner/{slack}")).await
    }

    /// Links a Slack user to exactly one directory user.
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
        // unreadable values of older versions count as missing
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    async fn write<T: Serialize>(&self, key: &str, value: &T) -> Result<(), MemoryFault> {
        let bytes = serde_json::to_vec(value).map_err(|error| MemoryFault(error.to_string()))?;
        self.memory.put(key, &bytes).await
    }
}
