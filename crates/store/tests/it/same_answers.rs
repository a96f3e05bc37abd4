//! Both engines answer any sequence of calls alike, including refusals.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::ops::Range;

use hallpass_access::AccessStore;
use hallpass_access::{
    AcceptanceWrite, Alarm, AlarmKind, AlarmState, Change, CommitError, DesiredAssignment, Fate,
    Grant, GrantFilter, GrantStateKind, ListingConditions, PastQuery, Period, Reminders, Request,
    RequestFilter, RequestStateKind, Stuck, Subject, SubjectSet, SweepState, ViewerScope, Write,
};
use hallpass_assignments::queue::Room;
use hallpass_assignments::{
    Absence, AssignmentRow, AssignmentStore, EndPriority, Lease, StoreFault, Taken, Verdict,
};
use hallpass_audit::{Order, Record, RecordQuery, RecordSubject, Words};
use hallpass_base::{GrantId, HoldKey, Timestamp};
use hallpass_store_testing::conformance::Store;
use hallpass_store_testing::{
    a_digest, a_draft, a_grant, a_lease, a_notice, a_report, a_request, a_sweep, a_sweep_item,
    account, account_key, an_acceptance, an_answer, at, email, grant_id, grant_states, group_key,
    request_id, request_states, sweep_id, user,
};

pub(crate) struct Rng(fastrand::Rng);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    pub(crate) fn roll(&mut self, range: Range<u64>) -> u64 {
        self.0.u64(range)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.roll(0..100) < percent
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let index = self.roll(0..from.len() as u64);
        from[usize::try_from(index).unwrap()].clone()
    }

    pub(crate) fn instant(&mut self, now: u64) -> Timestamp {
        let offset = jiff_nanoseconds(self.roll(0..1_000));
        at(now + self.roll(0..400)) + offset
    }

    fn key(&mut self) -> HoldKey {
        let person = self.roll(1..4);
        if self.chance(25) {
            group_key(person, self.roll(1..3))
        } else {
            account_key(person, self.roll(1..3))
        }
    }
}

fn jiff_nanoseconds(count: u64) -> std::time::Duration {
    std::time::Duration::from_nanos(count)
}

struct Sequence {
    dice: Rng,
    now: u64,
    drafts: u64,
    leases: Vec<Lease>,
    rows: Vec<AssignmentRow>,
    stores: [Store; 2],
}

/// Returns the stored log, not parsed members, whose order is no part of a record.
async fn log(store: &Store) -> String {
    let records = store.records_from(0, 999).await.unwrap();
    let lines: Vec<_> = records.iter().map(Record::canonical).collect();
    lines.join("\n")
}

/// Returns a whole listing: engines may page differently.
async fn all_requests(store: &Store, filter: &RequestFilter, most: u32) -> String {
    let (mut filter, mut rows) = (filter.clone(), Vec::new());
    loop {
        let page = store.requests(&filter, most).await.unwrap();
        rows.extend(page.rows);
        filter.before = page.next.filter(|_| most > 0);
        if filter.before.is_none() {
            return format!("{rows:?}");
        }
    }
}

async fn all_grants(store: &Store, filter: &GrantFilter, most: u32) -> String {
    let (mut filter, mut rows) = (filter.clone(), Vec::new());
    loop {
        let page = store.grants(&filter, most).await.unwrap();
        rows.extend(page.rows);
        filter.before = page.next.filter(|_| most > 0);
        if filter.before.is_none() {
            return format!("{rows:?}");
        }
    }
}

async fn all_records(store: &Store, query: &RecordQuery, most: u32) -> String {
    let (mut query, mut records) = (query.clone(), Vec::new());
    loop {
        let found = store.records_found(&query, most).await.unwrap();
        records.extend(found.records.iter().map(Record::seq));
        match found.next.filter(|_| most > 0) {
            Some(next) => query = query.after(next),
            None => return format!("{records:?}"),
        }
    }
}

