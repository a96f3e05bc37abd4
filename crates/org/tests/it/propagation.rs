//! Measures AWS's propagation delay with an in-memory organization: the configured delay is
//! measured; failures and stops leave nothing behind and no foreign policy is touched.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{Clock as _, Timestamp};
use hallpass_enforcement::testing::{ANA, FakeOrganization, GatedOrg, MANAGEMENT};
use hallpass_enforcement::{NewPolicy, Organization as _};
use hallpass_iam::{Context, Decision, Layers, Policy, PolicyType, Request, decide};
use hallpass_org::propagation::{
    Halt, PropagationProbe, PropagationReport, ReadOutcome, policy_name,
};
use hallpass_org::{Operation, ReadAnswer, ReadCallFailed, ReadCalls, ReadPlace};
use hallpass_plans::Sleeper;
use hallpass_plans::testing::{Gate, Hourglass, PortMode};
use serde_json::{Value, json};

use crate::bench::Bench;

const ROLE: &str = "arn:aws:iam::222233334444:role/hallpass-probe";
const OTHERS: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Mine","Effect":"Deny","Action":"s3:DeleteBucket","Resource":"*"}]}"#;

/// Policies are effective after `lag`.
struct LateAws {
    clock: Arc<Hourglass>,
    organization: Arc<FakeOrganization>,
    lag: Duration,
    flaps: Option<u32>,
    silent: Option<u32>,
    caller: String,
    may_read: bool,
    calls: AtomicU32,
    stands: Mutex<Vec<(Timestamp, Option<String>)>>,
}

impl LateAws {
    fn new(bench: &Bench, lag: Duration) -> Self {
        Self {
            clock: Arc::clone(&bench.clock),
            organization: Arc::clone(&bench.organization),
            lag,
            flaps: None,
            silent: None,
            caller: "arn:aws:sts::222233334444:assumed-role/hallpass-probe/hallpass".into(),
            may_read: true,
            calls: AtomicU32::new(0),
            stands: Mutex::default(),
        }
    }

    fn name() -> String {
        policy_name(&ANA.parse().unwrap())
    }

    fn in_force(&self, lag: Duration) -> Option<String> {
        let now = self.clock.now();
        let name = Self::name();
        let attached = self.organization.standing();
        let is_on = |it: &(String, Vec<String>)| it.0 == name && it.1.iter().any(|at| at == ANA);
        let stands = attached.iter().any(is_on);
        let text = self.organization.text(&name).filter(|_| stands);
        let mut history = self.stands.lock().unwrap();
        if history.last().is_none_or(|(_, last)| *last != text) {
            history.push((now, text));
        }
        let past = history.iter().rev().find(|(at, _)| *at + lag <= now);
        past.and_then(|(_, text)| text.clone())
    }

    fn is_refused(&self, lag: Duration) -> bool {
        let Some(policy) = self.in_force(lag) else {
            return false;
        };
        let allow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let read = |text: &str, kind| Arc::new(Policy::parse(text, kind).unwrap());
        let layers = Layers {
            scps: vec![vec![
                read(allow, PolicyType::Scp),
                read(&policy, PolicyType::Scp),
            ]],
            identity: vec![read(allow, PolicyType::Identity)],
            ..Layers::default()
        };
        let now = self.clock.now().to_string();
        let context = Context::new()
            .with("aws:PrincipalArn", ROLE)
            .with("aws:CurrentTime", now.as_str());
        let request = Request::new(ROLE, "iam:ListAccountAliases", "*", context).unwrap();
        decide(&layers, &request) != Decision::Allowed
    }
}

fn failed(code: &str, passing: bool) -> ReadAnswer {
    Err(ReadCallFailed {
        code: code.into(),
        message: "no".into(),
        passing,
    })
}

