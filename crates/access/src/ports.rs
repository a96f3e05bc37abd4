//! What the journey needs: a store that commits a change whole, and what is known of the
//! organization. Rows of assignments are written through [`Desire`](crate::Desire)s only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_alerts::AlertMessage;
use hallpass_audit::{Draft, Record};
use hallpass_base::{
    AccountId, Email, GrantId, GroupId, HoldKey, PermissionSetArn, RequestId, SweepId, Target,
    TargetNames, TimeSpan, Timestamp, UserId,
};
use hallpass_findings::remediation::{
    Remediation, RemediationCursor, RemediationFilter, RemediationStore, RemediationStoreFault,
};
use hallpass_rules::{Ask, Directory, NamedFacts, WhyUnread};

use crate::grant_activity::PastUse;
use crate::{
    Accepted, Alarm, ArmedEndCounts, ArmedEndStatus, Change, Digest, Entitlement,
    EntitlementListing, Grant, GrantStateKind, GroupSyncItem, GroupSyncRun, Holds, Lock, LocksSeen,
    Message, Notice, OverQuota, PersonEntitlements, Removals, Request, RequestStateKind,
    StandingListing, StandingScope, StoredAnswer, Sweep, SweepItem, UnreadGrant,
};

/// A commit that did not happen. Nothing of it is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Another writer was first: a row changed since it was read, or an equal one exists. Read
    /// again and decide again.
    #[error("another change came first: {0}")]
    Raced(String),
    /// It would exceed a quota.
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
    /// The disk of the store is full, and what is left of it is reserved for the end of access.
    #[error("store: {0}")]
    Full(String),
    /// A step between states that no machine has (this is a bug).
    #[error("illegal step: {0} (this is a bug)")]
    IllegalStep(String),
    /// The store did not answer. Worth another try.
    #[error("store: {0}")]
    Unavailable(String),
}

/// The store did not answer. Worth another try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("store: {0}")]
pub struct ReadError(pub String);

/// What rules are asked about: an account with a permission set's name, or a group. The same for
/// every request and grant of it, whoever makes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A permission set in an account.
    Account {
        /// The account.
        account: AccountId,
        /// The permission set's name when it was asked for.
        permission_set: String,
    },
    /// Membership of a group.
    Group {
        /// The group.
        group: GroupId,
    },
}

impl Subject {
    /// What rules are asked about a target; `None` when its names are of another kind.
    pub fn of(target: &Target, names: &TargetNames) -> Option<Self> {
        match crate::question(target, names)? {
            Ask::Account {
                account,
                permission_set,
            } => Some(Self::Account {
                account: account.clone(),
                permission_set: permission_set.to_owned(),
            }),
            Ask::Group { group } => Some(Self::Group {
                group: group.clone(),
            }),
        }
    }

    /// The question to the rules.
    pub fn question(&self) -> Ask<'_> {
        match self {
            Self::Account {
                account,
                permission_set,
            } => Ask::Account {
                account,
                permission_set,
            },
            Self::Group { group } => Ask::Group { group },
        }
    }
}

/// Some of the subjects a store knows, by the numbers it gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectSet(Arc<BTreeSet<u64>>);

impl SubjectSet {
    /// Whether a number is in it.
    pub fn contains(&self, number: u64) -> bool {
        self.0.contains(&number)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }
}

impl FromIterator<u64> for SubjectSet {
    fn from_iter<T: IntoIterator<Item = u64>>(numbers: T) -> Self {
        Self(Arc::new(numbers.into_iter().collect()))
    }
}

/// What narrows a listing to somebody: rows of their own, rows that name them as approver or reviewer,
/// and rows about what they are listed for. Nothing they may see is left out; what is let through is
/// still to be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewerScope {
    /// Their directory id.
    pub user: Option<UserId>,
    /// What some rule of today lists them for.
    pub subjects: SubjectSet,
}

