//! One commit: everything that changes together, or not at all (promise P6).

use hallpass_alerts::AlertMessage;
use hallpass_assignments::Haste;
use hallpass_audit::Draft;
use hallpass_base::{Email, GrantId, HoldKey, RequestId, TargetNames, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Accepted, Alarm, ArmedEndWish, Digest, Grant, GroupSyncRun, GroupSyncWrite, Lock, LocksSeen,
    News, Notice, QuotaUse, Request, Sweep, SweepItem,
};

/// A row to store: new, or in place of the version that was read.
#[derive(Clone, Debug)]
pub enum Write<T> {
    /// There is no such row yet.
    Insert(T),
    /// The stored row still has `version` of `row`; it is stored with the next one.
    Update(T),
}

/// What an assignment row should become. `rev` is the revision that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredAssignment {
    /// Wanted until `until`; a new row, or one last seen at `rev`.
    Until {
        /// The person and the target.
        key: HoldKey,
        /// The revision read; `None` when there was no row.
        rev: Option<u64>,
        /// Wanted before this instant.
        until: Timestamp,
        /// When the newest hold was added.
        asked_at: Timestamp,
        /// How long the end may wait for others.
        haste: Haste,
    },
    /// A guard removed the access: what is wanted from here on, of a row last seen at `rev`.
    RemovedByGuard {
        /// The person and the target.
        key: HoldKey,
        /// The revision read.
        rev: u64,
        /// Wanted before this instant.
        until: Timestamp,
        /// Presence counts only if it was seen since: now, when the access is wanted still.
        asked_at: Timestamp,
        /// When the guard removed it.
        removed_at: Timestamp,
    },
    /// Access that stood without us, seen present at `seen_at`, is ours from here on and wanted until
    /// `until`. There must be no row. It is never created: when it is gone, it is lost.
    Adopt {
        /// The person and the target.
        key: HoldKey,
        /// Wanted before this instant.
        until: Timestamp,
        /// When the listing that shows it began.
        seen_at: Timestamp,
    },
    /// What stands without us is ours to take away, at once. There must be no row: nobody holds it.
    Remove {
        /// The person and the target.
        key: HoldKey,
        /// Since when it is unwanted.
        since: Timestamp,
    },
    /// Nobody holds it any more and its absence is settled: the row goes.
    Forget {
        /// The person and the target.
        key: HoldKey,
        /// The revision read.
        rev: u64,
    },
}

/// Sessions that outlive a grant and are to be denied: those its holder has on its permission set in
/// its account, issued before its end was seen (`access.md` §16.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlivingSessions {
    /// The grant that ended.
    pub grant: GrantId,
    /// Its request.
    pub request: RequestId,
    /// Who held it.
    pub holder: Email,
    /// The person, the account and the permission set.
    pub key: HoldKey,
    /// What people call them.
    pub names: TargetNames,
    /// When the end was seen.
    pub at: Timestamp,
    /// Sessions issued at this instant or later are let through: the first whole second after `at`,
    /// for AWS writes the time of issue in seconds.
    pub issued_before: Timestamp,
    /// When the last of them has ended.
    pub until: Timestamp,
}

/// What waits to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Message {
    /// About a request.
    Notice(Notice),
    /// About a sweep.
    Digest(Digest),
    /// About the server.
    Alarm(Alarm),
    /// About what a query found.
    Alert(Box<AlertMessage>),
}

impl Message {
    /// Whether it is delivered before all that is not: alarms and break-glass notices.
    pub const fn is_urgent(&self) -> bool {
        match self {
            Self::Notice(notice) => matches!(notice.news, News::BreakGlass),
            Self::Alarm(_) => true,
            Self::Digest(_) | Self::Alert(_) => false,
        }
    }

    /// The request it is about.
    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Notice(notice) => Some(notice.request),
            Self::Digest(_) | Self::Alarm(_) | Self::Alert(_) => None,
        }
    }

    /// When it happened.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Notice(notice) => notice.at,
            Self::Digest(digest) => digest.at,
            Self::Alarm(alarm) => alarm.at,
            Self::Alert(alert) => alert.at,
        }
    }
}

/// What becomes of the acceptance of standing access.
#[derive(Clone, Debug)]
pub enum AcceptanceWrite {
    /// Accepted, where nobody had accepted it.
    Insert(Accepted),
    /// Accepted with other words, in place of the version that was read.
    Update(Accepted),
    /// Accepted no more; the stored one still has `version`.
    Withdraw(Accepted),
}

