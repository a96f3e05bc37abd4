//! Slow, down or broken channels in simulated time.

use std::sync::Mutex;

use hallpass_access::{Alarm, ArmedEndRequest, Change, GrantToArm, Request, RequestState, Write};
use hallpass_activity::{AccountActivity, AccountSpan, SessionAccount, SessionCall, SessionOfDay};
use hallpass_alerts::{AlertMessage, AlertState, AlertStore as _, AlertWrite};
use hallpass_base::{AccountId, GrantId};
use hallpass_org::armed_ends::{
    ArmedEnd, ArmedEndChange, ArmedEndState, ArmedEndStore as _, SettledEnds,
};
use hallpass_store::MemoryStore;
use hallpass_store_testing::{
    a_digest, a_grant, a_notice, a_request, a_sweep, account_key, an_alert, an_alert_state,
    approved, at, email, ended, grant_id, request_id, wanted,
};
use jiff::civil::Date;
use tokio::time::{Instant, sleep, timeout};

use super::*;

struct PausedTime(Instant, u64);

impl Clock for PausedTime {
    fn now(&self) -> Timestamp {
        self.0.elapsed().after(at(self.1))
    }
}

#[derive(Clone, Debug, PartialEq)]
struct ObservedNotice {
    after: Duration,
    attempts: u32,
    told: NoticeContext,
}

type ReactionScript = Box<dyn Fn(&NoticeContext) -> Reaction + Send + Sync>;

enum Reaction {
    Says(Delivery),
    Hangs,
    Panics,
}

struct Script {
    name: &'static str,
    start: Instant,
    heard: Mutex<Vec<ObservedNotice>>,
    digests: Mutex<Vec<DigestContext>>,
    alarms: Mutex<Vec<Alarm>>,
    alerts: Mutex<Vec<AlertMessage>>,
    answer: ReactionScript,
}

#[async_trait]
impl Channel for Script {
    fn name(&self) -> &str {
        self.name
    }

    async fn deliver(&self, told: &NoticeContext) -> Delivery {
        self.heard.lock().unwrap().push(ObservedNotice {
            after: self.start.elapsed(),
            attempts: told.attempts,
            told: told.clone(),
        });
        match (self.answer)(told) {
            Reaction::Says(delivery) => delivery,
            Reaction::Hangs => std::future::pending().await,
            Reaction::Panics => panic!("a channel with a mistake"),
        }
    }

    async fn deliver_digest(&self, told: &DigestContext) -> Delivery {
        self.digests.lock().unwrap().push(told.clone());
        Delivery::Done
    }

    async fn deliver_alarm(&self, told: &AlarmContext) -> Delivery {
        self.alarms.lock().unwrap().push(told.alarm.clone());
        Delivery::Done
    }

    async fn deliver_alert(&self, told: &AlertContext) -> Delivery {
        self.alerts.lock().unwrap().push(told.alert.clone());
        Delivery::Done
    }
}

impl Script {
    fn heard(&self) -> Vec<ObservedNotice> {
        self.heard.lock().unwrap().clone()
    }

    fn seconds(&self) -> Vec<u64> {
        self.heard().iter().map(|it| it.after.as_secs()).collect()
    }
}

struct OutboxWorld {
    store: MemoryStore,
    clock: Arc<PausedTime>,
    news: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    logs: Option<Arc<dyn ActivityLogs>>,
}

impl OutboxWorld {
    fn new() -> Self {
        Self::at(10)
    }

    fn at(seconds: u64) -> Self {
        Self {
            store: MemoryStore::new(),
            clock: Arc::new(PausedTime(Instant::now(), seconds)),
            news: watch::Sender::new(0),
            stop: watch::Sender::new(false),
            tasks: JoinSet::new(),
            logs: None,
        }
    }

    async fn channel(
        &mut self,
        name: &'static str,
        answer: impl Fn(&NoticeContext) -> Reaction + Send + Sync + 'static,
    ) -> Arc<Script> {
        let channel = Arc::new(Script {
            name,
            start: self.clock.0,
            heard: Mutex::default(),
            digests: Mutex::default(),
            alarms: Mutex::default(),
            alerts: Mutex::default(),
            answer: Box::new(answer),
        });
        let teller = Teller {
            channel: Arc::clone(&channel) as Arc<dyn Channel>,
            store: Arc::new(self.store.clone()),
            sweeps: Arc::new(self.store.clone()),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            news: self.news.subscribe(),
            access: None,
            logs: self.logs.clone(),
        };
        open(&self.store, &[Arc::clone(&teller.channel)], at(0))
            .await
            .unwrap();
        self.tasks
            .spawn(deliver_notices(teller, self.stop.subscribe()));
        channel
    }