/// Which requests to list. All conditions must hold; the default lists all.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    /// In this state.
    pub state: Option<RequestStateKind>,
    /// Made by this person.
    pub requester: Option<UserId>,
    /// For this key.
    pub key: Option<HoldKey>,
    /// Only those whose break-glass review is open.
    pub open_review: bool,
    /// About one of these.
    pub subjects: Option<SubjectSet>,
    /// What somebody may see, and perhaps more; `None` = all.
    pub sight: Option<ViewerScope>,
    /// Older than this one (cursor).
    pub before: Option<RequestId>,
}

/// Which grants to list. All conditions must hold; the default lists all.
#[derive(Clone, Debug, Default)]
pub struct GrantFilter {
    /// In one of these states; empty = any.
    pub states: Vec<GrantStateKind>,
    /// Held by this person.
    pub holder: Option<UserId>,
    /// In this account.
    pub account: Option<String>,
    /// What somebody may see, and perhaps more; `None` = all.
    pub sight: Option<ViewerScope>,
    /// Older than this one (cursor).
    pub before: Option<GrantId>,
}

/// A piece of a listing, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T, I> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where to go on: only what is newer than this was looked at, and this itself. `None`: nothing
    /// is left.
    pub next: Option<I>,
}

/// Which grants of the past to count: those whose access was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastQuery {
    /// Of this.
    pub subject: Subject,
    /// Held by this person; `None` = by anybody.
    pub holder: Option<UserId>,
    /// Made at this one's instant or later (see [`GrantId::first_at`]).
    pub from: GrantId,
    /// Made before this one's.
    pub before: GrantId,
}

/// How many grants there were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PastGrants {
    /// So many, or at least so many.
    pub count: u32,
    /// Whether there may be more than were counted.
    pub more: bool,
    /// The newest of them.
    pub newest: Option<Grant>,
}

/// When live grants end that are not ending yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// How many end before the instant asked about.
    pub soon: u64,
    /// When the next one does, of all.
    pub next: Option<Timestamp>,
}

/// A message waiting for delivery.
#[derive(Clone, Debug)]
pub struct WaitingMessage {
    /// Its number; later messages have larger ones.
    pub number: u64,
    /// How often the channel took it before.
    pub attempts: u32,
    /// What to say.
    pub message: Message,
}

impl WaitingMessage {
    /// The notice, when it is about a request.
    pub const fn notice(&self) -> Option<&Notice> {
        match &self.message {
            Message::Notice(notice) => Some(notice),
            Message::Digest(_) | Message::Alarm(_) | Message::Alert(_) => None,
        }
    }
}

/// A notice with what it is about, as stored at the moment of telling: what people see is the
/// truth of now, however late it reaches them.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticeContext {
    /// The notice's number: the same whenever it is told, and on every channel.
    pub number: u64,
    /// What happened.
    pub notice: Notice,
    /// How often this channel was asked to tell it before.
    pub attempts: u32,
    /// The request it is about.
    pub request: Request,
    /// The grant it is about, or that came of the request.
    pub grant: Option<Grant>,
    /// What was done with the grant whose review is closed, or with the last that the requester had of what is asked for;
    /// `None` of other news, and where no log says it.
    pub used: Option<PastUse>,
}

/// A digest with the run it is about, as stored at the moment of telling.
#[derive(Clone, Debug, PartialEq)]
pub struct DigestContext {
    /// The digest's number: the same whenever it is told, and on every channel.
    pub number: u64,
    /// What happened.
    pub digest: Digest,
    /// How often this channel was asked to tell it before.
    pub attempts: u32,
    /// The run.
    pub sweep: Sweep,
}

/// A change of an alarm, on its way to those who run the place.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmContext {
    /// Its number: the same whenever it is told, and on every channel.
    pub number: u64,
    /// What changed.
    pub alarm: Alarm,
    /// How often this channel was asked to tell it before.
    pub attempts: u32,
}

