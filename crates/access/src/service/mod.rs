//! The driver: load, authorise, step, commit state, records and desired rows together, notify.
//!
//! Holds the ports, the clock and the id source; decides nothing. Every method may stop at any
//! await: uncommitted changes have not happened.

mod absences;
mod accepting;
mod adopting;
mod alerting;
mod already_held;
mod campaign_reminders;
mod campaign_signing;
mod campaign_uses;
mod campaigns;
mod candidate_rules;
mod catalog;
mod conflicts;
mod creating;
mod deciding;
mod entitlements;
mod exporting;
mod facts;
mod giving;
mod group_syncing;
mod guarding;
mod listing;
mod listing_query;
mod locking;
mod made_directory;
mod maintenance;
mod offers;
mod on_call;
mod outside_facts;
mod people;
mod per_user_read_lock;
mod previewing;
mod queries;
mod quota_uses;
mod remediating;
mod repeating;
mod replaying;
mod replaying_grants;
mod reporting;
mod reviewing;
mod search;
mod search_context;
mod starting;
mod status;
mod sweep_acting;
mod sweep_beginning;
mod sweep_input;
mod sweep_people;
mod sweep_survey;
mod sweeping;
mod tickets;
mod tracing_steps;
mod viewer_scope;
mod visible_links;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, RwLock};

use hallpass_assignments::{AssignmentStore, OutageWatch, Pace};
use hallpass_audit::{Draft, Record};
use hallpass_base::{Clock, Disagreement, HoldKey, IdSource, SweepId, Timestamp};
use hallpass_rules::{Directory, Rules};
use tokio::sync::{Notify, Semaphore, watch};

pub use absences::{ABSENCE_POLL, AbsenceDirectory};
pub use alerting::Muting;
pub use already_held::WaitLimit;
pub use campaigns::{CampaignView, LINES_A_CALL_MAX};
pub use catalog::{CATALOG_PAGE_MAX, Catalog, CatalogEntry, CatalogPage, NamedId};
pub use conflicts::{ConflictReport, PersonConflict};
pub use creating::{Extending, TARGETS_MAX};
pub use deciding::{RevokedMany, Revoking};
pub use group_syncing::{GroupSyncStatus, GroupSyncView, GroupsTended};
pub use listing_query::{ListingQuery, UnmatchedText};
pub use maintenance::{Reconciled, Tended};
pub use offers::{BreakGlassOffers, GrantOffers, GrantPresses, Presses};
pub use on_call::{ON_CALL_POLL, OnCallDirectory};
pub use people::PeopleLooked;
pub use per_user_read_lock::{ReadTurn, WorkTurn};
pub use queries::grants_as_told;
pub use queries::{Explained, InLine, Late, RequestView};
pub use remediating::{
    RemediationApprovers, RemediationPage, RemediationSource, RemediationView, about_remediation,
};
pub use repeating::{ANSWER_KEPT, Idempotency};
pub use replaying::{Replayed, ReplayedRequest};
pub use replaying_grants::{ReplayedGrant, ReplayedGrants};
pub use reporting::{ReportFilter, ReportTargets, StandingReport, StandingRow};
pub use reviewing::{LastTime, Past, Times, last_grant};
pub use search::{Hit, Search, SearchPage};
pub use status::SweepStatus;
pub use sweep_acting::SweepsTended;
pub use sweep_people::{Meant, StandingView};
pub use sweep_survey::StandingSurvey;
pub use tickets::TicketReader;
pub use visible_links::VisibleLinks;

use crate::arming;
use crate::records::StepContext;
use crate::text_limits::{RECORD_TEXT_CHARACTERS_MAX, TooLong};
use crate::{
    AbsenceProblem, AccessStore, ActionRefused, ActivityLogs, CampaignStore, Change, CommitError,
    DirectoryFault, DirectorySource, EntitlementSource, GroupSyncStore, GuardSource, Holds,
    NoGuards, NoPeopleSource, OverQuota, PeopleSource, ReadError, Settings, StandingSource,
    SweepStore,
};

/// Retries of a raced decision.
const RACES_MAX: u32 = 8;

