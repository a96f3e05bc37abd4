//! One atomic commit (promise P6).

use hallpass_alerts::AlertMessage;
use hallpass_assignments::EndPriority;
use hallpass_audit::Draft;
use hallpass_base::{Email, GrantId, HoldKey, RequestId, TargetNames, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Absence, Accepted, Alarm, ArmedEndRequest, Campaign, CampaignLine, Digest, Grant,
    GroupAssignmentWrite, GroupSyncRun, GroupSyncWrite, Lock, LocksSeen, News, Notice, QuotaUse,
    Request, Sweep, SweepItem,
};

#[derive(Clone, Debug)]
pub enum Write<T> {
    Insert(T),
    /// Requires the stored row to have `version` of `row`; stores the next version.
    Update(T),
}

/// `rev` is the revision that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredAssignment {
    Until {
        key: HoldKey,
        /// `None` if there was no row.
        rev: Option<u64>,
        until: Timestamp,
        asked_at: Timestamp,
        /// How long the end may wait for others.
        haste: EndPriority,
    },
    /// A guard removed the access: the new wish for a row last seen at `rev`.
    RemovedByGuard {
        key: HoldKey,
        rev: u64,
        until: Timestamp,
        /// Presence counts only if seen since: now, while the access is wanted.
        asked_at: Timestamp,
        removed_at: Timestamp,
    },
    /// Hallpass takes over access that existed without it, seen at `seen_at`. There must be no row.
    /// It is never created again: once deleted, it is lost.
    Adopt {
        key: HoldKey,
        until: Timestamp,
        /// Start of the listing that shows it.
        seen_at: Timestamp,
    },
    /// Removes unmanaged access immediately. There must be no row.
    Remove { key: HoldKey, since: Timestamp },
    /// The row has no holder and its absence is settled.
    Forget { key: HoldKey, rev: u64 },
}

/// Sessions that outlive a grant and must be denied: its holder's, on its permission set and
/// account, issued before its end was seen (`access.md` §16.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlivingSessions {
    pub grant: GrantId,
    pub request: RequestId,
    pub holder: Email,
    pub key: HoldKey,
    pub names: TargetNames,
    pub at: Timestamp,
    /// The first whole second after `at`: AWS writes the time of issue in seconds.
    pub issued_before: Timestamp,
    /// When the last of them ends.
    pub until: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Message {
    Notice(Notice),
    Digest(Digest),
    Alarm(Alarm),
    Alert(Box<AlertMessage>),
}

impl Message {
    /// Whether alarms and break-glass notices are delivered before other messages.
    pub const fn is_urgent(&self) -> bool {
        match self {
            Self::Notice(notice) => matches!(notice.news, News::BreakGlass),
            Self::Alarm(_) => true,
            Self::Digest(_) | Self::Alert(_) => false,
        }
    }

    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Notice(notice) => Some(notice.request),
            Self::Digest(_) | Self::Alarm(_) | Self::Alert(_) => None,
        }
    }

    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Notice(notice) => notice.at,
            Self::Digest(digest) => digest.at,
            Self::Alarm(alarm) => alarm.at,
            Self::Alert(alert) => alert.at,
        }
    }
}

#[derive(Clone, Debug)]
pub enum AcceptanceWrite {
    Insert(Accepted),
    Update(Accepted),
    /// The stored acceptance still has `version`.
    Withdraw(Accepted),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// Keys of different users never conflict.
    pub actor: UserId,
    pub key: String,
    /// Hash of method, path and body: the same key for another request is an error.
    pub fingerprint: String,
    /// `None` if the call is not about a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    pub until: Timestamp,
}

#[derive(Clone, Debug, Default)]
#[must_use = "a change that is not committed has not happened"]
pub struct Change {
    pub requests: Vec<Write<Request>>,
    pub grants: Vec<Write<Grant>>,
    pub desired: Vec<DesiredAssignment>,
    pub sessions_to_revoke: Vec<OutlivingSessions>,
    /// [`commit`](crate::AccessStore::commit) moves existing enforced ends with `desired`.
    pub armed_ends: Vec<ArmedEndRequest>,
    pub sweeps: Vec<Write<Sweep>>,
    pub sweep_items: Vec<Write<SweepItem>>,
    pub accepted: Vec<AcceptanceWrite>,
    pub group_assignments: Vec<GroupAssignmentWrite>,
    pub group_sync_items: Vec<GroupSyncWrite>,
    pub group_sync_run: Option<GroupSyncRun>,
    pub audit: Vec<Draft>,
    pub notices: Vec<Notice>,
    pub digests: Vec<Digest>,
    pub locks: Vec<Write<Lock>>,
    pub absences: Vec<Write<Absence>>,
    pub campaigns: Vec<Write<Campaign>>,
    /// A line changes only while its campaign is open.
    pub campaign_lines: Vec<Write<CampaignLine>>,
    /// Users whose tokens and sessions all end, and when.
    pub credentials_ended: Vec<(UserId, Timestamp)>,
    /// The change commits only while these locks are as read.
    pub locks_seen: LocksSeen,
    pub answer: Option<StoredAnswer>,
    /// The change adds access only while its holder has as many live grants as were seen.
    pub live_grants_seen: Option<LiveGrantsSeen>,
    /// The change commits only within these quotas.
    pub quotas: Vec<QuotaUse>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveGrantsSeen {
    pub user: UserId,
    pub count: u32,
}

impl Change {
    /// Merges both; `other` comes after. Only one may have locks or an answer.
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
            group_assignments,
            group_sync_items,
            group_sync_run,
            audit,
            notices,
            digests,
            locks,
            absences,
            campaigns,
            campaign_lines,
            credentials_ended,
            locks_seen: _,
            answer: _,
            live_grants_seen: _,
            // Counted over the whole change.
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
        self.group_assignments.extend(group_assignments);
        self.group_sync_items.extend(group_sync_items);
        self.group_sync_run = group_sync_run.or(self.group_sync_run);
        self.audit.extend(audit);
        self.notices.extend(notices);
        self.digests.extend(digests);
        self.locks.extend(locks);
        self.absences.extend(absences);
        self.campaigns.extend(campaigns);
        self.campaign_lines.extend(campaign_lines);
        self.credentials_ended.extend(credentials_ended);
        self
    }

    pub fn adds_access(&self) -> bool {
        let adds_request = { self.requests.iter() }.any(|it| matches!(it, Write::Insert(_)));
        let adds_grant = { self.grants.iter() }.any(|it| matches!(it, Write::Insert(_)));
        adds_request || adds_grant
    }

    pub fn ends_access(&self) -> bool {
        !(self.grants.is_empty()
            && self.desired.is_empty()
            && self.sessions_to_revoke.is_empty()
            && self.locks.is_empty()
            && self.credentials_ended.is_empty())
    }

    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
            && self.grants.is_empty()
            && self.desired.is_empty()
            && self.sessions_to_revoke.is_empty()
            && self.armed_ends.is_empty()
            && self.sweeps.is_empty()
            && self.sweep_items.is_empty()
            && self.accepted.is_empty()
            && self.group_assignments.is_empty()
            && self.group_sync_items.is_empty()
            && self.group_sync_run.is_none()
            && self.audit.is_empty()
            && self.notices.is_empty()
            && self.digests.is_empty()
            && self.locks.is_empty()
            && self.absences.is_empty()
            && self.campaigns.is_empty()
            && self.campaign_lines.is_empty()
            && self.credentials_ended.is_empty()
            && self.answer.is_none()
    }
}
