//! The driver: load, authorise, step, commit state, records and desired rows together, notify.
//!
//! Holds the ports, the clock and the source of ids; decides nothing itself. Every method may be
//! stopped at any await: what was not committed has not happened.

mod accepting;
mod adopting;
mod ahead;
mod alerting;
mod already_held;
mod asking;
mod catalog;
mod entitlements;
mod exporting;
mod facts;
mod giving;
mod group_syncing;
mod guarding;
mod listing;
mod locking;
mod maintenance;
mod offers;
mod people;
mod pressing;
mod previewing;
mod queries;
mod quota_uses;
mod remediating;
mod repeating;
mod replaying;
mod replaying_grants;
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
mod tracing_steps;
mod turns;
mod viewer_scope;
mod visible_links;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, RwLock};

use hallpass_assignments::{AssignmentStore, Pace, SilenceWatch};
use hallpass_audit::{Draft, Record};
use hallpass_base::{Clock, Disagreement, HoldKey, IdSource, SweepId, Timestamp};
use hallpass_rules::{Directory, Rules};
use tokio::sync::{Notify, Semaphore, watch};

pub use alerting::Muting;
pub use already_held::Patience;
pub use asking::{Asking, Extending, TARGETS_MAX};
pub use catalog::{CATALOG_PAGE_MAX, Catalog, CatalogEntry, CatalogPage, NamedId};
pub use group_syncing::{GroupSyncStatus, GroupSyncView, GroupsTended};
pub use maintenance::{Reconciled, Tended};
pub use offers::{BreakGlassOffers, GrantOffers, GrantPresses, Presses};
pub use people::PeopleLooked;
pub use pressing::{RevokedMany, Revoking};
pub use queries::grants_as_told;
pub use queries::{Explained, InLine, Late, RequestView};
pub use remediating::{
    RemediationApprovers, RemediationPage, RemediationSource, RemediationView, about_remediation,
};
pub use repeating::{ANSWER_KEPT, Idempotency};
pub use replaying::{Replayed, ReplayedRequest};
pub use replaying_grants::{ReplayedGrant, ReplayedGrants};
pub use reviewing::{LastTime, Past, Times, last_grant};
pub use search::{Hit, Search, SearchPage};
pub use status::SweepStatus;
pub use sweep_acting::SweepsTended;
pub use sweep_people::{Meant, StandingView};
pub use sweep_survey::StandingSurvey;
pub use turns::{ReadTurn, WorkTurn};
pub use visible_links::VisibleLinks;

use crate::arming;
use crate::records::StepContext;
use crate::text_limits::{RECORD_TEXT_CHARACTERS_MAX, TooLong};
use crate::{
    AccessStore, Change, CommitError, DirectoryFault, DirectorySource, EntitlementSource,
    GroupSyncStore, GuardSource, Holds, NoGuards, NoPeopleSource, PeopleSource, PressRefused,
    ReadError, Settings, StandingSource, SweepStore,
};

/// How often a change is decided anew when another came first.
const RACES_MAX: u32 = 8;