#[derive(Clone)]
pub struct Ports {
    pub store: Arc<dyn AccessStore>,
    pub assignments: Arc<dyn AssignmentStore>,
    pub sweeps: Arc<dyn SweepStore>,
    pub campaigns: Arc<dyn CampaignStore>,
    pub group_sync: Arc<dyn GroupSyncStore>,
    pub standing: Arc<dyn StandingSource>,
    pub directory: Arc<dyn DirectorySource>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
}

#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Nonexistent, or hidden from the caller.
    #[error("no such {0}, or not yours to see")]
    NotFound(&'static str),
    #[error(transparent)]
    Refused(#[from] ActionRefused),
    /// The same idempotency key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    #[error("1 to {TARGETS_MAX} targets can be requested together; these are {0}")]
    TargetCount(usize),
    #[error("the state in AWS could not be read")]
    Directory(#[from] DirectoryFault),
    #[error("cannot read the store")]
    Read(#[from] ReadError),
    #[error("cannot store the change")]
    Commit(#[source] CommitError),
}

impl From<TooLong> for AccessError {
    fn from(text: TooLong) -> Self {
        Self::Refused(text.into())
    }
}

impl From<AbsenceProblem> for AccessError {
    fn from(problem: AbsenceProblem) -> Self {
        Self::Refused(problem.into())
    }
}

impl From<CommitError> for AccessError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::OverQuota(over) => Self::Refused(over.into()),
            CommitError::Full(_) => Self::Refused(ActionRefused::StorageFull),
            CommitError::Raced(_) | CommitError::IllegalStep(_) | CommitError::Unavailable(_) => {
                Self::Commit(error)
            }
        }
    }
}

pub struct Access {
    ports: Ports,
    settings: Settings,
    rules: Arc<RwLock<Rules>>,
    wake_executor: Arc<Notify>,
    wake_revoker: Arc<Notify>,
    wake_end_armer: Arc<Notify>,
    wake_sweeper: Arc<Notify>,
    /// Running sweeps of this process; any other running one was interrupted.
    own_sweeps: Arc<Mutex<BTreeSet<SweepId>>>,
    /// Cached AWS reads for waiting users.
    aws_looks: Mutex<already_held::Looks>,
    look_permits: Semaphore,
    newest_record: Arc<watch::Sender<u64>>,
    pace: Arc<Pace>,
    home_region: Arc<OutageWatch>,
    search_cache: search_context::SearchCache,
    listings: viewer_scope::ListingCache,
    read_turns: per_user_read_lock::Turns,
    work_turns: per_user_read_lock::Turns,
    guards: Arc<dyn GuardSource>,
    people: Arc<dyn PeopleSource>,
    people_looked: Arc<Mutex<Option<Timestamp>>>,
    /// Why AWS did not confirm users missing in a listing.
    people_unsaid: Arc<Mutex<Option<DirectoryFault>>>,
    entitlements: Option<Arc<dyn EntitlementSource>>,
    entitlements_tended: Arc<Mutex<entitlements::EntitlementsTended>>,
    alerts: Arc<dyn hallpass_alerts::AlertStore>,
    remediations: Option<RemediationSource>,
    journals_seen: guarding::JournalsSeen,
    tickets: Arc<TicketReader>,
    activity: Option<Arc<dyn ActivityLogs>>,
    start_answers: Arc<outside_facts::StartAnswers>,
    standing_cache: Arc<outside_facts::StandingCache>,
}

impl Access {
    pub fn new(ports: Ports, settings: Settings, rules: Rules) -> Self {
        Self {
            ports,
            settings,
            rules: Arc::new(RwLock::new(rules)),
            wake_executor: Arc::new(Notify::new()),
            wake_revoker: Arc::new(Notify::new()),
            wake_end_armer: Arc::new(Notify::new()),
            wake_sweeper: Arc::new(Notify::new()),
            own_sweeps: Arc::default(),
            aws_looks: Mutex::default(),
            look_permits: Semaphore::new(already_held::LOOKS_AT_ONCE),
            newest_record: Arc::new(watch::Sender::new(0)),
            pace: Arc::default(),
            home_region: Arc::default(),
            search_cache: search_context::SearchCache::default(),
            listings: viewer_scope::ListingCache::default(),
            read_turns: per_user_read_lock::Turns::default(),
            work_turns: per_user_read_lock::Turns::default(),
            guards: Arc::new(NoGuards),
            people: Arc::new(NoPeopleSource),
            people_looked: Arc::default(),
            people_unsaid: Arc::default(),
            entitlements: None,
            entitlements_tended: Arc::default(),
            alerts: Arc::new(alerting::NoAlerts),
            remediations: None,
            journals_seen: guarding::JournalsSeen::default(),
            tickets: Arc::default(),
            activity: None,
            start_answers: Arc::default(),
            standing_cache: Arc::default(),
        }
    }

    /// Uses other ports of the same world, such as a store that fences non-leaders; shares rules
    /// and notifications.
    #[must_use]
    pub fn over(&self, ports: Ports) -> Self {
        Self {
            ports,
            settings: self.settings.clone(),
            rules: Arc::clone(&self.rules),
            wake_executor: Arc::clone(&self.wake_executor),
            wake_revoker: Arc::clone(&self.wake_revoker),
            wake_end_armer: Arc::clone(&self.wake_end_armer),
            wake_sweeper: Arc::clone(&self.wake_sweeper),
            own_sweeps: Arc::clone(&self.own_sweeps),
            aws_looks: Mutex::default(),
            look_permits: Semaphore::new(already_held::LOOKS_AT_ONCE),
            newest_record: Arc::clone(&self.newest_record),
            pace: Arc::clone(&self.pace),
            home_region: Arc::clone(&self.home_region),
            search_cache: search_context::SearchCache::default(),
            listings: viewer_scope::ListingCache::default(),
            read_turns: per_user_read_lock::Turns::default(),
            work_turns: per_user_read_lock::Turns::default(),
            guards: Arc::clone(&self.guards),
            people: Arc::clone(&self.people),
            people_looked: Arc::clone(&self.people_looked),
            people_unsaid: Arc::clone(&self.people_unsaid),
            entitlements: self.entitlements.clone(),
            entitlements_tended: Arc::clone(&self.entitlements_tended),
            alerts: Arc::clone(&self.alerts),
            remediations: self.remediations.clone(),
            journals_seen: guarding::JournalsSeen::default(),
            tickets: Arc::clone(&self.tickets),
            activity: self.activity.clone(),
            start_answers: Arc::clone(&self.start_answers),
            standing_cache: Arc::clone(&self.standing_cache),
        }
    }

    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    #[must_use]
    pub fn with_guards(mut self, guards: Arc<dyn GuardSource>) -> Self {
        self.guards = guards;
        self
    }

    #[must_use]
    pub fn with_tickets(mut self, tickets: TicketReader) -> Self {
        self.tickets = Arc::new(tickets);
        self
    }

    #[must_use]
    pub fn with_activity(mut self, logs: Option<Arc<dyn ActivityLogs>>) -> Self {
        self.activity = logs;
        self
    }

    /// `None` if no logs are configured.
    pub fn activity(&self) -> Option<Arc<dyn ActivityLogs>> {
        self.activity.clone()
    }

    #[must_use]
    pub fn with_people(mut self, people: Arc<dyn PeopleSource>) -> Self {
        self.people = people;
        self
    }

    #[must_use]
    pub fn with_home_region(mut self, home_region: Arc<OutageWatch>) -> Self {
        self.home_region = home_region;
        self
    }

    /// Since when the home Region of IAM Identity Center does not answer: nothing can be granted or
    /// removed (`access.md` §22, R-1). `None` while it answers.
    pub fn home_region_lost_since(&self) -> Option<Timestamp> {
        self.home_region.lost_since(self.now())
    }

    /// Signals new work for assignments. A lost notification only delays it.
    pub fn executor_notify(&self) -> Arc<Notify> {
        Arc::clone(&self.wake_executor)
    }

    pub fn pace(&self) -> Arc<Pace> {
        Arc::clone(&self.pace)
    }

    /// Signals possible moves of enforced ends. A lost notification only delays them.
    pub fn armed_ends_notify(&self) -> Arc<Notify> {
        Arc::clone(&self.wake_end_armer)
    }

    /// Signals sessions to end. A lost notification only delays it.
    pub fn revocations_notify(&self) -> Arc<Notify> {
        Arc::clone(&self.wake_revoker)
    }

    /// Signals work for sweeps. A lost notification only delays it.
    pub fn sweeper_notify(&self) -> Arc<Notify> {
        Arc::clone(&self.wake_sweeper)
    }

    /// Announces that another process extended the log up to this record.
    pub fn heard_of(&self, seq: u64) {
        let is_news = self.newest_record.send_if_modified(|newest| {
            let is_newer = seq > *newest;
            *newest = seq.max(*newest);
            is_newer
        });
        if is_news {
            // Its change may need work.
            self.wake_executor.notify_one();
            self.wake_revoker.notify_one();
            self.wake_end_armer.notify_one();
            self.wake_sweeper.notify_one();
        }
    }

    /// The newest record written or announced here. Also signals notices without records.
    pub fn newest_record(&self) -> watch::Receiver<u64> {
        self.newest_record.subscribe()
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn rules(&self) -> Rules {
        // Poisoned only by a panic while cloning; the rules never change in place.
        self.rules
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    pub fn directory(&self) -> Arc<Directory> {
        self.ports.directory.current()
    }

    /// # Errors
    /// If the record cannot be stored; the previous rules stay in force.
    pub async fn set_rules(&self, rules: Rules, what: &str) -> Result<(), AccessError> {
        let record = self.step().of_rules(rules.hash(), what);
        self.store_change(Change {
            audit: vec![record],
            ..Change::default()
        })
        .await?;
        *self
            .rules
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = rules;
        Ok(())
    }

    /// Records that clocks disagree or agree again. `what` is the difference.
    ///
    /// # Errors
    /// If the record cannot be stored.
    pub async fn note_clocks(
        &self,
        disagreement: Option<Disagreement>,
        what: &str,
    ) -> Result<(), AccessError> {
        let record = self.step().of_clocks(disagreement, what);
        self.store_change(Change {
            audit: vec![record],
            ..Change::default()
        })
        .await?;
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    fn step(&self) -> StepContext<'_> {
        let look = self.ports.clock.look();
        StepContext {
            now: look.now,
            aws_now: look.elsewhere,
            disagreement: look.disagreement,
            ids: self.ports.ids.as_ref(),
        }
    }

    /// Commits, then notifies. Notifications may be lost: listeners also poll.
    async fn store_change(&self, mut change: Change) -> Result<Vec<Record>, CommitError> {
        if change.is_empty() {
            return Ok(Vec::new());
        }
        ensure_short_texts(&change)?;
        change.quotas = quota_uses::uses(&change, &self.settings);
        let look = self.ports.clock.look();
        let wished = arming::wishes(&change, &self.directory(), look.now, look.elsewhere);
        change.armed_ends.extend(wished);
        let wakes = !change.desired.is_empty();
        let cuts = !change.sessions_to_revoke.is_empty();
        let arms = wakes || !change.armed_ends.is_empty();
        let tells = !(change.notices.is_empty() && change.digests.is_empty());
        let begun = tracing_steps::begun(&change);
        let records = self
            .ports
            .store
            .commit(change)
            .await
            .map_err(|error| match error {
                // A decision that did not see it is made again.
                CommitError::OverQuota(over @ OverQuota::LiveGrants(_)) => {
                    CommitError::Raced(over.to_string())
                }
                error => error,
            })?;
        tracing_steps::tell(&begun, &records);
        if wakes {
            self.wake_executor.notify_one();
        }
        if cuts {
            self.wake_revoker.notify_one();
        }
        if arms {
            self.wake_end_armer.notify_one();
        }
        let newest = records.last().map_or(0, Record::seq);
        self.newest_record.send_if_modified(|seq| {
            let newer = newest > *seq;
            *seq = newest.max(*seq);
            newer || tells
        });
        Ok(records)
    }

    async fn holds(&self, key: Option<&HoldKey>) -> Result<Holds, ReadError> {
        match key {
            Some(key) => self.ports.store.holds(key).await,
            None => Ok(Holds::default()),
        }
    }
}

fn ensure_short_texts(change: &Change) -> Result<(), CommitError> {
    let longest = { change.audit.iter() }.map(Draft::longest_text_of_person);
    match longest.max() {
        Some(length) if length > RECORD_TEXT_CHARACTERS_MAX => Err(CommitError::IllegalStep(
            format!("a record with a text of {length} characters"),
        )),
        Some(_) | None => Ok(()),
    }
}
