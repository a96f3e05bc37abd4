//! Simulated Identity Center: asynchronous writes, one operation per account and permission set,
//! lagging listings, deleted people.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hallpass_access::{
    DirectoryFault, StandingListing, StandingScope, StandingSource, Unread, UnreadPlace,
};
use hallpass_assignments::{
    CenterFault, IdentityCenter, Missing, OperationKind, OperationStatus, OutageWatch,
    SentOperation, Urgency,
};
use hallpass_base::{Clock, GroupId, HoldKey, Target, TimeSpan, Timestamp, UserId};

use crate::Wall;
use crate::call_faults::{CallFate, CallFaults};

#[derive(Clone, Debug)]
pub struct Habits {
    pub write_takes: TimeSpan,
    pub listing_lag: TimeSpan,
    pub create_fails: Option<String>,
    /// A FAILED create still takes effect.
    pub failed_create_takes_effect: bool,
    pub loses_status: bool,
    pub unreadable: Vec<UnreadPlace>,
    /// Limits requests to one per this many milliseconds; `None` = no limit.
    pub one_request_per_ms: Option<u64>,
    pub slots: usize,
    pub refuses: Refuses,
    pub answers: Answers,
    /// Answered calls that fail randomly; `None` = none.
    pub faults: Option<CallFaults>,
}

/// A denied read whose answer is available another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuses {
    Nothing,
    Operations,
    People,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    #[default]
    All,
    /// Reads only; writes are lost before taking effect.
    Reads,
    None,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            write_takes: TimeSpan::seconds(4),
            listing_lag: TimeSpan::ZERO,
            create_fails: None,
            failed_create_takes_effect: false,
            loses_status: false,
            unreadable: Vec::new(),
            one_request_per_ms: None,
            slots: 10,
            refuses: Refuses::Nothing,
            answers: Answers::All,
            faults: None,
        }
    }
}

struct Running {
    id: String,
    kind: OperationKind,
    key: HoldKey,
    ends: Timestamp,
    fails: Option<String>,
    takes_effect: bool,
    applied: bool,
}

#[derive(Default)]
struct CenterState {
    habits: Habits,
    present: BTreeSet<HoldKey>,
    /// Earlier listing results, each with the time until which they are shown.
    stale: BTreeMap<HoldKey, (bool, Timestamp)>,
    operations: Vec<Running>,
    gone_people: BTreeSet<UserId>,
    closed_accounts: BTreeSet<String>,
    writes: Vec<(OperationKind, HoldKey)>,
    written_at: Vec<Timestamp>,
    calls: BTreeMap<&'static str, u64>,
    asked_at: Option<Timestamp>,
}

pub struct Center {
    clock: Arc<Wall>,
    state: Mutex<CenterState>,
    silence: Arc<OutageWatch>,
}

impl Center {
    pub fn new(clock: Arc<Wall>, habits: Habits) -> Self {
        Self {
            clock,
            state: Mutex::new(CenterState {
                habits,
                ..CenterState::default()
            }),
            silence: Arc::default(),
        }
    }

    pub fn silence(&self) -> Arc<OutageWatch> {
        Arc::clone(&self.silence)
    }

    /// Makes a read as another client.
    ///
    /// # Errors
    /// During an outage.
    pub fn asked(&self) -> Result<(), CenterFault> {
        self.ration("asked")
    }

