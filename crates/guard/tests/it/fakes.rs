//! In-memory ports of a guard with injected failures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use hallpass_assignments::{CenterFault, Missing, OperationStatus, OwnedEnd, SentOperation};
use hallpass_audit::{Input, Record, verify};
use hallpass_base::{GroupId, HoldKey, IdSource, Target, TimeSpan, Timestamp, UserId};
use hallpass_guard::{
    AwsTime, Center, Ends, EndsCopy, EndsFault, EndsSource, Guard, GuardLimits, Journal,
    JournalFault, Kept, KeptStore, Mark, Newest, Ports,
};

pub(crate) const BOUND: TimeSpan = TimeSpan::seconds(60);

pub(crate) fn at(seconds: u64) -> Timestamp {
    TimeSpan::seconds(seconds).after(Timestamp::from_second(1_780_000_000).unwrap())
}

pub(crate) fn key(n: u64) -> HoldKey {
    HoldKey {
        user: UserId::new(format!("{n:08x}-0000-4000-8000-000000000000")).unwrap(),
        target: Target::Group {
            group: GroupId::new("00000002-0000-4000-8000-000000000000").unwrap(),
        },
    }
}

pub(crate) fn end(n: u64, rev: u64, until: u64) -> OwnedEnd {
    OwnedEnd {
        key: key(n),
        until: at(until),
        rev,
        grants: Vec::new(),
    }
}

pub(crate) fn mark(seq: u64) -> Mark {
    Mark {
        seq,
        hash: format!("hash {seq}"),
    }
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) now: Option<Timestamp>,
    pub(crate) seq: u64,
    pub(crate) ends: BTreeMap<HoldKey, OwnedEnd>,
    pub(crate) ends_fault: Option<EndsFault>,
    pub(crate) meanwhile: Vec<OwnedEnd>,
    pub(crate) present: BTreeSet<HoldKey>,
    pub(crate) removed: Vec<HoldKey>,
    pub(crate) listings: u32,
    pub(crate) center_fault: Option<CenterFault>,
    pub(crate) removal_fault: Option<CenterFault>,
    pub(crate) records: Vec<Record>,
    /// Whether failing appends take effect.
    pub(crate) journal_fails: Option<Effect>,
    pub(crate) kept: Kept,
    ids: u128,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Before,
    After,
}

#[derive(Clone, Default)]
pub(crate) struct Fakes(Arc<Mutex<State>>);

impl Fakes {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Managed until then, and present.
    pub(crate) fn give(&self, end: OwnedEnd) {
        let mut state = self.state();
        state.seq += 1;
        state.present.insert(end.key.clone());
        state.ends.insert(end.key.clone(), end);
    }

    pub(crate) async fn guard(&self) -> Guard {
        let all = Arc::new(self.clone());
        let ports = Ports {
            ends: vec![all.clone()],
            center: all.clone(),
            journal: all.clone(),
            memory: all.clone(),
            time: all.clone(),
            ids: all,
        };
        let limits = GuardLimits {
            name: "g".to_owned(),
            bound: BOUND,
            outstanding: 10,
        };
        Guard::start(ports, limits).await
    }

    pub(crate) async fn tick(&self, guard: &Guard, seconds: u64) {
        self.state().now = Some(at(seconds));
        guard.tick().await;
    }

    pub(crate) fn events(&self) -> Vec<String> {
        let state = self.state();
        state
            .records
            .iter()
            .map(|it| it.event().to_owned())
            .collect()
    }

    pub(crate) fn check_journal(&self) {
        let state = self.state();
        let inputs = state.records.iter().map(|record| Input {
            place: record.seq().to_string(),
            named: None,
            bytes: record.canonical().as_bytes().to_vec(),
        });
        verify(inputs.collect::<Vec<_>>(), &[]).unwrap();
        assert!(state.records.first().is_none_or(|first| first.seq() == 1));
    }
}

#[async_trait]
impl Ends for Fakes {
    fn source(&self) -> EndsSource {
        EndsSource::Store
    }

    async fn read(&self) -> Result<EndsCopy, EndsFault> {
        let state = self.state();
        if let Some(fault) = &state.ends_fault {
            return Err(fault.clone());
        }
        Ok(EndsCopy {
            source: EndsSource::Store,
            at: None,
            log: None,
            mark: mark(state.seq),
            ends: state.ends.values().cloned().collect(),
        })
    }

    async fn newest(&self, key: &HoldKey) -> Result<Newest, EndsFault> {
        let mut state = self.state();
        if let Some(fault) = &state.ends_fault {
            return Err(fault.clone());
        }
        for end in std::mem::take(&mut state.meanwhile) {
            state.seq += 1;
            state.ends.insert(end.key.clone(), end);
        }
        Ok(Newest {
            mark: mark(state.seq),
            end: state.ends.get(key).cloned(),
        })
    }
}

pub(crate) fn unreadable() -> EndsFault {
    EndsFault::Unreadable {
        place: "the store".to_owned(),
        message: "locked".to_owned(),
    }
}

#[async_trait]
impl Center for Fakes {
    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, CenterFault> {
        let mut state = self.state();
        state.listings += 1;
        if let Some(fault) = &state.center_fault {
            return Err(fault.clone());
        }
        let there = state.present.iter().filter(|key| key.target == *target);
        Ok(there.map(|key| key.user.clone()).collect())
    }

    async fn remove(&self, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        let mut state = self.state();
        if let Some(fault) = &state.removal_fault {
            return Err(fault.clone());
        }
        state.removed.push(key.clone());
        if state.present.remove(key) {
            Ok(SentOperation::Done)
        } else {
            let what = "membership".to_owned();
            Err(CenterFault::NotFound { what })
        }
    }

    async fn status(&self, _: &str) -> Result<OperationStatus, CenterFault> {
        Ok(OperationStatus::Unknown)
    }

    async fn missing(&self, _: &HoldKey) -> Result<Option<Missing>, CenterFault> {
        Ok(None)
    }
}

#[async_trait]
impl Journal for Fakes {
    async fn records(&self) -> Result<Vec<Record>, JournalFault> {
        Ok(self.state().records.clone())
    }

    async fn last(&self) -> Result<Option<Record>, JournalFault> {
        Ok(self.state().records.last().cloned())
    }

    async fn append(&self, record: &Record) -> Result<(), JournalFault> {
        let mut state = self.state();
        if state.journal_fails != Some(Effect::Before) {
            state.records.push(record.clone());
        }
        match state.journal_fails {
            None => Ok(()),
            Some(_) => Err(JournalFault {
                place: "journal".to_owned(),
                message: "no space left".to_owned(),
            }),
        }
    }
}

#[async_trait]
impl KeptStore for Fakes {
    async fn load(&self) -> Result<Kept, JournalFault> {
        Ok(self.state().kept.clone())
    }

    async fn keep(&self, kept: &Kept) -> Result<(), JournalFault> {
        self.state().kept = kept.clone();
        Ok(())
    }
}

impl AwsTime for Fakes {
    fn now(&self) -> Option<Timestamp> {
        self.state().now
    }

    fn wall_ahead_seconds(&self) -> Option<i64> {
        Some(0)
    }
}

impl IdSource for Fakes {
    fn next(&self, now: Timestamp) -> uuid::Uuid {
        let mut state = self.state();
        state.ids += 1;
        let millisecond = u128::try_from(now.as_millisecond()).unwrap();
        uuid::Uuid::from_u128(millisecond << 80 | 7 << 76 | 1 << 63 | state.ids)
    }
}