/// What a query found, on its way to those who run the place.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertContext {
    /// Its number: the same whenever it is told, and on every channel.
    pub number: u64,
    /// What is told.
    pub alert: AlertMessage,
    /// How often this channel was asked to tell it before.
    pub attempts: u32,
}

/// What became of one attempt to tell people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Done, or nothing this channel tells.
    Done,
    /// It may work later; not before so long.
    Again {
        /// The pause the channel asks for, such as Slack's `Retry-After`.
        after: TimeSpan,
        /// What went wrong, for the log.
        why: String,
    },
    /// It will never work, or is too old to matter. Nothing stored changes (promise P7).
    GaveUp {
        /// What went wrong, for the log.
        why: String,
    },
}

/// A way to tell people: Slack, mail, webhooks. Each tells every notice by itself, at least once; a
/// slow one holds up no other.
#[async_trait]
pub trait Channel: Send + Sync {
    /// A short, stable name: `slack`, `mail`, or `webhook:NAME`. Deliveries are counted by it.
    fn name(&self) -> &str;
    /// Tells people. May be called again for a notice it has told: it must not act, only repeat.
    async fn deliver(&self, told: &NoticeContext) -> Delivery;
    /// Tells those who run the place what a sweep found or did. As [`deliver`](Channel::deliver).
    async fn deliver_digest(&self, told: &DigestContext) -> Delivery;
    /// Tells those who run the place that an alarm began or is over. As [`deliver`](Channel::deliver).
    async fn deliver_alarm(&self, told: &AlarmContext) -> Delivery;
    /// Tells those who run the place what a query found. As [`deliver`](Channel::deliver).
    async fn deliver_alert(&self, told: &AlertContext) -> Delivery;
}

/// Numbers for metrics and Health.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests by state.
    pub requests: BTreeMap<RequestStateKind, u64>,
    /// Grants by state.
    pub grants: BTreeMap<GrantStateKind, u64>,
    /// Grants whose end, or the moment an early end began, is before the given instant; not stuck.
    pub overdue: u64,
    /// Grants whose removal AWS refuses for good.
    pub stuck: u64,
    /// Assignments that are not settled: being made, being removed, or waiting for it.
    pub unsettled: u64,
    /// Notices waiting, by channel in use.
    pub notices: BTreeMap<String, u64>,
    /// Ends that AWS is to enforce and that are not over, by what is known of them.
    pub armed_ends: ArmedEndCounts,
}

/// What a channel is to tell, or why that cannot be read.
pub type Waiting = Result<Vec<WaitingMessage>, ReadError>;