/// Everything the journey talks to.
#[derive(Clone)]
pub struct Ports {
    /// Requests, grants, records.
    pub store: Arc<dyn AccessStore>,
    /// Rows of assignments, only read here.
    pub assignments: Arc<dyn AssignmentStore>,
    /// Sweeps and what they found, for reading.
    pub sweeps: Arc<dyn SweepStore>,
    /// Memberships that follow attributes, for reading.
    pub group_sync: Arc<dyn GroupSyncStore>,
    /// What stands in Identity Center.
    pub standing: Arc<dyn StandingSource>,
    /// What is known of the organization.
    pub directory: Arc<dyn DirectorySource>,
    /// Time; steps back only when its clocks agree that it ran ahead.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn IdSource>,
}

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No such thing, or not the caller's to see.
    #[error("no such {0}, or not yours to see")]
    NotFound(&'static str),
    /// The caller may not, or the state of things forbids it.
    #[error(transparent)]
    Refused(#[from] PressRefused),
    /// The same idempotency key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// Nothing was named, or more than can be asked for at once.
    #[error("1 to {TARGETS_MAX} targets can be asked for at once; these are {0}")]
    TargetCount(usize),
    /// AWS did not say what stands.
    #[error("what stands in AWS could not be read")]
    Directory(#[from] DirectoryFault),
    /// The store did not answer.
    #[error("cannot read the store")]
    Read(#[from] ReadError),
    /// The store did not commit.
    #[error("cannot store the change")]
    Commit(#[source] CommitError),
}

impl From<TooLong> for AccessError {
    fn from(text: TooLong) -> Self {
        Self::Refused(text.into())
    }
}

impl From<CommitError> for AccessError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::OverQuota(over) => Self::Refused(over.into()),
            // what the store says is for those who run it: the probe of the store shows it
            CommitError::Full(_) => Self::Refused(PressRefused::StorageFull),
            CommitError::Raced(_) | CommitError::IllegalStep(_) | CommitError::Unavailable(_) => {
                Self::Commit(error)
            }
        }
    }
}

/// The journey's only driver.
pub struct Access {
    ports: Ports,
    settings: Settings,
    rules: Arc<RwLock<Rules>>,
    /// Notified after a change that assignments should act on.
    wake_executor: Arc<Notify>,
    /// Notified when there are sessions to be ended.
    wake_revoker: Arc<Notify>,
    /// Notified when something an armed end follows has changed.
    wake_end_armer: Arc<Notify>,
    /// Notified when there is something to do for sweeps.
    wake_sweeper: Arc<Notify>,
    /// Sweeps that this process began and has not ended: any other that runs was interrupted.
    own_sweeps: Arc<Mutex<BTreeSet<SweepId>>>,
    /// Looks at AWS for somebody who waits.
    aws_looks: Mutex<already_held::Looks>,
    look_permits: Semaphore,
    /// Number of the newest record; listeners read the log from where they were.
    newest_record: Arc<watch::Sender<u64>>,
    /// How long operations take, as whoever carries them out learns it.
    pace: Arc<Pace>,
    /// Whether IAM Identity Center answers, as whoever calls it notes.
    home_region: Arc<SilenceWatch>,
    /// What searches computed before.
    search_cache: search_context::SearchCache,
    /// What listings worked out before.
    listings: viewer_scope::ListingCache,
    /// Who reads now.
    read_turns: turns::Turns,
    /// Who has costly work done now.
    work_turns: turns::Turns,
    guards: Arc<dyn GuardSource>,
    people: Arc<dyn PeopleSource>,
    /// When everybody behind live access was last looked at.
    people_looked: Arc<Mutex<Option<Timestamp>>>,
    /// Why AWS did not say of people whom a listing lacks whether they are gone.
    people_unsaid: Arc<Mutex<Option<DirectoryFault>>>,
    /// Entitlements of account access manager, where the configuration looks at them.
    entitlements: Option<Arc<dyn EntitlementSource>>,
    entitlements_tended: Arc<Mutex<entitlements::EntitlementsTended>>,
    alerts: Arc<dyn hallpass_alerts::AlertStore>,
    remediations: Option<RemediationSource>,
    /// What of guards' journals was taken into account.
    journals_seen: guarding::JournalsSeen,
}

impl Access {
    /// A driver over these ports, with rules in force.
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
            read_turns: turns::Turns::default(),
            work_turns: turns::Turns::default(),
            guards: Arc::new(NoGuards),
            people: Arc::new(NoPeopleSource),
            people_looked: Arc::default(),
            people_unsaid: Arc::default(),
            entitlements: None,
            entitlements_tended: Arc::default(),
            alerts: Arc::new(alerting::NoAlerts),
            remediations: None,
            journals_seen: guarding::JournalsSeen::default(),
        }
    }

    /// A driver over other ports of the same world, such as a store that refuses whoever does not lead:
    /// with the rules in force here, whatever they become, and with whom is notified here.
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
            read_turns: turns::Turns::default(),
            work_turns: turns::Turns::default(),
            guards: Arc::clone(&self.guards),
            people: Arc::clone(&self.people),
            people_looked: Arc::clone(&self.people_looked),
            people_unsaid: Arc::clone(&self.people_unsaid),
            entitlements: self.entitlements.clone(),
            entitlements_tended: Arc::clone(&self.entitlements_tended),
            alerts: Arc::clone(&self.alerts),
            remediations: self.remediations.clone(),
            journals_seen: guarding::JournalsSeen::default(),
        }
    }

    /// The ports.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The same, taking into account what guards did.
    #[must_use]
    pub fn with_guards(mut self, guards: Arc<dyn GuardSource>) -> Self {
        self.guards = guards;
        self
    }

    /// The same, looking at people with access, tokens or sessions between two readings of the organization.
    #[must_use]
    pub fn with_people(mut self, people: Arc<dyn PeopleSource>) -> Self {
        self.people = people;
        self
    }

    /// The same, knowing whether IAM Identity Center answers.
    #[must_use]
    pub fn with_home_region(mut self, home_region: Arc<SilenceWatch>) -> Self {
        self.home_region = home_region;
        self
    }

    /// Since when the home Region of IAM Identity Center has answered nobody here: nothing can be given or removed meanwhile
    /// (`access.md` §22, R-1). `None` while it answers.
    pub fn home_region_lost_since(&self) -> Option<Timestamp> {
        self.home_region.lost_since(self.now())
    }

    /// Notified whenever assignments have something new to do. A lost notification costs delay only.
    pub fn executor_notify(&self) -> Arc<Notify> {
        Arc::clone(&self.wake_executor)
    }

    /// How long operations take: learned by whoever carries them out, and told to those who wait.
    pub fn pace(&self) -> Arc<Pace> {
        Arc::clone(&self.pace)
    }

    /// Notified whenever an armed end may have moved. A lost notification costs delay only.
    pub fn armed_ends_notify(&self) -> Arc<Notify> {
        Arc::clone(&self.wake_end_armer)
    }

    /// Notified whenever there are sessions to be ended. A lost notification costs delay only.
    pub fn revocations_notify(&self) -> Arc<Notify> {
        Arc::clone(&self.wake_revoker)
    }

    /// Notified whenever sweeps have something to do. A lost notification costs delay only.
    pub fn sweeper_notify(&self) -> Arc<Notify> {
        Arc::clone(&self.wake_sweeper)
    }

    /// Says that the log has grown to this record, by whoever wrote it: to those who hear of what this
    /// process writes, as if it had.
    pub fn heard_of(&self, seq: u64) {
        let is_news = self.newest_record.send_if_modified(|newest| {
            let is_newer = seq > *newest;
            *newest = seq.max(*newest);
            is_newer
        });
        if is_news {
            // what another wrote may be work
            self.wake_executor.notify_one();
            self.wake_revoker.notify_one();
            self.wake_end_armer.notify_one();
            self.wake_sweeper.notify_one();
        }
    }

    /// The number of the newest record this process has written or heard of, as it grows. Changes also when
    /// there are notices to deliver, whether or not something was recorded with them.
    pub fn newest_record(&self) -> watch::Receiver<u64> {
        self.newest_record.subscribe()
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The rules in force.
    pub fn rules(&self) -> Rules {
        // a poisoned lock means a panic while cloning; the rules themselves never change in place
        self.rules
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// What is known of the organization.
    pub fn directory(&self) -> Arc<Directory> {
        self.ports.directory.current()
    }

    /// Puts rules in force and records it.
    ///
    /// # Errors
    /// When the record cannot be stored; the rules before stay in force.
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

    /// Puts on record that the clocks disagree, or agree again. `what` says how far.
    ///
    /// # Errors
    /// When the record cannot be stored.
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

    /// One look: what is decided by `now` and whether `now` may be counted from belong together.
    fn step(&self) -> StepContext<'_> {
        let look = self.ports.clock.look();
        StepContext {
            now: look.now,
            aws_now: look.elsewhere,
            disagreement: look.disagreement,
            ids: self.ports.ids.as_ref(),
        }
    }

    /// Commits, then notifies. A notification may be lost: each listener also looks by itself.
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
        let records = self.ports.store.commit(change).await?;
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

/// Every text of a caller is bounded where it comes in; one that was forgotten there is not stored either.
fn ensure_short_texts(change: &Change) -> Result<(), CommitError> {
    let longest = { change.audit.iter() }.map(Draft::longest_text_of_person);
    match longest.max() {
        Some(length) if length > RECORD_TEXT_CHARACTERS_MAX => Err(CommitError::IllegalStep(
            format!("a record with a text of {length} characters"),
        )),
        Some(_) | None => Ok(()),
    }
}