    fn settled(&self) -> MutexGuard<'_, CenterState> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let lag = state.habits.listing_lag;
        let CenterState {
            operations,
            present,
            stale,
            ..
        } = &mut *state;
        for operation in operations
            .iter_mut()
            .filter(|op| !op.applied && op.ends <= now)
        {
            operation.applied = true;
            if operation.takes_effect {
                let before = present.contains(&operation.key);
                match operation.kind {
                    OperationKind::Create => present.insert(operation.key.clone()),
                    OperationKind::Delete => present.remove(&operation.key),
                };
                stale.insert(operation.key.clone(), (before, lag.after(operation.ends)));
            }
        }
        stale.retain(|_, (_, until)| *until > now);
        state
    }

    /// Returns the true assignments, whatever listings show.
    pub fn present(&self) -> BTreeSet<HoldKey> {
        self.settled().present.clone()
    }

    pub fn writes(&self) -> Vec<(OperationKind, HoldKey)> {
        self.settled().writes.clone()
    }

    pub fn writes_at(&self) -> Vec<(Timestamp, OperationKind, HoldKey)> {
        let state = self.settled();
        let writes = state.writes.iter().zip(&state.written_at);
        writes
            .map(|((kind, key), at)| (*at, *kind, key.clone()))
            .collect()
    }

    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.settled().calls.clone()
    }

    pub fn running(&self) -> usize {
        let state = self.settled();
        state.operations.iter().filter(|op| !op.applied).count()
    }

    /// Grants access outside Hallpass.
    pub fn give(&self, key: &HoldKey) {
        self.settled().present.insert(key.clone());
    }

    pub fn take(&self, key: &HoldKey) {
        self.settled().present.remove(key);
    }

    /// Removes a person from the directory; their assignments stay and cannot be deleted.
    pub fn forget_person(&self, user: &UserId) {
        self.settled().gone_people.insert(user.clone());
    }

    pub fn close_account(&self, account: &str) {
        self.settled().closed_accounts.insert(account.to_owned());
    }

    pub fn reopen_account(&self, account: &str) {
        self.settled().closed_accounts.remove(account);
    }

    pub fn habits(&self) -> Habits {
        self.settled().habits.clone()
    }

    pub fn change_habits(&self, change: impl FnOnce(&mut Habits)) {
        change(&mut self.settled().habits);
    }

    fn read(&self, call: &'static str) -> Result<(), CenterFault> {
        self.ration(call)?;
        match self.fate(false) {
            CallFate::Fails(fault) => Err(fault),
            CallFate::Answered | CallFate::AnswerLost => Ok(()),
        }
    }

    fn fate(&self, is_write: bool) -> CallFate {
        let mut state = self.settled();
        let faults = state.habits.faults.as_mut();
        faults.map_or(CallFate::Answered, |faults| faults.draw(is_write))
    }

    /// Admits, loses or throttles a request; a throttled one costs nothing.
    fn ration(&self, call: &'static str) -> Result<(), CenterFault> {
        let rationed = self.let_through(call);
        match &rationed {
            Err(CenterFault::Unreachable { .. }) => self.silence.unanswered(self.clock.now()),
            Ok(()) | Err(_) => self.silence.answered(),
        }
        rationed
    }

    fn let_through(&self, call: &'static str) -> Result<(), CenterFault> {
        let answers = {
            let mut state = self.settled();
            *state.calls.entry(call).or_default() += 1;
            state.habits.answers
        };
        let is_write = matches!(call, "create" | "delete");
        let is_lost = match answers {
            Answers::All => false,
            Answers::Reads => is_write,
            Answers::None => true,
        };
        if is_lost {
            let message = "no answer".to_owned();
            return Err(CenterFault::Unreachable { message });
        }
        let now = self.clock.now();
        let mut state = self.settled();
        let gap = state
            .habits
            .one_request_per_ms
            .map(std::time::Duration::from_millis);
        let too_soon = match (gap, state.asked_at) {
            (Some(gap), Some(last)) => last.checked_add(gap).is_ok_and(|next| now < next),
            _ => false,
        };
        if too_soon {
            let message = "Rate exceeded".to_owned();
            return Err(CenterFault::Throttled { message });
        }
        state.asked_at = Some(now);
        Ok(())
    }

    fn send(&self, kind: OperationKind, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        self.ration(kind.name())?;
        match self.fate(true) {
            CallFate::Answered => self.accept(kind, key),
            CallFate::Fails(fault) => Err(fault),
            CallFate::AnswerLost => {
                let _: Result<_, _> = self.accept(kind, key);
                let message = "the answer was lost".to_owned();
                Err(CenterFault::Unreachable { message })
            }
        }
    }

    fn accept(&self, kind: OperationKind, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        let mut state = self.settled();
        let is_group = matches!(key.target, Target::Group { .. });
        let busy = state
            .operations
            .iter()
            .any(|op| !op.applied && op.key.lane() == key.lane());
        if busy {
            let message = "There is a conflicting operation in process.".to_owned();
            return Err(CenterFault::Conflict { message });
        }
        if is_group {
            return state.send_membership(kind, key, self.clock.now());
        }
        let running = state.operations.iter().filter(|op| !op.applied).count();
        if running >= state.habits.slots {
            let message = "There are too many requests processing.".to_owned();
            return Err(CenterFault::Full { message });
        }
        let fails = state.failure(kind, key);
        let takes_effect = fails.is_none()
            || (kind == OperationKind::Create && state.habits.failed_create_takes_effect);
        let id = format!("op-{}", state.operations.len());
        let ends = state.habits.write_takes.after(self.clock.now());
        state.writes.push((kind, key.clone()));
        state.written_at.push(self.clock.now());
        state.operations.push(Running {
            id: id.clone(),
            kind,
            key: key.clone(),
            ends,
            fails,
            takes_effect,
            applied: false,
        });
        Ok(SentOperation::InProgress { operation_id: id })
    }
}