pub(crate) fn assert_same((memory, sqlite): &(String, String), place: &str) {
    let differing = memory.lines().zip(sqlite.lines()).find(|(a, b)| a != b);
    if let Some((memory, sqlite)) = differing {
        panic!("{place}\nmemory: {memory}\nsqlite: {sqlite}");
    }
    assert_eq!(memory.len(), sqlite.len(), "{place}");
}

fn outcome<T: Debug>(result: Result<T, CommitError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(CommitError::Raced(_)) => "raced".to_owned(),
        Err(CommitError::IllegalStep(_)) => "illegal step".to_owned(),
        Err(CommitError::OverQuota(over)) => over.code().to_owned(),
        Err(CommitError::Full(_)) => "full".to_owned(),
        Err(CommitError::Unavailable(_)) => "unavailable".to_owned(),
    }
}

fn answer<T: Debug>(result: Result<T, StoreFault>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(StoreFault::Fenced(key)) => format!("fenced {key}"),
        Err(StoreFault::Unavailable(_)) => "unavailable".to_owned(),
    }
}

macro_rules! both {
    ($sequence:ident, |$store:ident| $call:expr) => {{
        let mut answers = Vec::new();
        for $store in $sequence.stores.iter() {
            answers.push($call);
        }
        let second = answers.pop().unwrap();
        (answers.pop().unwrap(), second)
    }};
}

impl Sequence {
    async fn outbox(&mut self) -> (String, String) {
        let channel = self.dice.pick(&["log", "mail", "slack"]);
        let (now, again, most) = (at(self.now), at(self.now + 90), self.few());
        let number = self.dice.roll(0..40);
        match self.dice.roll(0..13) {
            0 => both!(self, |store| format!(
                "{:?}",
                store.open_channel(channel, now).await
            )),
            1..=6 => both!(self, |store| format!(
                "{:?} {:?}",
                store.next_notice(channel).await,
                store.take_notices(channel, now, again, most).await
            )),
            7..=8 => both!(self, |store| format!(
                "{:?}",
                store.notice_delivered(channel, number).await
            )),
            9 => both!(self, |store| format!(
                "{:?}",
                store.notice_postponed(channel, number, again).await
            )),
            10 => both!(self, |store| format!(
                "{:?}",
                store.release_notices(now).await
            )),
            11 => {
                let alarm = Alarm {
                    alarm: self.dice.pick(&AlarmKind::ALL),
                    state: self.dice.pick(&[AlarmState::Begun, AlarmState::Over]),
                    since: now,
                    at: now,
                    text: "as it is".to_owned(),
                };
                both!(self, |store| format!(
                    "{:?} {:?}",
                    store.note_alarm(alarm.clone()).await,
                    store.alarms().await
                ))
            }
            _ => {
                let before = at(self.now.saturating_sub(900));
                both!(self, |store| format!(
                    "{:?}",
                    store.prune_notices(before).await
                ))
            }
        }
    }

    fn few(&mut self) -> u32 {
        u32::try_from(self.dice.roll(0..4)).unwrap()
    }

    async fn change(&mut self) -> Change {
        let mut change = Change::default();
        for _ in 0..self.dice.roll(0..3) {
            change.requests.push(self.request().await);
        }
        for _ in 0..self.dice.roll(0..3) {
            change.grants.push(self.grant().await);
        }
        for _ in 0..self.dice.roll(0..3) {
            change.desired.push(self.desire().await);
        }
        for _ in 0..self.dice.roll(0..3) {
            self.drafts += u64::from(!self.dice.chance(2));
            change.audit.push(a_draft(self.drafts.max(1)));
            change.notices.push(a_notice(self.drafts));
        }
        if self.dice.chance(15) {
            self.sweeps(&mut change).await;
        }
        if self.dice.chance(20) {
            let mut answer = an_answer(self.now, &self.dice.roll(0..3).to_string());
            answer.until = self.dice.instant(self.now);
            change.answer = Some(answer);
        }
        change
    }