/// Requests, grants, notices, and the one way to change them.
///
/// A request or grant whose row cannot be read (damaged, or written by a later release) is passed over by whatever gives
/// several, and takes nobody's place there; listings go on behind it. What is asked for by its id, and everything live on a
/// key, is an error then, and nothing else is.
#[async_trait]
pub trait AccessStore: Send + Sync {
    /// One request.
    async fn request(&self, id: RequestId) -> Result<Option<Request>, ReadError>;
    /// One grant.
    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, ReadError>;
    /// Requests, newest first, at most `limit`. One call stays short however many there are: it may
    /// list fewer than fit, even none, and says where to go on. Going on until nothing is left lists
    /// each that fits once.
    async fn requests(
        &self,
        filter: &RequestFilter,
        limit: u32,
    ) -> Result<Listed<Request, RequestId>, ReadError>;
    /// The pending request with this [`dedupe_key`](Request::dedupe_key). Reads one row, however many are pending.
    async fn pending_request(&self, dedupe_key: &str) -> Result<Option<Request>, ReadError>;
    /// Grants, newest first, at most `limit`, as [`requests`](AccessStore::requests).
    async fn grants(
        &self,
        filter: &GrantFilter,
        limit: u32,
    ) -> Result<Listed<Grant, GrantId>, ReadError>;
    /// Every subject of a request or grant with a number above `after`, ascending, at most `limit`.
    /// Numbers are given in the order of first commits and never change.
    async fn subjects(&self, after: u64, limit: u32) -> Result<Vec<(u64, Subject)>, ReadError>;
    /// The directory id of whoever held the newest grant under an address; `None` when nobody did.
    async fn holder_of(&self, address: &Email) -> Result<Option<UserId>, ReadError>;
    /// Grants of the past, counted. Looks at a bounded number of them, the newest first.
    async fn past(&self, query: &PastQuery) -> Result<PastGrants, ReadError>;
    /// Live grants whose [`due_to_end`](Grant::due_to_end) is before `now`, earliest first, at most
    /// `limit`.
    async fn grants_late(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError>;
    /// Grants that cannot be read: those that are live, and of the others those made at `from`'s instant or later (see
    /// [`GrantId::first_at`]). Whoever decides by lists what is unmanaged asks for these, too.
    async fn grants_unread(&self, from: GrantId) -> Result<Vec<UnreadGrant>, ReadError>;
    /// When grants end that keep their access wanted, with those before `soon` counted.
    async fn ends(&self, soon: Timestamp) -> Result<Ends, ReadError>;
    /// Everything live on a key, read at one instant.
    async fn holds(&self, key: &HoldKey) -> Result<Holds, ReadError>;
    /// Whether AWS enforces the ends of these keys; what is not armed at all, or is over, is left out.
    async fn armed_ends(
        &self,
        keys: &[HoldKey],
    ) -> Result<BTreeMap<HoldKey, ArmedEndStatus>, ReadError>;
    /// Pending requests whose [`due`](Request::due) has come: the earliest of each requester, then the second of each,
    /// and so on; earliest first within each turn.
    async fn requests_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Request>, ReadError>;
    /// Live grants whose [`due`](Grant::due) has come or whose assignment has news they have not
    /// seen: the one of each holder with the earliest [`due_to_end`](Grant::due_to_end), then the second of each, and so on;
    /// earliest end first within each turn. So the number of grants of one holder does not delay other holders.
    async fn grants_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError>;
    /// When the next request or grant is due by time alone.
    async fn next_due(&self) -> Result<Option<Timestamp>, ReadError>;
    /// Stores a change whole: guards checked, steps checked against the tables of legal ones,
    /// records numbered and chained, `version` and `rev` grown by one. A new or changed desire
    /// makes its assignment due at once. Refused as raced when a lock is not as `locks_seen` has it,
    /// and as [`CommitError::OverQuota`] when a quota would be exceeded.
    /// Tokens and sessions of `credentials_ended` end in the same transaction. Returns the records.
    async fn commit(&self, change: Change) -> Result<Vec<Record>, CommitError>;
    /// The newest lock of a person, lifted or not.
    async fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, ReadError>;
    /// The newest lock of each of these people, lifted or not, of those who have one.
    async fn locks_of(&self, users: &[UserId]) -> Result<Vec<Lock>, ReadError>;
    /// Every lock that was not lifted, by user id; some may have run out.
    async fn locks(&self) -> Result<Vec<Lock>, ReadError>;
    /// Everybody who has a token that is neither revoked nor past its end, or a session that is not over, by user id.
    async fn with_credentials(&self, now: Timestamp) -> Result<Vec<UserId>, ReadError>;
    /// The answer remembered for an idempotency key.
    async fn answer(&self, actor: &UserId, key: &str) -> Result<Option<StoredAnswer>, ReadError>;
    /// Puts a channel in use. One that was not known begins with the notices committed from then
    /// on; one that was goes on where it was. To be called again well within the retention of
    /// [`prune_notices`](AccessStore::prune_notices), for as long as the channel is in use.
    async fn open_channel(&self, channel: &str, now: Timestamp) -> Result<(), ReadError>;
    /// When the channel's next notice is due, or comes out of hiding; `None` when none waits.
    async fn next_notice(&self, channel: &str) -> Result<Option<Timestamp>, ReadError>;
    /// Takes up to `max` notices that the channel `by` has to tell and that are due: [urgent](Message::is_urgent) ones
    /// first, then by turns: one of each requester, oldest first, before the second of any. Those about no request take
    /// turns as one requester. Hides them from whoever else takes for it until `again`. Other channels are not touched.
    /// One that is neither delivered nor postponed is due again then: at least once, not once.
    async fn take_notices(&self, by: &str, now: Timestamp, again: Timestamp, max: u32) -> Waiting;
    /// The channel is done with a notice. Nothing happens when it was already.
    async fn notice_delivered(&self, channel: &str, number: u64) -> Result<(), ReadError>;
    /// The channel `by` takes a notice again at `again`. Nothing happens when it is done with it.
    async fn notice_postponed(
        &self,
        by: &str,
        number: u64,
        again: Timestamp,
    ) -> Result<(), ReadError>;
    /// Makes every delivery due now that waits for an instant after `later_than`: no pause is that long,
    /// so it was taken or postponed by a clock that ran ahead. Returns how many; a second time none.
    /// Stopped in the middle, all or none of them are due.
    async fn release_notices(&self, later_than: Timestamp) -> Result<u64, ReadError>;
    /// Drops notices of before `before`, and channels that were not opened since then with all that
    /// waits for them. Returns how many deliveries will never be.
    async fn prune_notices(&self, before: Timestamp) -> Result<u64, ReadError>;
    /// Remembers a change of an alarm, and tells every channel in use of it, in one transaction. Whether
    /// it was one: what [`Alarm::changes`] nothing is neither stored nor told, so an alarm is told once
    /// however often, by whatever process and after whatever stop it is noted.
    async fn note_alarm(&self, alarm: Alarm) -> Result<bool, ReadError>;
    /// The alarms that stand, by kind.
    async fn alarms(&self) -> Result<Vec<Alarm>, ReadError>;
    /// When the oldest record happened that is not known to be exported; `None` when all are. The
    /// records of one commit are exported later than it, so it is never `None` for long where much
    /// happens.
    async fn oldest_unexported(&self) -> Result<Option<Timestamp>, ReadError>;
    /// Numbers for metrics; a grant counts as overdue when its end is before `overdue_before`.
    async fn counts(&self, overdue_before: Timestamp) -> Result<Counts, ReadError>;
}

/// Runs of sweeps, what they found, and what is accepted as standing. Written by
/// [`commit`](AccessStore::commit) only; each call reads at one instant and may be repeated.
#[async_trait]
pub trait SweepStore: Send + Sync {
    /// One run.
    async fn sweep(&self, id: SweepId) -> Result<Option<Sweep>, ReadError>;
    /// Runs, newest first, at most `limit`, older than `before`.
    async fn sweeps(&self, before: Option<SweepId>, limit: u32) -> Result<Vec<Sweep>, ReadError>;
    /// The newest run that has looked: its items are what is known of standing access.
    async fn newest_listing(&self) -> Result<Option<Sweep>, ReadError>;
    /// Runs that are under way or wait for somebody, oldest first.
    async fn open_sweeps(&self) -> Result<Vec<Sweep>, ReadError>;
    /// The items of a run, by key.
    async fn sweep_items(&self, sweep: SweepId) -> Result<Vec<SweepItem>, ReadError>;
    /// One item of a run.
    async fn sweep_item(
        &self,
        sweep: SweepId,
        key: &HoldKey,
    ) -> Result<Option<SweepItem>, ReadError>;
    /// Items of any run that something is still to come of, by run and key.
    async fn open_sweep_items(&self) -> Result<Vec<SweepItem>, ReadError>;
    /// Everything that administrators accepted, by key.
    async fn accepted(&self) -> Result<Vec<Accepted>, ReadError>;
    /// What was accepted of one key.
    async fn accepted_one(&self, key: &HoldKey) -> Result<Option<Accepted>, ReadError>;
    /// Drops all but the newest `runs` runs, and of all but the newest `listings` runs that looked
    /// the items that were not acted on. Open runs and open items stay. May be repeated.
    async fn prune_sweeps(&self, listings: u32, runs: u32) -> Result<(), ReadError>;
}

/// Memberships that follow attributes of people, for reading; they change with
/// [`AccessStore::commit`].
#[async_trait]
pub trait GroupSyncStore: Send + Sync {
    /// Every membership that is being changed, or that AWS refuses to change, in the order of keys.
    async fn group_sync_items(&self) -> Result<Vec<GroupSyncItem>, ReadError>;