    async fn happens(&self, n: u64) {
        let change = Change {
            requests: vec![Write::Insert(a_request(n))],
            notices: vec![a_notice(n)],
            ..Change::default()
        };
        self.store.commit(change).await.unwrap();
        self.news.send_modify(|seq| *seq += 1);
    }

    async fn waiting(&self, channel: &str) -> u64 {
        let counts = self.store.counts(at(0)).await.unwrap();
        counts.notices.get(channel).copied().unwrap()
    }
}

fn done(_: &NoticeContext) -> Reaction {
    Reaction::Says(Delivery::Done)
}

fn later(seconds: u64) -> Reaction {
    Reaction::Says(Delivery::Again {
        after: TimeSpan::seconds(seconds),
        why: "down".to_owned(),
    })
}

#[tokio::test(start_paused = true)]
async fn news_go_out_at_once_and_once() {
    let mut world = OutboxWorld::new();
    let mail = world.channel("mail", done).await;
    sleep(Duration::from_millis(700)).await;
    world.happens(1).await;
    sleep(Duration::from_millis(100)).await;
    let heard = mail.heard();
    assert_eq!(heard.len(), 1);
    assert!(heard[0].after < Duration::from_millis(800), "{heard:?}");
    assert_eq!(heard[0].told.request, a_request(1));
    assert_eq!(heard[0].told.grant, None);
    sleep(Duration::from_hours(1)).await;
    assert_eq!((mail.heard().len(), world.waiting("mail").await), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_sweep_found_is_told_with_its_run() {
    let mut world = OutboxWorld::new();
    let mail = world.channel("mail", done).await;
    let change = Change {
        sweeps: vec![Write::Insert(a_sweep(1))],
        digests: vec![a_digest(1)],
        ..Change::default()
    };
    world.store.commit(change).await.unwrap();
    world.news.send_modify(|seq| *seq += 1);
    sleep(Duration::from_millis(100)).await;
    let heard = mail.digests.lock().unwrap().clone();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].digest, a_digest(1));
    assert_eq!(heard[0].sweep.id, a_sweep(1).id);
    assert_eq!((mail.heard().len(), world.waiting("mail").await), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lost_ring_costs_a_second() {
    let mut world = OutboxWorld::new();
    let mail = world.channel("mail", done).await;
    let silent = watch::Sender::new(0);
    let loud = std::mem::replace(&mut world.news, silent);
    sleep(Duration::from_secs(10)).await;
    world.happens(1).await;
    sleep(Duration::from_millis(1_050)).await;
    assert_eq!(mail.heard().len(), 1);
    drop(loud);
}

#[tokio::test(start_paused = true)]
async fn what_hangs_or_panics_stops_nobody_else_and_is_tried_again() {
    let mut world = OutboxWorld::new();
    let hangs = world.channel("hangs", |_| Reaction::Hangs).await;
    let panics = world.channel("panics", |_| Reaction::Panics).await;
    let good = world.channel("good", done).await;
    world.happens(1).await;
    world.happens(2).await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(good.heard().len(), 2);
    assert_eq!(world.waiting("good").await, 0);
    assert_eq!((hangs.heard().len(), panics.heard().len()), (1, 2));
    sleep(Duration::from_secs(130)).await;
    assert_eq!(hangs.seconds()[..2], [0, 60], "{:?}", hangs.seconds());
    assert!(panics.heard().len() > 6);
    assert_eq!(world.waiting("panics").await, 2);
    assert_eq!(world.waiting("hangs").await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_channel_s_own_pause_is_kept() {
    let mut world = OutboxWorld::new();
    let mail = world
        .channel("mail", |told| match told.attempts {
            0 | 1 => later(100),
            _ => Reaction::Says(Delivery::Done),
        })
        .await;
    world.happens(1).await;
    sleep(Duration::from_hours(1)).await;
    assert_eq!(mail.seconds(), [0, 100, 200]);
    let attempts: Vec<_> = mail.heard().iter().map(|it| it.attempts).collect();
    assert_eq!(attempts, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_to_five_minutes_and_end_after_a_day() {
    let day = GIVE_UP_AFTER.as_seconds();
    let left = 7_200;
    let mut world = OutboxWorld::at(1 + day - left);
    let mail = world.channel("mail", |_| later(0)).await;
    world.happens(1).await;
    sleep(Duration::from_hours(3)).await;
    let seconds = mail.seconds();
    let gaps: Vec<_> = seconds.windows(2).map(|it| it[1] - it[0]).collect();
    assert!(gaps.iter().all(|gap| *gap <= 301), "{gaps:?}");
    assert!(gaps[12..].iter().all(|gap| *gap >= 149), "{gaps:?}");
    let last = *seconds.last().unwrap();
    assert!((left..left + 310).contains(&last), "{last}");
    assert_eq!(world.waiting("mail").await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_not_told_again() {
    let mut world = OutboxWorld::new();
    let given_up = |_: &NoticeContext| {
        Reaction::Says(Delivery::GaveUp {
            why: "no such address".to_owned(),
        })
    };
    let mail = world.channel("mail", given_up).await;
    world.happens(1).await;
    world.happens(2).await;
    sleep(Duration::from_hours(1)).await;
    assert_eq!((mail.heard().len(), world.waiting("mail").await), (2, 0));
}

async fn aws_has(world: &OutboxWorld, until: Timestamp) {
    let key = account_key(1, 1);
    let found = world.store.armed_ends_of(&[key]).await.unwrap();
    let end = found.into_iter().next().unwrap();
    let state = ArmedEndState::Armed {
        until,
        ends_at: until,
        at: at(20),
        unmoved: None,
    };
    let ends = vec![ArmedEnd { state, ..end }];
    let settled = world
        .store
        .settle_armed_ends(ArmedEndChange {
            ends,
            ..ArmedEndChange::default()
        })
        .await;
    assert_eq!(settled, Ok(SettledEnds::Stored));
}

async fn lengthened(news: &[News]) -> (OutboxWorld, Arc<Script>) {
    let mut world = OutboxWorld::new();
    let mail = world.channel("mail", done).await;
    let (later, grant) = (at(7_000), a_grant(1));
    let arm = ArmedEndRequest::Arm(Box::new(GrantToArm {
        grant: grant.id,
        request: grant.request,
        holder: grant.holder.email.clone(),
        key: grant.key.clone(),
        names: grant.names.clone(),
        required: false,
        ends_at: later,
        asked_at: at(10),
        arm_by: at(70),
        gate_until: at(70),
        moved_by: at(310),
    }));
    let change = Change {
        requests: vec![Write::Insert(a_request(1))],
        desired: vec![wanted(&grant.key, 7_000, 10)],
        grants: vec![Write::Insert(Grant {
            ends_at: later,
            ..grant
        })],
        armed_ends: vec![arm],
        ..Change::default()
    };
    world.store.commit(change).await.unwrap();
    aws_has(&world, at(3_600)).await;
    let notices = news.iter().map(|news| Notice {
        news: news.clone(),
        grant: Some(grant_id(1)),
        ..a_notice(1)
    });
    let change = Change {
        notices: notices.collect(),
        ..Change::default()
    };
    world.store.commit(change).await.unwrap();
    world.news.send_modify(|seq| *seq += 1);
    (world, mail)
}

#[tokio::test(start_paused = true)]
async fn a_later_end_is_told_once_aws_has_it_and_before_that_only_that_it_has_not() {
    let all = [News::Extended, News::NotExtended { unmoved: None }];
    let kinds = |mail: &Script| -> Vec<NoticeKind> {
        let heard = mail.heard();
        heard.iter().map(|it| it.told.notice.kind()).collect()
    };
    let (world, mail) = lengthened(&all).await;
    sleep(Duration::from_hours(1)).await;
    assert_eq!(kinds(&mail), [NoticeKind::NotExtended]);
    assert_eq!(world.waiting("mail").await, 1);
    aws_has(&world, at(7_020)).await;
    sleep(PAUSE_MAX).await;
    assert_eq!(
        kinds(&mail),
        [NoticeKind::NotExtended, NoticeKind::Extended]
    );
    let (world, mail) = lengthened(&[]).await;
    aws_has(&world, at(7_020)).await;
    let change = Change {
        notices: vec![Notice {
            news: News::NotExtended { unmoved: None },
            grant: Some(grant_id(1)),
            ..a_notice(1)
        }],
        ..Change::default()
    };
    world.store.commit(change).await.unwrap();
    world.news.send_modify(|seq| *seq += 1);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(kinds(&mail), []);
    assert_eq!(world.waiting("mail").await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_is_the_present_truth() {
    let mut world = OutboxWorld::new();
    let back_at = world.clock.0 + Duration::from_hours(5);
    let mail = world
        .channel("mail", move |_| {
            if Instant::now() < back_at {
                later(0)
            } else {
                Reaction::Says(Delivery::Done)
            }
        })
        .await;
    world.happens(1).await;
    world.happens(2).await;
    sleep(Duration::from_hours(2)).await;
    let change = Change {
        requests: vec![Write::Update(Request {
            state: approved(20),
            grant: Some(grant_id(1)),
            ..a_request(1)
        })],
        grants: vec![Write::Insert(a_grant(1))],
        ..Change::default()
    };
    world.store.commit(change).await.unwrap();
    sleep(Duration::from_hours(4)).await;
    assert_eq!(world.waiting("mail").await, 0);
    let heard = mail.heard();
    let last = heard
        .iter()
        .rfind(|it| it.told.request.id == request_id(1))
        .unwrap();
    assert_eq!(last.told.request.state, approved(20));
    assert_eq!(last.told.grant, Some(a_grant(1)), "that of the request");
    assert_eq!(last.told.notice, a_notice(1));
    let first = &heard[0].told.request.state;
    assert_eq!(*first, RequestState::Pending);
    let late = Duration::from_hours(5) + PAUSE_MAX + LOOK_AGAIN;
    assert!(last.after <= late, "{:?}", last.after);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_waits_a_little_and_tells_later() {
    let mut world = OutboxWorld::new();
    let hangs = world.channel("mail", |_| Reaction::Hangs).await;
    let idle = world.channel("idle", done).await;
    world.happens(1).await;
    sleep(Duration::from_secs(1)).await;
    world.stop.send_replace(true);
    let all = async { while world.tasks.join_next().await.is_some() {} };
    timeout(GRACE + Duration::from_secs(1), all).await.unwrap();
    assert_eq!((hangs.heard().len(), idle.heard().len()), (1, 1));
    assert_eq!(world.waiting("mail").await, 1);
    world.stop.send_replace(false);
    let mail = world.channel("mail", done).await;
    sleep(Duration::from_secs(95)).await;
    assert_eq!((mail.heard().len(), world.waiting("mail").await), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_keeper_drops_what_is_old_and_keeps_what_is_in_use() {
    let mut world = OutboxWorld::new();
    for channel in ["log", "gone"] {
        world.store.open_channel(channel, at(0)).await.unwrap();
    }
    let keeper = OutboxKeeper {
        channels: vec![Arc::new(LogChannel)],
        store: Arc::new(world.store.clone()),
        clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
    };
    world.tasks.spawn(keep(keeper, world.stop.subscribe()));
    world.happens(1).await;
    assert_eq!(
        (world.waiting("gone").await, world.waiting("log").await),
        (1, 1)
    );
    sleep(Duration::from_hours(7 * 24 + 2)).await;
    let counts = world.store.counts(at(0)).await.unwrap();
    let left: Vec<_> = counts.notices.into_iter().collect();
    assert_eq!(left, [("log".to_owned(), 0)]);
}

#[test]
fn pauses_double_with_a_part_left_to_chance() {
    for (failures, chance, milliseconds) in [
        (0, 0, 500),
        (0, u16::MAX, 1_000),
        (3, 0, 4_000),
        (3, u16::MAX, 8_000),
        (9, 0, 150_000),
        (9, u16::MAX, 300_000),
        (u32::MAX, u16::MAX, 300_000),
    ] {
        let wanted = Duration::from_millis(milliseconds);
        assert_eq!(pause(failures, chance), wanted, "{failures} {chance}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_told_by_the_channels_that_its_rule_names() {
    let mut world = OutboxWorld::new();
    let done = |_: &NoticeContext| Reaction::Says(Delivery::Done);
    let (mail, tickets) = (
        world.channel("mail", done).await,
        world.channel("webhook:tickets", done).await,
    );
    let tickets_only = AlertMessage {
        notify: vec!["webhook:tickets".to_owned()],
        ..an_alert()
    };
    for (version, message) in [(0, an_alert()), (1, tickets_only.clone())] {
        let state = AlertState {
            version,
            ..an_alert_state()
        };
        let write = AlertWrite {
            state,
            message: Some(message),
        };
        world.store.commit_alert(write).await.unwrap();
    }
    world.news.send_modify(|seq| *seq += 1);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(*mail.alerts.lock().unwrap(), [an_alert()]);
    assert_eq!(*tickets.alerts.lock().unwrap(), [an_alert(), tickets_only]);
}

enum ScriptedLogs {
    Says(u64),
    Breaks,
    Hangs,
}

#[async_trait]
impl ActivityLogs for ScriptedLogs {
    async fn of(&self, _: &AccountId, days: &[Date]) -> Result<AccountActivity, String> {
        let count = match self {
            Self::Says(count) => *count,
            Self::Breaks => return Err("no such file".to_owned()),
            Self::Hangs => std::future::pending().await,
        };
        let session = SessionOfDay {
            person: email(1).to_string(),
            user_id: None,
            permission_set: "ReadOnly".to_owned(),
            started: Some(at(20)),
            calls: vec![SessionCall {
                service: "iam".to_owned(),
                action: "CreateUser".to_owned(),
                error_code: None,
                is_write: Some(true),
                count,
                first: at(30),
                last: at(40),
                resources: Vec::new(),
            }],
        };
        let sessions = vec![session];
        Ok(AccountActivity {
            span: Some(AccountSpan {
                from: at(0),
                until: at(90_000),
            }),
            days: [(days[0], SessionAccount { sessions })].into(),
        })
    }
}

async fn judged_again(logs: ScriptedLogs) -> Vec<ObservedNotice> {
    let mut world = OutboxWorld::at(5_000);
    world.logs = Some(Arc::new(logs));
    let mail = world.channel("mail", done).await;
    let had = Grant {
        id: GrantId::first_at(at(10)),
        granted_at: Some(at(11)),
        state: ended(3_000),
        ..a_grant(1)
    };
    let first = Request {
        state: approved(2),
        ..a_request(1)
    };
    let again = Request {
        id: request_id(2),
        asked_at: at(4_000),
        ..a_request(1)
    };
    let of_the_first = |news| Notice {
        news,
        grant: Some(had.id),
        ..a_notice(1)
    };
    let again_asked = Notice {
        request: again.id,
        ..a_notice(2)
    };
    let change = Change {
        notices: vec![
            of_the_first(News::Granted),
            of_the_first(News::ReviewClosed),
            again_asked,
        ],
        requests: vec![Write::Insert(first), Write::Insert(again)],
        grants: vec![Write::Insert(had)],
        ..Change::default()
    };
    world.store.commit(change).await.unwrap();
    world.news.send_modify(|seq| *seq += 1);
    sleep(Duration::from_secs(30)).await;
    mail.heard()
}

#[tokio::test(start_paused = true)]
async fn whoever_judges_again_hears_what_was_done_with_it() {
    let heard = judged_again(ScriptedLogs::Says(7)).await;
    let counts: Vec<Option<u64>> = heard
        .iter()
        .map(|it| it.told.used.as_ref().map(|used| used.found.count))
        .collect();
    assert_eq!(counts, [None, Some(7), Some(7)], "{heard:?}");
    let grants = heard[1..].iter().map(|it| it.told.used.as_ref());
    for used in grants {
        assert_eq!(used.unwrap().grant.granted_at, Some(at(11)));
    }
}

#[tokio::test(start_paused = true)]
async fn logs_that_break_or_hang_keep_nobody_from_hearing_it() {
    for (logs, most) in [(ScriptedLogs::Breaks, 1), (ScriptedLogs::Hangs, 21)] {
        let heard = judged_again(logs).await;
        assert_eq!(heard.len(), 3, "{heard:?}");
        assert!(heard.iter().all(|it| it.told.used.is_none()), "{heard:?}");
        assert!(heard[2].after <= Duration::from_secs(most), "{heard:?}");
    }
}