    async fn sweeps(&mut self, change: &mut Change) {
        let n = self.dice.roll(1..9);
        let stored = self.stores[0].sweep(sweep_id(n)).await.unwrap();
        let mut sweep = stored.clone().unwrap_or_else(|| a_sweep(n));
        sweep.report = self.dice.chance(50).then(|| a_report(n));
        let now = at(self.now);
        sweep.state = self.dice.pick(&[
            SweepState::Running,
            SweepState::Interrupted { at: now },
            SweepState::Planned { at: now },
            SweepState::Working { since: now },
            SweepState::Done { at: now },
        ]);
        sweep.version += u64::from(self.dice.chance(5));
        change
            .sweeps
            .push(if stored.is_some() == self.dice.chance(95) {
                Write::Update(sweep)
            } else {
                Write::Insert(sweep)
            });
        let key = self.dice.key();
        let stored = self.stores[0].sweep_item(sweep_id(n), &key).await.unwrap();
        let mut item = stored.clone().unwrap_or_else(|| a_sweep_item(n, &key));
        item.fate = self
            .dice
            .pick(&[Fate::Reported, Fate::Removing { since: now }]);
        change
            .sweep_items
            .push(if stored.is_some() == self.dice.chance(95) {
                Write::Update(item)
            } else {
                Write::Insert(item)
            });
        let stored = self.stores[0].accepted_one(&key).await.unwrap();
        change.accepted.push(match stored {
            Some(row) if self.dice.chance(50) => AcceptanceWrite::Update(row),
            Some(row) => AcceptanceWrite::Withdraw(row),
            None => AcceptanceWrite::Insert(an_acceptance(&key)),
        });
        change.digests.push(a_digest(n));
    }

    async fn request(&mut self) -> Write<Request> {
        let n = self.dice.roll(1..9);
        let stored = self.stores[0].request(request_id(n)).await.unwrap();
        let mut request = stored.clone().unwrap_or_else(|| a_request(n));
        if self.dice.chance(50) {
            request.state = self.dice.pick(&request_states());
        }
        let key = self.dice.key();
        request.requester.user = key.user.clone();
        request.key = Some(key);
        request.expires_at = Some(self.dice.instant(self.now));
        request.reminders = Reminders {
            sent: 0,
            next_at: self.dice.chance(50).then(|| self.dice.instant(self.now)),
        };
        if self.dice.chance(5) {
            request.version += 1;
        }
        if stored.is_some() == self.dice.chance(95) {
            Write::Update(request)
        } else {
            Write::Insert(request)
        }
    }

    async fn grant(&mut self) -> Write<Grant> {
        let n = self.dice.roll(1..9);
        let stored = self.stores[0].grant(grant_id(n)).await.unwrap();
        let mut grant = stored.clone().unwrap_or_else(|| a_grant(n));
        if self.dice.chance(50) {
            grant.state = self.dice.pick(&grant_states());
        }
        grant.key = self.dice.key();
        grant.ends_at = self.dice.instant(self.now);
        grant.seen_news = self.dice.roll(0..4);
        grant.stuck = self.dice.chance(20).then(|| Stuck {
            since: at(self.now),
            reason: "denied".to_owned(),
        });
        if self.dice.chance(5) {
            grant.version += 1;
        }
        if stored.is_some() == self.dice.chance(95) {
            Write::Update(grant)
        } else {
            Write::Insert(grant)
        }
    }