    /// The newest run; `None` before the first.
    async fn group_sync_run(&self) -> Result<Option<GroupSyncRun>, ReadError>;
}

/// What stands in Identity Center: direct assignments of users and members of groups, whoever gave
/// them. Implementations ask behind everything else, a few things at a time, and change nothing.
#[async_trait]
pub trait StandingSource: Send + Sync {
    /// Everything in scope. What could not be read is named in the listing and never shown as empty
    /// (promise P9); one failure stops nothing else. May be repeated.
    async fn read(&self, scope: &StandingScope) -> StandingListing;
    /// Who holds one target directly now, deleted people too. May be repeated.
    ///
    /// # Errors
    /// What AWS said.
    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, DirectoryFault>;
}

/// Entitlements of account access manager. Implementations ask behind everything else, within AWS's limit of calls.
#[async_trait]
pub trait EntitlementSource: Send + Sync {
    /// What a person may take, by themselves and by groups. May be repeated.
    ///
    /// # Errors
    /// What AWS said.
    async fn of_person(&self, user: &UserId) -> Result<PersonEntitlements, DirectoryFault>;
    /// What there is in these accounts, of people and groups that are gone too. What could not be read is named, and
    /// never shown as empty. May be repeated.
    async fn in_accounts(&self, accounts: &[&AccountId]) -> EntitlementListing;
    /// Deletes one: that it is gone already is as good. May be repeated.
    ///
    /// # Errors
    /// What AWS said; whether it is deleted is not known then.
    async fn delete(&self, entitlement: &Entitlement) -> Result<(), DirectoryFault>;
}

/// What is known of the organization.
#[async_trait]
pub trait DirectorySource: Send + Sync {
    /// The newest snapshot.
    fn current(&self) -> Arc<Directory>;
    /// Reads AWS now.
    ///
    /// # Errors
    /// What could not be read; the newest snapshot stays in force.
    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault>;
    /// Reads one user now, or gives what was read a few seconds ago; returns the newest snapshot with
    /// that user as they are: without them when they are gone, and in none of the groups that they have
    /// left. That they were put into a group is learned with the next reading. From then on [`current`]
    /// gives it too, also when a refresh that began before ends later. Many who ask for one user at once
    /// cost one question, and one for each group that they were in. Changes nothing in AWS; stopped in the middle, nothing is known.
    ///
    /// [`current`]: DirectorySource::current
    ///
    /// # Errors
    /// What AWS said when the user or one of their memberships could not be read; worth another try.
    async fn refresh_person(&self, user: &UserId) -> Result<Arc<Directory>, DirectoryFault>;
    /// Reads, behind everything else, what the newest snapshot does not have of what rules name that are not in force, unless
    /// it was asked for some minutes ago, and keeps it for [`ahead`](DirectorySource::ahead). Nothing of it comes into
    /// [`current`](DirectorySource::current). Takes minutes at most; stopped in the middle, what was read is kept.
    async fn read_ahead(&self, _named: &NamedFacts) {}
    /// The newest snapshot with what was read ahead of that lately, and why the rest was not.
    fn ahead(&self, _named: &NamedFacts) -> DirectoryAhead {
        DirectoryAhead::from(self.current())
    }
}

/// A directory to judge rules by that are not in force.
#[derive(Clone, Debug)]
pub struct DirectoryAhead {
    /// The newest snapshot, with what was read for these rules.
    pub directory: Arc<Directory>,
    /// Why the rest was not read.
    pub why: WhyUnread,
}

impl From<Arc<Directory>> for DirectoryAhead {
    /// Nothing was read beside it.
    fn from(directory: Arc<Directory>) -> Self {
        Self {
            directory,
            why: WhyUnread::default(),
        }
    }
}

/// What guards did, as their journals say.
#[async_trait]
pub trait GuardSource: Send + Sync {
    /// Everything they removed, the newest of each key, as of `age` ago or later. Asked at every tick:
    /// cheap while nothing changed. A journal that cannot be read now is no error here: what was read
    /// of it before counts, and the rest when it can be read again.
    async fn removals(&self, age: Duration) -> Arc<Removals>;
}

/// No guard is configured.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGuards;

#[async_trait]
impl GuardSource for NoGuards {
    async fn removals(&self, _age: Duration) -> Arc<Removals> {
        Arc::default()
    }
}

/// The organization could not be read; says which listing failed (promise P9).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {what}: {message}")]
pub struct DirectoryFault {
    /// Which listing.
    pub what: String,
    /// What AWS said.
    pub message: String,
}

/// What a permission set lets its holder do, as AWS keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetPolicies {
    /// When it was read.
    pub read_at: Timestamp,
    /// How long its role sessions last.
    pub session: TimeSpan,
    /// The policy written into the set itself, as text.
    pub inline: Option<String>,
    /// Policies that AWS keeps.
    pub managed: Vec<ManagedPolicy>,
    /// Policies that each account keeps for itself, by name.
    pub referenced: Vec<ReferencedPolicy>,
    /// What the set allows at most, whatever its policies say.
    pub boundary: Option<Boundary>,
}