#[async_trait]
impl ReadCalls for LateAws {
    async fn call(&self, place: &ReadPlace, operation: Operation, _input: &Value) -> ReadAnswer {
        assert_eq!(place.account.as_ref().unwrap().as_str(), ANA);
        match operation {
            ("sts", "GetCallerIdentity") if self.caller.is_empty() => failed("AccessDenied", false),
            ("sts", "GetCallerIdentity") => Ok((json!({"Arn": self.caller}), None)),
            ("iam", "ListAccountAliases") => {
                let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
                let hits = |every: Option<u32>| every.is_some_and(|it| number.is_multiple_of(it));
                if hits(self.silent) {
                    return failed("NoAnswer", true);
                }
                let flap = Duration::from_secs(if hits(self.flaps) { 3 } else { 0 });
                if self.is_refused(self.lag + flap) || !self.may_read {
                    return failed("AccessDenied", false);
                }
                Ok((json!({"AccountAliases": []}), None))
            }
            other => panic!("{other:?} is called"),
        }
    }
}

fn probe(bench: &Bench, aws: LateAws, gate: &Arc<Gate>) -> PropagationProbe {
    PropagationProbe {
        organization: Arc::new(GatedOrg(Arc::clone(&bench.organization), Arc::clone(gate))),
        calls: Arc::new(aws),
        clock: Arc::clone(&bench.clock) as Arc<_>,
        sleeper: Arc::clone(&bench.clock) as Arc<_>,
        role: ROLE.parse().unwrap(),
        stop: Arc::new(AtomicBool::new(false)),
    }
}

async fn measured(bench: &Bench, aws: LateAws) -> PropagationReport {
    probe(bench, aws, &Gate::new(None)).run().await
}

async fn with_others(count: usize) -> Bench {
    let bench = Bench::new();
    for number in 0..count {
        let policy = NewPolicy {
            name: format!("theirs-{number}"),
            description: String::new(),
            content: OTHERS.into(),
            tags: std::collections::BTreeMap::new(),
        };
        let id = bench.organization.create_policy(&policy).await.unwrap();
        bench.organization.attach(&id, ANA).await.unwrap();
    }
    bench
}

fn is_clean(bench: &Bench, count: usize) -> bool {
    let expected: Vec<_> = (0..count)
        .map(|it| (format!("theirs-{it}"), vec![ANA.to_owned()]))
        .collect();
    let same = |it: &(String, Vec<String>)| bench.organization.text(&it.0).unwrap() == OTHERS;
    let standing = bench.organization.standing();
    standing == expected && standing.iter().all(same)
}

#[tokio::test]
async fn what_is_measured_is_how_late_a_policy_comes_into_force() {
    for lag in [0, 1_700, 42_000] {
        let bench = with_others(2).await;
        let lag = Duration::from_millis(lag);
        let report = measured(&bench, LateAws::new(&bench, lag)).await;
        assert_eq!((&report.halted, &report.left_behind), (&None, &None));
        assert_eq!(report.rounds.len(), 4);
        let slack = Duration::from_millis(700);
        for round in &report.rounds[1..] {
            for settling in [round.to_now, round.away.unwrap()] {
                assert!(settling.settled >= lag, "{settling:?} of {lag:?}");
                assert!(settling.settled < lag + slack, "{settling:?} of {lag:?}");
                assert_eq!(settling.first, settling.settled);
                assert_eq!(
                    settling.last_other.is_some(),
                    !lag.is_zero(),
                    "{settling:?}"
                );
                assert!(settling.last_other.unwrap_or_default() <= settling.settled);
            }
        }
        assert!(is_clean(&bench, 2), "{:?}", bench.organization.standing());
    }
}

#[tokio::test]
async fn answers_that_go_back_and_forth_count_until_they_stay() {
    let bench = with_others(0).await;
    let aws = LateAws {
        flaps: Some(2),
        ..LateAws::new(&bench, Duration::from_secs(2))
    };
    let report = measured(&bench, aws).await;
    assert_eq!(report.halted, None);
    let flapped = |it: &&hallpass_org::propagation::Round| {
        it.to_now.first < it.to_now.settled && it.to_now.last_other > Some(it.to_now.first)
    };
    assert!(report.rounds.iter().any(|it| flapped(&it)), "{report:?}");
    for round in &report.rounds[1..] {
        let settled = round.to_now.settled;
        assert!(
            settled >= Duration::from_secs(4) && settled < Duration::from_secs(7),
            "{round:?}"
        );
    }
    assert!(is_clean(&bench, 0));
}