    async fn desire(&mut self) -> DesiredAssignment {
        let key = self.dice.key();
        let stored = self.stores[0].assignment(&key).await.unwrap();
        let rev = match stored {
            Some(row) if self.dice.chance(90) => Some(row.desired.rev),
            _ if self.dice.chance(10) => Some(self.dice.roll(0..4)),
            _ => None,
        };
        match rev {
            Some(rev) if self.dice.chance(30) => DesiredAssignment::Forget { key, rev },
            Some(rev) if self.dice.chance(20) => DesiredAssignment::RemovedByGuard {
                key,
                rev,
                until: self.dice.instant(self.now),
                asked_at: at(self.now),
                removed_at: self.dice.instant(self.now),
            },
            _ if self.dice.chance(10) => DesiredAssignment::Remove {
                key,
                since: at(self.now),
            },
            _ if self.dice.chance(10) => DesiredAssignment::Adopt {
                key,
                until: self.dice.instant(self.now),
                seen_at: at(self.now),
            },
            _ => DesiredAssignment::Until {
                key,
                rev,
                until: self.dice.instant(self.now),
                asked_at: at(self.now),
                haste: self
                    .dice
                    .pick(&[EndPriority::Ordinary, EndPriority::AtOnce]),
            },
        }
    }

    async fn lease(&mut self) -> (String, String) {
        let until = self.now + self.dice.roll(0..200);
        let lease = a_lease(&format!("lease {}", self.leases.len()), until);
        let (now, room) = (at(self.now), Room::whole(2));
        let answers = both!(self, |store| store.take(now, &room, &lease).await);
        if let Ok(Taken {
            task: Some(task), ..
        }) = &answers.0
        {
            self.rows.push(task.row().clone());
            self.leases.push(lease);
        }
        (answer(answers.0), answer(answers.1))
    }

    async fn work(&mut self) -> (String, String) {
        let Some(index) = (self.rows.len() as u64).checked_sub(1) else {
            return self.lease().await;
        };
        let back = self.dice.roll(0..3).min(index);
        let mut row = self.rows[usize::try_from(index - back).unwrap()].clone();
        let lease = if self.dice.chance(80) {
            self.leases.last().unwrap().clone()
        } else {
            self.dice.pick(&self.leases)
        };
        row.execution.due = self.dice.instant(self.now);
        row.execution.verdict = self.dice.pick(&[
            Verdict::Working,
            Verdict::Present { at: at(self.now) },
            Verdict::Absent {
                at: at(self.now),
                why: Absence::Removed,
            },
        ]);
        row.execution.operation = None;
        let news = self.dice.chance(50);
        both!(self, |store| answer(store.record(&row, &lease, news).await))
    }

    fn conditions(&mut self) -> ListingConditions {
        ListingConditions {
            people: { self.dice.chance(20) }.then(|| [1, 2, 3].map(user).into()),
            subjects: self.dice.chance(20).then(|| self.subjects()),
            rule: { self.dice.chance(20) }.then(|| "prod".to_owned()),
            from: { self.dice.chance(20) }.then(|| at(self.dice.roll(1..9))),
            to: { self.dice.chance(20) }.then(|| at(self.dice.roll(1..9))),
        }
    }