impl CenterState {
    /// Returns the listed assignments: the truth minus the listing lag.
    fn shown(&self) -> BTreeSet<HoldKey> {
        let mut shown = self.present.clone();
        for (key, (was_present, _)) in &self.stale {
            if *was_present {
                shown.insert(key.clone());
            } else {
                shown.remove(key);
            }
        }
        shown
    }

    fn failure(&self, kind: OperationKind, key: &HoldKey) -> Option<String> {
        let account = match &key.target {
            Target::Account { account, .. } => account.as_str(),
            Target::Group { .. } => "",
        };
        if self.closed_accounts.contains(account) {
            return Some("AWS SSO is unable to complete your request at this time.".to_owned());
        }
        if self.gone_people.contains(&key.user) {
            return Some(
                "Received a 404 status error: the USER assignee ID was not found".to_owned(),
            );
        }
        match kind {
            OperationKind::Create => self.habits.create_fails.clone(),
            OperationKind::Delete if !self.present.contains(key) => {
                Some("Received a 404 status error: Assignment not found.".to_owned())
            }
            OperationKind::Delete => None,
        }
    }

    /// Memberships change immediately, but listings lag. A removal finds only listed memberships,
    /// because it looks up the membership's id.
    fn send_membership(
        &mut self,
        kind: OperationKind,
        key: &HoldKey,
        now: Timestamp,
    ) -> Result<SentOperation, CenterFault> {
        let present = self.present.contains(key);
        let is_listed = self.stale.get(key).map_or(present, |(was, _)| *was);
        match (kind, present) {
            (OperationKind::Create, true) => {
                return Err(CenterFault::Conflict {
                    message: "Member and Group relationship already exists.".to_owned(),
                });
            }
            (OperationKind::Delete, present) if !present || !is_listed => {
                return Err(CenterFault::NotFound {
                    what: "GROUP_MEMBERSHIP".to_owned(),
                });
            }
            (OperationKind::Create, false) => self.present.insert(key.clone()),
            (OperationKind::Delete, _) => self.present.remove(key),
        };
        let lag = self.habits.listing_lag;
        if !lag.is_zero() {
            self.stale.insert(key.clone(), (present, lag.after(now)));
        }
        self.writes.push((kind, key.clone()));
        self.written_at.push(now);
        Ok(SentOperation::Done)
    }
}

#[async_trait]
impl IdentityCenter for Center {
    async fn holders(&self, target: &Target, _: Urgency) -> Result<Vec<UserId>, CenterFault> {
        self.read("holders")?;
        let shown = self.settled().shown().into_iter();
        Ok(shown
            .filter(|key| key.target == *target)
            .map(|key| key.user)
            .collect())
    }