#[tokio::test]
async fn calls_without_an_answer_are_no_refusals() {
    let bench = with_others(0).await;
    let aws = LateAws {
        silent: Some(3),
        ..LateAws::new(&bench, Duration::from_secs(5))
    };
    let report = measured(&bench, aws).await;
    assert_eq!(report.halted, None);
    let settled = report.rounds[1].to_now.settled;
    assert!(
        settled >= Duration::from_secs(5) && settled < Duration::from_secs(7),
        "{report:?}"
    );
}

#[tokio::test]
async fn what_is_never_refused_is_given_up_and_said() {
    let bench = with_others(1).await;
    let report = measured(&bench, LateAws::new(&bench, Duration::from_secs(1_000_000))).await;
    let halted = report.halted.clone().unwrap();
    assert!(
        matches!(
            halted,
            Halt::NotSettled {
                wanted: ReadOutcome::Refused,
                seconds: 300,
                ..
            }
        ),
        "{halted:?}"
    );
    assert_eq!(
        halted.to_string(),
        "the role was to be refused its read, and was not stable after 300 seconds; last answer: the read was allowed"
    );
    assert_eq!((report.rounds.len(), report.left_behind), (0, None));
    assert!(is_clean(&bench, 1));
}

async fn refused(bench: &Bench, aws: LateAws, why: &str) {
    let before = bench.organization.writes();
    let report = measured(bench, aws).await;
    let Some(Halt::Refused { why: said, help }) = &report.halted else {
        panic!("{why}: {report:?}");
    };
    assert!(said.contains(why) && !help.is_empty(), "{said}; {help}");
    assert_eq!(bench.organization.writes(), before, "{why}");
}

#[tokio::test]
async fn where_it_must_not_or_cannot_be_measured_nothing_is_written() {
    let soon = Duration::from_secs(1);
    let bench = with_others(8).await;
    refused(&bench, LateAws::new(&bench, soon), "last place").await;
    let bench = with_others(9).await;
    refused(&bench, LateAws::new(&bench, soon), "last place").await;
    let bench = with_others(0).await;
    bench.organization.change(|it| it.scps_enabled = false);
    refused(&bench, LateAws::new(&bench, soon), "not enabled").await;
    let bench = with_others(0).await;
    bench
        .organization
        .change(|it| it.caller.management_account = ANA.into());
    bench
        .organization
        .change(|it| it.caller.account = ANA.into());
    refused(&bench, LateAws::new(&bench, soon), "management account").await;
    let bench = with_others(0).await;
    let may_not = LateAws {
        caller: String::new(),
        ..LateAws::new(&bench, soon)
    };
    refused(&bench, may_not, "cannot be assumed").await;
    let own = LateAws {
        caller: format!("arn:aws:iam::{ANA}:user/hallpass"),
        ..LateAws::new(&bench, soon)
    };
    refused(&bench, own, "not the role").await;
    let unread = LateAws {
        may_read: false,
        ..LateAws::new(&bench, soon)
    };
    refused(&bench, unread, "may not read").await;
    assert_ne!(MANAGEMENT, ANA);
    let bench = with_others(7).await;
    assert_eq!(
        measured(&bench, LateAws::new(&bench, soon)).await.halted,
        None
    );
    assert!(is_clean(&bench, 7));
}

#[tokio::test]
async fn a_policy_of_its_name_that_somebody_else_wrote_stays() {
    let bench = with_others(0).await;
    let policy = NewPolicy {
        name: policy_name(&ANA.parse().unwrap()),
        description: String::new(),
        content: OTHERS.into(),
        tags: std::collections::BTreeMap::new(),
    };
    bench.organization.create_policy(&policy).await.unwrap();
    let before = bench.organization.writes();
    let report = measured(&bench, LateAws::new(&bench, Duration::ZERO)).await;
    let halted = report.halted.unwrap().to_string();
    assert!(halted.contains("not written by Hallpass"), "{halted}");
    assert_eq!(bench.organization.writes(), before);
}

async fn calls() -> u64 {
    let bench = with_others(1).await;
    let gate = Gate::new(None);
    let report = probe(&bench, LateAws::new(&bench, Duration::from_secs(2)), &gate)
        .run()
        .await;
    assert_eq!(report.halted, None);
    gate.calls()
}