    async fn lists(&mut self) -> (String, String) {
        let of_request = RequestStateKind::ALL;
        let of_grant = GrantStateKind::ALL;
        let requests = RequestFilter {
            only: self.conditions(),
            state: self.dice.chance(30).then(|| self.dice.pick(&of_request)),
            requester: self.dice.chance(30).then(|| user(self.dice.roll(1..9))),
            key: self.dice.chance(30).then(|| self.dice.key()),
            open_review: self.dice.chance(5),
            subjects: self.dice.chance(20).then(|| self.subjects()),
            sight: self.dice.chance(40).then(|| self.sight()),
            before: self
                .dice
                .chance(30)
                .then(|| request_id(self.dice.roll(1..9))),
        };
        let grants = GrantFilter {
            only: self.conditions(),
            states: of_grant[usize::try_from(self.dice.roll(0..6)).unwrap()..].to_vec(),
            holder: self.dice.chance(30).then(|| user(self.dice.roll(1..9))),
            account: self
                .dice
                .chance(30)
                .then(|| account(self.dice.roll(1..3)).to_string()),
            active_in: self.dice.chance(30).then(|| self.period()),
            sight: self.dice.chance(40).then(|| self.sight()),
            before: self.dice.chance(30).then(|| grant_id(self.dice.roll(1..9))),
        };
        let (now, most, key) = (at(self.now), self.few(), self.dice.key());
        let (records, past) = (self.records(), self.past());
        let name = self.dice.roll(0..3).to_string();
        both!(self, |store| [
            all_requests(store, &requests, most).await,
            all_grants(store, &grants, most).await,
            all_records(store, &records, most).await,
            format!("{:?}", store.past(&past).await),
            format!("{:?}", store.ends(now).await),
            format!("{:?}", store.grants_late(now, most).await),
            format!("{:?}", store.requests_due(now, most).await),
            format!("{:?}", store.grants_due(now, most).await),
            format!("{:?}", store.holds(&key).await),
            format!("{:?}", store.answer(&user(1), &name).await),
            format!("{:?}", store.sweeps(None, most).await),
            format!("{:?}", store.newest_listing().await),
            format!("{:?}", store.open_sweeps().await),
            format!("{:?}", store.open_sweep_items().await),
            format!("{:?}", store.accepted_one(&key).await),
        ]
        .join("\n"))
    }

    fn period(&mut self) -> Period {
        let from = self.dice.roll(0..self.now + 1);
        Period::new(at(from), at(from + self.dice.roll(1..40))).unwrap()
    }

    fn subjects(&mut self) -> SubjectSet {
        (0..self.dice.roll(0..4))
            .map(|_| self.dice.roll(1..6))
            .collect()
    }

    fn sight(&mut self) -> ViewerScope {
        ViewerScope {
            user: self.dice.chance(80).then(|| {
                let somebody = self.dice.roll(1..9);
                user(self.dice.pick(&[somebody, 900]))
            }),
            subjects: self.subjects(),
        }
    }

    fn records(&mut self) -> RecordQuery {
        let words = ["person", "PERSON1@", "request.", "e", "no such text", "web"];
        let named = BTreeSet::from([email(self.dice.roll(1..9)).to_string()]);
        let orders = [Order::NewestFirst, Order::OldestFirst];
        RecordQuery {
            order: self.dice.pick(&orders),
            before: self.dice.chance(30).then(|| self.dice.roll(1..60)),
            from: self.dice.roll(0..20),
            events: if self.dice.chance(30) {
                vec!["request.created".to_owned()]
            } else {
                Vec::new()
            },
            naming: self
                .dice
                .chance(30)
                .then(|| [user(self.dice.roll(1..9))].into()),
            people: { self.dice.chance(20) }
                .then(|| [user(self.dice.roll(1..9)).to_string()].into()),
            accounts: { self.dice.chance(20) }
                .then(|| [account(self.dice.roll(1..3)).to_string()].into()),
            about: self.dice.chance(20).then(|| RecordSubject {
                request: Some(request_id(self.dice.roll(1..60)).to_string()),
                grant: None,
            }),
            words: self.dice.chance(40).then(|| Words {
                text: self.dice.pick(&words).to_owned(),
                named,
            }),
        }
    }

    fn past(&mut self) -> PastQuery {
        let key = self.dice.key();
        let subject = Subject::of(&key.target, &a_grant(1).names);
        PastQuery {
            subject: subject
                .or_else(|| Subject::of(&account_key(1, 1).target, &a_grant(1).names))
                .unwrap(),
            holder: self.dice.chance(50).then_some(key.user),
            from: GrantId::first_at(at(self.dice.roll(0..9))),
            before: GrantId::first_at(at(self.dice.roll(5..400))),
        }
    }
}

impl Sequenced for Sequence {
    fn new(seed: u64) -> Self {
        Self {
            dice: Rng::new(seed),
            now: 1,
            drafts: 0,
            leases: vec![a_lease("never given", 1)],
            rows: Vec::new(),
            stores: [crate::fresh_memory().0, crate::fresh_sqlite().0],
        }
    }

