//! Ports: a store with atomic commits, and organization data. Assignment rows are written only
//! through [`Desire`](crate::Desire)s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_alerts::AlertMessage;
use hallpass_audit::{Draft, Record};
use hallpass_base::{
    AccountId, CampaignId, Email, GrantId, GroupId, HoldKey, PermissionSetArn, RequestId, SweepId,
    Target, TimeSpan, Timestamp, UserId,
};
use hallpass_findings::remediation::{
    Remediation, RemediationCursor, RemediationFilter, RemediationStore, RemediationStoreFault,
};
use hallpass_rules::{Directory, NamedFacts, Subject, WhyUnread};

use crate::grant_activity::PastUse;
use crate::{
    Absence, Accepted, Alarm, ArmedEndCounts, ArmedEndStatus, Campaign, CampaignLine, Change,
    Digest, Entitlement, EntitlementListing, Grant, GrantStateKind, GroupAssignment, GroupSyncItem,
    GroupSyncRun, Holds, LineCount, LineFilter, Lock, LocksSeen, Message, Notice, OverQuota,
    Period, PersonEntitlements, Removals, Request, RequestStateKind, StandingListing,
    StandingScope, StoredAnswer, Sweep, SweepItem, UnreadGrant,
};

/// The commit failed. Nothing was stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A row changed since it was read, or an equal one exists. Read and decide again.
    #[error("another change came first: {0}")]
    Raced(String),
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
    /// The disk is full; the rest is reserved for ending access.
    #[error("store: {0}")]
    Full(String),
    /// An illegal state transition (this is a bug).
    #[error("illegal step: {0} (this is a bug)")]
    IllegalStep(String),
    #[error("store: {0}")]
    Unavailable(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("store: {0}")]
pub struct ReadError(pub String);

/// A subset of a store's subjects, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectSet(Arc<BTreeSet<u64>>);

impl SubjectSet {
    pub fn contains(&self, number: u64) -> bool {
        self.0.contains(&number)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }
}

impl FromIterator<u64> for SubjectSet {
    fn from_iter<T: IntoIterator<Item = u64>>(numbers: T) -> Self {
        Self(Arc::new(numbers.into_iter().collect()))
    }
}

/// Narrows a listing for a user: own rows, rows that name them as approver or reviewer, and rows
/// about their subjects. It hides nothing they may see; results still need an access check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewerScope {
    pub user: Option<UserId>,
    pub subjects: SubjectSet,
}

/// Conditions of requests and of grants, combined with AND; the default lists all.
#[derive(Clone, Debug, Default)]
pub struct ListingConditions {
    /// Requested by, or granted to, one of these.
    pub people: Option<BTreeSet<UserId>>,
    pub subjects: Option<SubjectSet>,
    /// Decided by this rule.
    pub rule: Option<String>,
    /// Created at or after.
    pub from: Option<Timestamp>,
    /// Created before.
    pub to: Option<Timestamp>,
}

/// Conditions are combined with AND; the default lists all.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    pub only: ListingConditions,
    pub state: Option<RequestStateKind>,
    pub requester: Option<UserId>,
    pub key: Option<HoldKey>,
    pub open_review: bool,
    pub subjects: Option<SubjectSet>,
    /// Includes everything the user may see, perhaps more; `None` lists all.
    pub sight: Option<ViewerScope>,
    /// Older than this one (cursor).
    pub before: Option<RequestId>,
}