/// A stored answer to a repeated POST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// Who asked; keys of different people never meet.
    pub actor: UserId,
    /// Their `Idempotency-Key`.
    pub key: String,
    /// Hash of method, path and body: the same key for another request is an error.
    pub fingerprint: String,
    /// The request that the first one led to, or was about; none where the call is about something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// When it is forgotten.
    pub until: Timestamp,
}

/// Everything that changes together.
#[derive(Clone, Debug, Default)]
#[must_use = "a change that is not committed has not happened"]
pub struct Change {
    /// Requests.
    pub requests: Vec<Write<Request>>,
    /// Grants.
    pub grants: Vec<Write<Grant>>,
    /// What assignments should become.
    pub desired: Vec<DesiredAssignment>,
    /// Sessions to be denied.
    pub sessions_to_revoke: Vec<OutlivingSessions>,
    /// What is wished of armed ends; [`commit`](crate::AccessStore::commit) moves those that are there with `desired`.
    pub armed_ends: Vec<ArmedEndWish>,
    /// Runs of sweeps.
    pub sweeps: Vec<Write<Sweep>>,
    /// What they found.
    pub sweep_items: Vec<Write<SweepItem>>,
    /// Standing access that is accepted.
    pub accepted: Vec<AcceptanceWrite>,
    /// Memberships that follow attributes and are being changed.
    pub group_sync_items: Vec<GroupSyncWrite>,
    /// The newest run that compared memberships with attributes, over the version that was read.
    pub group_sync_run: Option<GroupSyncRun>,
    /// Records, in order.
    pub audit: Vec<Draft>,
    /// Notices.
    pub notices: Vec<Notice>,
    /// Digests.
    pub digests: Vec<Digest>,
    /// Locks of people.
    pub locks: Vec<Write<Lock>>,
    /// People whose every token and session ends, and when.
    pub credentials_ended: Vec<(UserId, Timestamp)>,
    /// The change is committed only while these locks are as they were read.
    pub locks_seen: LocksSeen,
    /// The answer to remember.
    pub answer: Option<StoredAnswer>,
    /// The change is committed only within these quotas.
    pub quotas: Vec<QuotaUse>,
}

impl Change {
    /// Both at once; `other` comes after. Locks and answers are those of one of them.
    pub(crate) fn and(mut self, other: Self) -> Self {
        let Self {
            requests,
            grants,
            desired,
            sessions_to_revoke,
            armed_ends,
            sweeps,
            sweep_items,
            accepted,
            group_sync_items,
            group_sync_run,
            audit,
            notices,
            digests,
            locks,
            credentials_ended,
            locks_seen: _,
            answer: _,
            // they are counted over the whole
            quotas: _,
        } = other;
        self.requests.extend(requests);
        self.grants.extend(grants);
        self.desired.extend(desired);
        self.sessions_to_revoke.extend(sessions_to_revoke);
        self.armed_ends.extend(armed_ends);
        self.sweeps.extend(sweeps);
        self.sweep_items.extend(sweep_items);
        self.accepted.extend(accepted);
        self.group_sync_items.extend(group_sync_items);
        self.group_sync_run = group_sync_run.or(self.group_sync_run);
        self.audit.extend(audit);
        self.notices.extend(notices);
        self.digests.extend(digests);
        self.locks.extend(locks);
        self.credentials_ended.extend(credentials_ended);
        self
    }

    /// Whether it adds a request or a grant.
    pub fn adds_access(&self) -> bool {
        let adds_request = { self.requests.iter() }.any(|it| matches!(it, Write::Insert(_)));
        let adds_grant = { self.grants.iter() }.any(|it| matches!(it, Write::Insert(_)));
        adds_request || adds_grant
    }

    /// Whether it changes what ends access: grants, assignments, sessions, locks or credentials.
    pub fn ends_access(&self) -> bool {
        !(self.grants.is_empty()
            && self.desired.is_empty()
            && self.sessions_to_revoke.is_empty()
            && self.locks.is_empty()
            && self.credentials_ended.is_empty())
    }

    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
            && self.grants.is_empty()
            && self.desired.is_empty()
            && self.sessions_to_revoke.is_empty()
            && self.armed_ends.is_empty()
            && self.sweeps.is_empty()
            && self.sweep_items.is_empty()
            && self.accepted.is_empty()
            && self.group_sync_items.is_empty()
            && self.group_sync_run.is_none()
            && self.audit.is_empty()
            && self.notices.is_empty()
            && self.digests.is_empty()
            && self.locks.is_empty()
            && self.credentials_ended.is_empty()
            && self.answer.is_none()
    }
}