    async fn call(&mut self) -> (String, String) {
        self.now += self.dice.roll(0..60);
        match self.dice.roll(0..21) {
            20 => {
                let (listings, runs) = (self.few(), self.few());
                both!(self, |store| format!(
                    "{:?}",
                    store.prune_sweeps(listings, runs).await
                ))
            }
            0..=8 => {
                let change = self.change().await;
                both!(self, |store| outcome(store.commit(change.clone()).await))
            }
            9..=10 => self.lease().await,
            11..=15 => self.work().await,
            17..=18 => self.outbox().await,
            _ => self.lists().await,
        }
    }

    async fn everything(&self) -> (String, String) {
        let now = at(self.now);
        both!(self, |store| [
            all_requests(store, &RequestFilter::default(), 99).await,
            all_grants(store, &GrantFilter::default(), 99).await,
            format!("{:?}", store.subjects(0, 99).await),
            format!("{:?}", store.holder_of(&email(1)).await),
            format!("{:?}", store.ends(now).await),
            format!("{:?}", store.assignments().await),
            log(store).await,
            format!("{:?}", store.head().await.unwrap()),
            format!("{:?}", store.counts(now).await),
            format!("{:?}", store.grants_due(now, 99).await),
            format!("{:?}", store.requests_due(now, 99).await),
            format!("{:?}", store.sweeps(None, 99).await),
            format!("{:?}", store.open_sweep_items().await),
            format!("{:?}", store.sweep_items(sweep_id(3)).await),
            format!("{:?}", store.accepted().await),
            format!("{:?}", AccessStore::next_due(&**store).await),
            format!("{:?}", AssignmentStore::next_due(&**store, now).await),
        ]
        .join("\n"))
    }
}

pub(crate) trait Sequenced {
    fn new(seed: u64) -> Self;

    async fn call(&mut self) -> (String, String);

    async fn everything(&self) -> (String, String);
}

pub(crate) struct Playing<'a> {
    pub(crate) sequences: u64,
    pub(crate) calls: u64,
    pub(crate) look_every: u64,
    pub(crate) kinds: &'a [&'a str],
}

impl Playing<'_> {
    async fn sequence<S: Sequenced>(&self, seed: u64, met: &mut [u64]) {
        let mut sequence = S::new(seed);
        for call in 0..self.calls {
            let answers = sequence.call().await;
            assert_same(&answers, &format!("seed {seed}, call {call}"));
            for (kind, count) in self.kinds.iter().zip(met.iter_mut()) {
                *count += u64::from(answers.0.contains(kind));
            }
            if call % self.look_every == self.look_every - 1 {
                let place = format!("seed {seed}, after call {call}");
                assert_same(&sequence.everything().await, &place);
            }
        }
    }

    /// Runs them; `HALLPASS_SEED=17` repeats one.
    #[expect(
        clippy::print_stdout,
        reason = "the test's own output: the played steps and their results"
    )]
    pub(crate) async fn all<S: Sequenced>(&self) {
        let mut met = vec![0; self.kinds.len()];
        if let Ok(seed) = std::env::var("HALLPASS_SEED") {
            let seed = seed.parse().expect("HALLPASS_SEED is a number");
            return self.sequence::<S>(seed, &mut met).await;
        }
        println!("seeds 0 to {}", self.sequences - 1);
        for seed in 0..self.sequences {
            self.sequence::<S>(seed, &mut met).await;
        }
        println!("met {:?}", self.kinds.iter().zip(&met).collect::<Vec<_>>());
        assert!(met.iter().all(|count| *count > 20), "{met:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_sequence_has_the_same_answers_from_both_engines() {
    let playing = Playing {
        sequences: 100,
        calls: 120,
        look_every: 20,
        kinds: &[
            "raced",
            "illegal step",
            "fenced",
            "Step(",
            "task: None",
            "Waiting",
        ],
    };
    playing.all::<Sequence>().await;
}