/// A policy that AWS keeps and may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// `arn:aws:iam::aws:policy/ReadOnlyAccess`.
    pub arn: String,
    /// `ReadOnlyAccess`.
    pub name: String,
    /// Its text; `None` when it is not read.
    pub document: Option<String>,
}

/// A policy that has to exist, under this name, in every account the set is provisioned in; its
/// text may differ from account to account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferencedPolicy {
    /// Its name.
    pub name: String,
    /// Its path, `/` unless somebody chose another.
    pub path: String,
}

/// A permissions boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// A policy that AWS keeps.
    Managed(ManagedPolicy),
    /// A policy of each account.
    Referenced(ReferencedPolicy),
}

/// Reads the policies of permission sets when somebody looks at one.
#[async_trait]
pub trait PolicySource: Send + Sync {
    /// The policies of a set, read now or a few minutes ago; `None` when there is no such set any
    /// more. All of them or none: what could not be read whole is an error (promise P9).
    ///
    /// # Errors
    /// Which call failed, and what AWS said.
    async fn policies(
        &self,
        set: &PermissionSetArn,
    ) -> Result<Option<Arc<SetPolicies>>, DirectoryFault>;
}

/// What goes with a press on a remediation.
#[derive(Clone, Debug)]
pub struct RemediationPress {
    /// Who pressed.
    pub record: Draft,
    /// The locks that it was judged by.
    pub locks_seen: LocksSeen,
    /// What is remembered of the call.
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

/// Remediations that people decide about.
#[async_trait]
pub trait RemediationPresses: RemediationStore {
    /// Writes one over the version that it has, with what goes with it: all or nothing. Refused as raced, too, when a lock
    /// is not as it was seen.
    ///
    /// # Errors
    /// Somebody else wrote it first, or the store; nothing was half done.
    async fn press_remediation(
        &self,
        it: &Remediation,
        press: RemediationPress,
    ) -> Result<(), RemediationStoreFault>;

    /// The newest after a place, or of all, at most so many.
    ///
    /// # Errors
    /// The store did not answer.
    async fn remediations_after(
        &self,
        filter: RemediationFilter,
        after: Option<&RemediationCursor>,
        most: usize,
    ) -> Result<Vec<Remediation>, RemediationStoreFault>;
}