/// Conditions are combined with AND; the default lists all.
#[derive(Clone, Debug, Default)]
pub struct GrantFilter {
    pub only: ListingConditions,
    /// Empty means any state.
    pub states: Vec<GrantStateKind>,
    pub holder: Option<UserId>,
    pub account: Option<String>,
    /// By [`Grant::access_span`].
    pub active_in: Option<Period>,
    /// Includes everything the user may see, perhaps more; `None` lists all.
    pub sight: Option<ViewerScope>,
    pub before: Option<GrantId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T, I> {
    pub rows: Vec<T>,
    /// The next cursor: only newer rows, and this one, were examined. `None`: nothing is left.
    pub next: Option<I>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastQuery {
    pub subject: Subject,
    /// `None` counts all holders.
    pub holder: Option<UserId>,
    pub from: GrantId,
    pub before: GrantId,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PastGrants {
    /// Exact, or a lower bound.
    pub count: u32,
    pub more: bool,
    pub newest: Option<Grant>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    pub soon: u64,
    pub next: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct WaitingMessage {
    pub number: u64,
    pub attempts: u32,
    pub message: Message,
}

impl WaitingMessage {
    pub const fn notice(&self) -> Option<&Notice> {
        match &self.message {
            Message::Notice(notice) => Some(notice),
            Message::Digest(_) | Message::Alarm(_) | Message::Alert(_) => None,
        }
    }
}

/// A notice with its subject as stored at delivery, so that late notices show current facts.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticeContext {
    /// The same on every attempt and channel.
    pub number: u64,
    pub notice: Notice,
    pub attempts: u32,
    pub request: Request,
    pub grant: Option<Grant>,
    /// Use of the grant under review, or of the requester's last grant of the same target; `None`
    /// for other news, or without a log.
    pub used: Option<PastUse>,
}

/// A digest with its run as stored at delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct DigestContext {
    /// The same on every attempt and channel.
    pub number: u64,
    pub digest: Digest,
    pub attempts: u32,
    pub sweep: Sweep,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlarmContext {
    pub number: u64,
    pub alarm: Alarm,
    pub attempts: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlertContext {
    pub number: u64,
    pub alert: AlertMessage,
    pub attempts: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Done,
    Again {
        /// The channel's pause, such as Slack's `Retry-After`.
        after: TimeSpan,
        why: String,
    },
    /// Permanently failed, or too old to matter. Nothing stored changes (promise P7).
    GaveUp {
        why: String,
    },
}

/// A notification channel: Slack, mail, webhooks. Each delivers every notice at least once; a slow
/// one delays no other.
#[async_trait]
pub trait Channel: Send + Sync {
    /// A short, stable name: `slack`, `mail`, or `webhook:NAME`. The key of deliveries.
    fn name(&self) -> &str;
    /// May repeat a notice; must not act.
    async fn deliver(&self, told: &NoticeContext) -> Delivery;
    /// Reports a sweep to operators. As [`deliver`](Channel::deliver).
    async fn deliver_digest(&self, told: &DigestContext) -> Delivery;
    async fn deliver_alarm(&self, told: &AlarmContext) -> Delivery;
    async fn deliver_alert(&self, told: &AlertContext) -> Delivery;
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub requests: BTreeMap<RequestStateKind, u64>,
    pub grants: BTreeMap<GrantStateKind, u64>,
    /// Grants past their end or early end; not stuck.
    pub overdue: u64,
    /// Grants whose removal AWS refuses permanently.
    pub stuck: u64,
    pub unsettled: u64,
    /// Pending notices, by active channel.
    pub notices: BTreeMap<String, u64>,
    pub armed_ends: ArmedEndCounts,
}

pub type Waiting = Result<Vec<WaitingMessage>, ReadError>;

/// Requests, grants, notices, and the only path to change them.
///
/// Lists skip an unreadable request or grant (damaged, or from a later release). A lookup by id,
/// and everything live on a key, fails instead.
#[async_trait]
pub trait AccessStore: Send + Sync {
    async fn request(&self, id: RequestId) -> Result<Option<Request>, ReadError>;
    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, ReadError>;
    /// Lists requests, newest first, at most `limit`. Each call is bounded: it may return fewer
    /// matches, even none, with a cursor. Following cursors to the end lists each match once.
    async fn requests(
        &self,
        filter: &RequestFilter,
        limit: u32,
    ) -> Result<Listed<Request, RequestId>, ReadError>;
    /// Finds the pending request by [`dedupe_key`](Request::dedupe_key). Reads one row.
    async fn pending_request(&self, dedupe_key: &str) -> Result<Option<Request>, ReadError>;
    /// Lists grants as [`requests`](AccessStore::requests) does.
    async fn grants(
        &self,
        filter: &GrantFilter,
        limit: u32,
    ) -> Result<Listed<Grant, GrantId>, ReadError>;
    /// Lists subjects numbered above `after`, ascending, at most `limit`. Numbers follow the first
    /// commits and never change.
    async fn subjects(&self, after: u64, limit: u32) -> Result<Vec<(u64, Subject)>, ReadError>;
    /// Returns the holder of the newest grant under an address.
    async fn holder_of(&self, address: &Email) -> Result<Option<UserId>, ReadError>;
    /// Counts past grants. Examines a bounded number, newest first.
    async fn past(&self, query: &PastQuery) -> Result<PastGrants, ReadError>;
    /// Live grants whose [`due_to_end`](Grant::due_to_end) is before `now`, earliest first.
    async fn grants_late(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError>;
    /// Unreadable grants: live ones, and others from `from`'s instant on (see
    /// [`GrantId::first_at`]). Decisions about unmanaged access must consider them.
    async fn grants_unread(&self, from: GrantId) -> Result<Vec<UnreadGrant>, ReadError>;
    async fn ends(&self, soon: Timestamp) -> Result<Ends, ReadError>;
    /// Everything live on a key, in one consistent read.
    async fn holds(&self, key: &HoldKey) -> Result<Holds, ReadError>;
    /// Omits keys without enforcement, or with a past end.
    async fn armed_ends(
        &self,
        keys: &[HoldKey],
    ) -> Result<BTreeMap<HoldKey, ArmedEndStatus>, ReadError>;
    /// Pending requests whose [`due`](Request::due) has come, round-robin by requester; earliest
    /// first in each round.
    async fn requests_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Request>, ReadError>;
    /// Live grants whose [`due`](Grant::due) has come or with unprocessed assignment news,
    /// round-robin by holder, by [`due_to_end`](Grant::due_to_end). One holder's many grants delay
    /// no others.
    async fn grants_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError>;
    /// Ignores news.
    async fn next_due(&self) -> Result<Option<Timestamp>, ReadError>;
    /// Stores a change atomically: checks guards and legal steps, numbers and chains records,
    /// increments `version` and `rev`, and ends tokens and sessions of `credentials_ended`. A
    /// changed wish makes its assignment due immediately. Fails as raced if a lock differs from
    /// `locks_seen`, and with [`CommitError::OverQuota`] over a quota. Returns the records.
    async fn commit(&self, change: Change) -> Result<Vec<Record>, CommitError>;
    /// Absences that end after `now`, by user id.
    async fn absences(&self, now: Timestamp) -> Result<Vec<Absence>, ReadError>;
    /// The person's newest absence, also if it is over.
    async fn absence_of(&self, user: &UserId) -> Result<Option<Absence>, ReadError>;
    /// The user's newest lock, lifted or not.
    async fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, ReadError>;
    /// The users' newest locks, lifted or not.
    async fn locks_of(&self, users: &[UserId]) -> Result<Vec<Lock>, ReadError>;
    /// Locks that were not lifted, by user id; some may have expired.
    async fn locks(&self) -> Result<Vec<Lock>, ReadError>;
    /// Users with a valid token or session, by user id.
    async fn with_credentials(&self, now: Timestamp) -> Result<Vec<UserId>, ReadError>;
    async fn answer(&self, actor: &UserId, key: &str) -> Result<Option<StoredAnswer>, ReadError>;
    /// Activates a channel. A new one starts with later notices; a known one resumes. Call it
    /// regularly within the retention of [`prune_notices`](AccessStore::prune_notices).
    async fn open_channel(&self, channel: &str, now: Timestamp) -> Result<(), ReadError>;
    /// Returns when the channel's next notice is due or visible again.
    async fn next_notice(&self, channel: &str) -> Result<Option<Timestamp>, ReadError>;
    /// Takes up to `max` due notices for channel `by`: [urgent](Message::is_urgent) ones first,
    /// then round-robin by requester, oldest first; those without a request count as one requester.
    /// Hides them from other takers until `again`, when undelivered ones are due again: delivery is
    /// at least once.
    async fn take_notices(&self, by: &str, now: Timestamp, again: Timestamp, max: u32) -> Waiting;
    /// Idempotent.
    async fn notice_delivered(&self, channel: &str, number: u64) -> Result<(), ReadError>;
    /// Reschedules a notice to `again`, unless it is done.
    async fn notice_postponed(
        &self,
        by: &str,
        number: u64,
        again: Timestamp,
    ) -> Result<(), ReadError>;
    /// Makes deliveries due now that wait beyond `later_than`: no pause is that long, so a fast
    /// clock set it. Returns their number. Idempotent and atomic.
    async fn release_notices(&self, later_than: Timestamp) -> Result<u64, ReadError>;
    /// Deletes notices from before `before`, and channels not opened since, with their notices.
    /// Returns the number of lost deliveries.
    async fn prune_notices(&self, before: Timestamp) -> Result<u64, ReadError>;
    /// Stores an alarm change and notifies active channels, in one transaction. Returns whether
    /// [`Alarm::changes`] holds; otherwise stores and sends nothing, so an alarm is reported once
    /// across processes and restarts.
    async fn note_alarm(&self, alarm: Alarm) -> Result<bool, ReadError>;
    async fn alarms(&self) -> Result<Vec<Alarm>, ReadError>;
    /// Returns the instant of the oldest unexported record; `None` if all are exported. Export
    /// follows the commit, so a busy system rarely returns `None`.
    async fn oldest_unexported(&self) -> Result<Option<Timestamp>, ReadError>;
    async fn counts(&self, overdue_before: Timestamp) -> Result<Counts, ReadError>;
}

/// Sweep runs, findings, and accepted standing access. Written only by
/// [`commit`](AccessStore::commit); each call is one consistent, repeatable read.
#[async_trait]
pub trait SweepStore: Send + Sync {
    async fn sweep(&self, id: SweepId) -> Result<Option<Sweep>, ReadError>;
    async fn sweeps(&self, before: Option<SweepId>, limit: u32) -> Result<Vec<Sweep>, ReadError>;
    /// The newest completed listing: its items are the known standing access.
    async fn newest_listing(&self) -> Result<Option<Sweep>, ReadError>;
    /// Runs in progress or waiting for a user, oldest first.
    async fn open_sweeps(&self) -> Result<Vec<Sweep>, ReadError>;
    async fn sweep_items(&self, sweep: SweepId) -> Result<Vec<SweepItem>, ReadError>;
    async fn sweep_item(
        &self,
        sweep: SweepId,
        key: &HoldKey,
    ) -> Result<Option<SweepItem>, ReadError>;
    async fn open_sweep_items(&self) -> Result<Vec<SweepItem>, ReadError>;
    async fn accepted(&self) -> Result<Vec<Accepted>, ReadError>;
    async fn accepted_one(&self, key: &HoldKey) -> Result<Option<Accepted>, ReadError>;
    /// Permission sets assigned to groups, as of the newest listing, sorted by key.
    async fn group_assignments(&self) -> Result<Vec<GroupAssignment>, ReadError>;
    /// Keeps the newest `runs` runs, and unhandled items of the newest `listings` listing runs.
    /// Open runs and items stay. May be repeated.
    async fn prune_sweeps(&self, listings: u32, runs: u32) -> Result<(), ReadError>;
}

/// Reads access review campaigns; [`AccessStore::commit`] writes them.
#[async_trait]
pub trait CampaignStore: Send + Sync {
    async fn campaign(&self, id: CampaignId) -> Result<Option<Campaign>, ReadError>;
    /// Newest first.
    async fn campaigns(&self, limit: u32) -> Result<Vec<Campaign>, ReadError>;
    /// Lines by number.
    async fn campaign_lines(
        &self,
        id: CampaignId,
        filter: &LineFilter,
        limit: u32,
    ) -> Result<Vec<CampaignLine>, ReadError>;
    /// Only groups with lines, sorted.
    async fn campaign_line_counts(&self, id: CampaignId) -> Result<Vec<LineCount>, ReadError>;
}

/// Reads attribute-based memberships; [`AccessStore::commit`] writes them.
#[async_trait]
pub trait GroupSyncStore: Send + Sync {
    async fn group_sync_items(&self) -> Result<Vec<GroupSyncItem>, ReadError>;

    async fn group_sync_run(&self) -> Result<Option<GroupSyncRun>, ReadError>;
}

/// Standing access in Identity Center: direct user assignments and group members, of any origin.
/// Implementations read with low priority, a few at a time, and change nothing.
#[async_trait]
pub trait StandingSource: Send + Sync {
    /// Failed reads are named in the listing and never shown as empty (promise P9); one failure
    /// stops nothing else. May be repeated.
    async fn read(&self, scope: &StandingScope) -> StandingListing;
    /// Lists direct holders now, deleted users included. May be repeated.
    ///
    /// # Errors
    /// AWS's error.
    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, DirectoryFault>;
    /// Lists the groups of a user now. May be repeated.
    ///
    /// # Errors
    /// AWS's error.
    async fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, DirectoryFault>;
}

/// Entitlements of account access manager. Implementations read with low priority, within AWS's
/// rate limit.
#[async_trait]
pub trait EntitlementSource: Send + Sync {
    /// May be repeated.
    ///
    /// # Errors
    /// AWS's error.
    async fn of_person(&self, user: &UserId) -> Result<PersonEntitlements, DirectoryFault>;
    /// Lists entitlements in these accounts, of deleted principals too. Failed reads are named and
    /// never shown as empty. May be repeated.
    async fn in_accounts(&self, accounts: &[&AccountId]) -> EntitlementListing;
    /// Succeeds if already deleted. May be repeated.
    ///
    /// # Errors
    /// AWS's error; the result is unknown then.
    async fn delete(&self, entitlement: &Entitlement) -> Result<(), DirectoryFault>;
}

#[async_trait]
pub trait DirectorySource: Send + Sync {
    fn current(&self) -> Arc<Directory>;
    /// Reads AWS now.
    ///
    /// # Errors
    /// The failed read; the newest snapshot stays in force.
    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault>;
    /// Reads one user now, or reuses a read from seconds ago, and returns the updated snapshot:
    /// without a deleted user or left groups. New memberships appear with the next full read.
    /// [`current`] then includes the result, even if an older refresh ends later. Concurrent calls
    /// for one user share one AWS call, and one per group. Changes nothing in AWS; a stop loses the
    /// result.
    ///
    /// [`current`]: DirectorySource::current
    ///
    /// # Errors
    /// AWS's error for the user or a membership; may be retried.
    async fn refresh_person(&self, user: &UserId) -> Result<Arc<Directory>, DirectoryFault>;
    /// Reads, with low priority, facts that rules not yet in force need, unless requested minutes
    /// ago. Kept only for [`ahead`](DirectorySource::ahead), never in
    /// [`current`](DirectorySource::current). Takes minutes at most; a stop keeps the facts read so
    /// far.
    async fn read_ahead(&self, _named: &NamedFacts) {}
    /// Returns the newest snapshot with recent facts of
    /// [`read_ahead`](DirectorySource::read_ahead), and why others are missing.
    fn ahead(&self, _named: &NamedFacts) -> DirectoryPrefetch {
        DirectoryPrefetch::from(self.current())
    }
}

#[derive(Clone, Debug)]
pub struct DirectoryPrefetch {
    pub directory: Arc<Directory>,
    pub why: WhyUnread,
}

impl From<Arc<Directory>> for DirectoryPrefetch {
    fn from(directory: Arc<Directory>) -> Self {
        Self {
            directory,
            why: WhyUnread::default(),
        }
    }
}

#[async_trait]
pub trait GuardSource: Send + Sync {
    /// Returns the newest removal of each key, at most `age` old. Called every tick, so cheap
    /// without changes. An unreadable journal is no error: its earlier entries count.
    async fn removals(&self, age: Duration) -> Arc<Removals>;
}

#[derive(Clone, Copy, Debug, Default)]
pub struct NoGuards;

#[async_trait]
impl GuardSource for NoGuards {
    async fn removals(&self, _age: Duration) -> Arc<Removals> {
        Arc::default()
    }
}

/// A failed read of the organization, naming the listing (promise P9).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {what}: {message}")]
pub struct DirectoryFault {
    pub what: String,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetPolicies {
    pub read_at: Timestamp,
    pub session: TimeSpan,
    pub inline: Option<String>,
    pub managed: Vec<ManagedPolicy>,
    /// Customer managed policies, by name.
    pub referenced: Vec<ReferencedPolicy>,
    /// The upper limit of the set's permissions.
    pub boundary: Option<Boundary>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// `arn:aws:iam::aws:policy/ReadOnlyAccess`.
    pub arn: String,
    /// `ReadOnlyAccess`.
    pub name: String,
    pub document: Option<String>,
}

/// A policy that must exist under this name in every provisioned account; its text may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferencedPolicy {
    pub name: String,
    pub path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boundary {
    Managed(ManagedPolicy),
    Referenced(ReferencedPolicy),
}

#[async_trait]
pub trait PolicySource: Send + Sync {
    /// Returns a set's policies, at most a few minutes old; `None` if the set was deleted. Never
    /// partial (promise P9).
    ///
    /// # Errors
    /// The failed call and AWS's error.
    async fn policies(
        &self,
        set: &PermissionSetArn,
    ) -> Result<Option<Arc<SetPolicies>>, DirectoryFault>;
}

#[derive(Clone, Debug)]
pub struct RemediationPress {
    pub record: Draft,
    pub locks_seen: LocksSeen,
    pub answer: Option<StoredAnswer>,
}

impl From<Draft> for RemediationPress {
    fn from(record: Draft) -> Self {
        Self {
            record,
            locks_seen: LocksSeen::default(),
            answer: None,
        }
    }
}

#[async_trait]
pub trait RemediationPresses: RemediationStore {
    /// Writes a remediation over its version, atomically. Also raced if a lock changed.
    ///
    /// # Errors
    /// A concurrent write, or a store failure; nothing was written.
    async fn press_remediation(
        &self,
        it: &Remediation,
        press: RemediationPress,
    ) -> Result<(), RemediationStoreFault>;

    async fn remediations_after(
        &self,
        filter: RemediationFilter,
        after: Option<&RemediationCursor>,
        most: usize,
    ) -> Result<Vec<Remediation>, RemediationStoreFault>;
}