#[tokio::test]
async fn whichever_call_fails_or_is_the_last_nothing_is_left() {
    let all = calls().await;
    assert!(all > 15, "{all}");
    for lag in [0, 4] {
        for mode in [
            PortMode::Fail,
            PortMode::LoseAnswer,
            PortMode::StopBefore,
            PortMode::StopAfter,
        ] {
            for at in 1..=all {
                let bench = with_others(1).await;
                bench
                    .organization
                    .change(|it| it.lag = hallpass_base::TimeSpan::seconds(lag));
                bench.clock.advance(Duration::from_mins(1));
                let gate = Gate::new(Some((at, mode)));
                let first = probe(&bench, LateAws::new(&bench, Duration::from_secs(2)), &gate);
                let ended = tokio::select! {
                    report = first.run() => Some(report),
                    () = gate.stop() => None,
                };
                if let Some(report) = ended {
                    assert_eq!(report.left_behind, None, "{mode:?} at {at}, {lag}");
                    assert!(
                        is_clean(&bench, 1),
                        "{mode:?} at {at}, {lag}: {:?}",
                        bench.organization.standing()
                    );
                    continue;
                }
                bench.clock.advance(Duration::from_secs(20));
                let report = measured(&bench, LateAws::new(&bench, Duration::from_secs(2))).await;
                assert_eq!(
                    (report.halted, report.left_behind),
                    (None, None),
                    "{mode:?} at {at}, {lag}"
                );
                assert!(
                    is_clean(&bench, 1),
                    "{mode:?} at {at}, {lag}: {:?}",
                    bench.organization.standing()
                );
            }
        }
    }
}

#[tokio::test]
async fn who_stops_it_waits_for_the_removal_and_for_nothing_else() {
    for after in [1, 7, 13, 14, 30] {
        let bench = with_others(1).await;
        let gate = Gate::new(None);
        let mut first = probe(&bench, LateAws::new(&bench, Duration::from_secs(2)), &gate);
        first.calls = Arc::new(Stopping {
            aws: LateAws::new(&bench, Duration::from_secs(2)),
            stop: Arc::clone(&first.stop),
            after,
        });
        let report = first.run().await;
        assert_eq!(report.halted, Some(Halt::Stopped), "{after}");
        assert_eq!(report.left_behind, None);
        assert!(
            is_clean(&bench, 1),
            "{after}: {:?}",
            bench.organization.standing()
        );
    }
}

/// A creation without an answer appears 4 seconds later, during the cleanup.
#[tokio::test]
async fn who_stops_it_when_an_answer_was_lost_leaves_nothing_that_shows_later() {
    for at in 1..=calls().await {
        let bench = with_others(1).await;
        let organization = &bench.organization;
        organization.change(|it| it.lag = hallpass_base::TimeSpan::seconds(4));
        bench.clock.advance(Duration::from_mins(1));
        let gate = Gate::new(Some((at, PortMode::LoseAnswer)));
        let mut first = probe(&bench, LateAws::new(&bench, Duration::from_secs(2)), &gate);
        first.sleeper = Arc::new(StoppedInAPause {
            clock: Arc::clone(&bench.clock),
            gate: Arc::clone(&gate),
            stop: Arc::clone(&first.stop),
            after: at,
        });
        let report = first.run().await;
        assert_eq!(report.left_behind, None, "{at}");
        bench.clock.advance(Duration::from_mins(1));
        let standing = bench.organization.standing();
        assert!(is_clean(&bench, 1), "{at}: {standing:?}");
    }
}

struct StoppedInAPause {
    clock: Arc<Hourglass>,
    gate: Arc<Gate>,
    stop: Arc<AtomicBool>,
    after: u64,
}

#[async_trait]
impl Sleeper for StoppedInAPause {
    async fn sleep(&self, span: Duration) {
        if self.gate.calls() >= self.after {
            self.stop.store(true, Ordering::SeqCst);
        }
        self.clock.sleep(span).await;
    }
}

struct Stopping {
    aws: LateAws,
    stop: Arc<AtomicBool>,
    after: u32,
}

#[async_trait]
impl ReadCalls for Stopping {
    async fn call(&self, place: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer {
        let answer = self.aws.call(place, operation, input).await;
        if self.aws.calls.load(Ordering::SeqCst) >= self.after {
            self.stop.store(true, Ordering::SeqCst);
        }
        answer
    }
}