    async fn held_by(&self, user: &UserId, _: Urgency) -> Result<Vec<Target>, CenterFault> {
        self.read("held_by")?;
        let state = self.settled();
        if state.habits.refuses == Refuses::People {
            let reason = "not authorized".to_owned();
            return Err(CenterFault::Refused { reason });
        }
        let of_accounts = |key: &HoldKey| matches!(key.target, Target::Account { .. });
        let shown = state.shown().into_iter();
        Ok(shown
            .filter(|key| key.user == *user && of_accounts(key))
            .map(|key| key.target)
            .collect())
    }

    async fn create(&self, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        self.send(OperationKind::Create, key)
    }

    async fn delete(&self, key: &HoldKey, _: Urgency) -> Result<SentOperation, CenterFault> {
        self.send(OperationKind::Delete, key)
    }

    async fn progress(
        &self,
        (kind, request): (OperationKind, &str),
        _: Urgency,
    ) -> Result<OperationStatus, CenterFault> {
        self.read("progress")?;
        let state = self.settled();
        let found = state
            .operations
            .iter()
            .find(|op| op.id == request && op.kind == kind);
        Ok(match found.filter(|_| !state.habits.loses_status) {
            None => OperationStatus::Unknown,
            Some(operation) if !operation.applied => OperationStatus::InProgress,
            Some(operation) => match &operation.fails {
                Some(reason) => OperationStatus::Failed {
                    reason: reason.clone(),
                },
                None => OperationStatus::Succeeded,
            },
        })
    }

    async fn in_progress(
        &self,
        kind: OperationKind,
        _: Urgency,
    ) -> Result<BTreeSet<String>, CenterFault> {
        self.read("in_progress")?;
        let state = self.settled();
        if state.habits.refuses == Refuses::Operations {
            let reason = "not authorized".to_owned();
            return Err(CenterFault::Refused { reason });
        }
        let running = state
            .operations
            .iter()
            .filter(|op| !op.applied && op.kind == kind && !state.habits.loses_status);
        Ok(running.map(|op| op.id.clone()).collect())
    }

    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault> {
        self.read("missing")?;
        let state = self.settled();
        if state.gone_people.contains(&key.user) {
            return Ok(Some(Missing::Principal));
        }
        Ok(match &key.target {
            Target::Account { account, .. } if state.closed_accounts.contains(account.as_str()) => {
                Some(Missing::Account)
            }
            Target::Account { .. } | Target::Group { .. } => None,
        })
    }
}

#[async_trait]
impl StandingSource for Center {
    async fn read(&self, scope: &StandingScope) -> StandingListing {
        let now = self.clock.now();
        let state = self.settled();
        let mut listing = StandingListing {
            began: now,
            ended: now,
            unread: state
                .habits
                .unreadable
                .iter()
                .map(|what| Unread {
                    what: what.clone(),
                    error: "AccessDenied".to_owned(),
                })
                .collect(),
            ..StandingListing::default()
        };
        let hidden = listing.clone();
        let hidden = hidden.not_read();
        let shown = state.shown().into_iter();
        listing.seen = shown
            .filter(|key| scope.contains(&key.target) && !hidden.contains(&key.target))
            .map(|key| (key, now))
            .collect();
        let pairs = scope.accounts().count() * scope.permission_sets().len();
        listing.pairs_read = u64::try_from(pairs).unwrap_or(u64::MAX);
        listing.groups_read = u64::try_from(scope.groups().len()).unwrap_or(u64::MAX);
        listing
    }

    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, DirectoryFault> {
        let found = IdentityCenter::holders(self, target, Urgency::Background).await;
        found.map_err(|fault| DirectoryFault {
            what: target.to_string(),
            message: fault.to_string(),
        })
    }

    async fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, DirectoryFault> {
        self.asked().map_err(|fault| DirectoryFault {
            what: user.to_string(),
            message: fault.to_string(),
        })?;
        let shown = self.settled().shown().into_iter();
        let shown = shown.filter(|key| key.user == *user);
        let groups = shown.filter_map(|key| match key.target {
            Target::Group { group } => Some(group),
            Target::Account { .. } => None,
        });
        Ok(groups.collect())
    }
}
