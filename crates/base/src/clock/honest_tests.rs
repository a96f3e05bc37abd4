use crate::TimeSpan;
use proptest::prelude::*;

use super::*;

/// A machine with known true time, in milliseconds.
struct Machine {
    time: HonestTime,
    truth: i64,
    wall: i64,
    aws: i64,
    /// True time that the monotonic clock does not count.
    asleep: i64,
    seen: Option<Reading>,
}

const START: i64 = 1_780_000_000_000;

fn at(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(START + millisecond).unwrap()
}

impl Machine {
    fn new(record: Option<i64>) -> Self {
        Self {
            time: HonestTime::new(record.map(at)),
            truth: 0,
            wall: 0,
            aws: 0,
            asleep: 0,
            seen: None,
        }
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.truth - self.asleep).unwrap())
    }

    fn look(&mut self) -> Reading {
        let reading = self.time.look(Shown {
            wall: at(self.truth + self.wall),
            monotonic: self.monotonic(),
        });
        self.seen = Some(reading);
        reading
    }

    /// An AWS answer: whole seconds, with latency.
    fn answer(&mut self, off: i64, travels: i64) {
        let date = (START + self.truth + self.aws + off).div_euclid(1000) * 1000 - START;
        self.truth += travels;
        self.time.hear(at(date), self.monotonic());
    }

    fn restart(&mut self) {
        let newest = self.seen.map(|reading| reading.now);
        self.time = HonestTime::new(newest);
        self.asleep = self.truth;
    }

    fn step(&mut self, word: &str) {
        let (what, number) = word.split_once('=').unwrap_or((word, "1"));
        let number: i64 = number.parse().unwrap();
        match what {
            "wall" => self.wall = number * 1000,
            "aws-off" => self.aws = number * 1000,
            "wait" => {
                for _ in 0..number {
                    self.truth += 1000;
                    self.look();
                }
            }
            "asking" => {
                for _ in 0..number {
                    self.truth += 1000;
                    self.answer(0, 0);
                    self.look();
                }
            }
            "odd" => self.answer(number * 1000, 0),
            // the monotonic clock stops while the machine sleeps
            "sleep" => {
                self.truth += number * 1000;
                self.asleep += number * 1000;
            }
            "restart" => self.restart(),
            other => panic!("no such step: {other}"),
        }
    }
}

fn told(script: &str) -> (i64, &'static str) {
    let mut words = script.split_whitespace().peekable();
    let record = words
        .next_if(|word| word.starts_with("record="))
        .and_then(|word| word.split_once('='))
        .map(|(_, seconds)| seconds.parse::<i64>().unwrap() * 1000);
    let mut machine = Machine::new(record);
    for word in words {
        machine.step(word);
    }
    let reading = machine.look();
    let ahead = reading.now.as_millisecond() - START - machine.truth;
    let disagrees = reading.disagreement.map_or("-", |it| match it {
        Disagreement::Apart { between, .. } => between.name(),
        Disagreement::Unconfirmed => "unconfirmed",
    });
    (ahead.div_euclid(1000), disagrees)
}

fn check(table: &str) {
    let wrong: Vec<String> = table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .filter_map(|line| {
            let (script, expected) = line.split_once("->").unwrap();
            let (ahead, clocks) = told(script);
            let found = format!("{ahead} {clocks}");
            let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
            (found != expected).then(|| format!("{line}: found {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_step_of_the_wall_clock_is_never_believed_against_what_passed() {
    check(
        "wait=10 -> 0 unconfirmed
         asking=10 wait=60 -> 0 -
         asking=10 wall=-900 -> 0 wall_aws
         asking=10 wall=-900 wait=600 -> 0 wall_aws
         asking=10 wall=-20 wait=600 -> 0 -
         asking=10 wall=900 -> 900 wall_aws
         asking=10 wall=86400 wait=8 wall=0 wait=1 -> 86400 now_aws
         wait=10 wall=-900 wait=600 -> 0 wall_monotonic
         wait=10 wall=900 -> 900 wall_monotonic
         wait=10 wall=900 wait=5 wall=0 wait=5 -> 900 unconfirmed
         asking=10 wall=-900 asking=60 wall=0 asking=1 -> 0 -
         asking=10 wall=-28 -> 0 -
         asking=10 wall=-32 wait=1 wall=-28 asking=60 -> 0 wall_aws
         asking=10 wall=-32 wait=1 wall=-24 asking=1 -> 0 -",
    );
}

#[test]
fn time_returns_to_what_the_wall_clock_and_aws_agree_on() {
    check(
        "asking=10 wall=86400 asking=8 wall=0 asking=4 -> 86400 now_aws
         asking=10 wall=86400 asking=8 wall=0 asking=6 -> 0 -
         asking=10 wall=86400 asking=8 wall=0 wait=60 -> 86400 now_aws
         asking=10 wall=86400 asking=8 wall=0 wait=60 asking=3 -> 0 -
         asking=10 wall=86400 asking=8 wall=-900 asking=60 -> 86400 wall_aws
         asking=10 wall=86400 asking=8 wall=-900 asking=60 wall=0 asking=6 -> 0 -
         asking=10 wall=86400 asking=60 -> 86400 wall_aws
         asking=10 aws-off=86400 asking=10 aws-off=0 asking=10 -> 0 -
         wait=10 wall=86400 wait=8 wall=0 wait=600 -> 86400 unconfirmed
         wait=10 wall=86400 wait=8 wall=0 asking=10 -> 0 -",
    );
}

#[test]
fn time_is_never_behind_answers_of_aws_that_agree() {
    check(
        "wall=-900 -> -900 unconfirmed
         wall=-900 asking=1 -> -900 wall_aws
         wall=-900 asking=3 -> 0 wall_aws
         wall=-20 asking=3 -> 0 -
         wall=-900 asking=3 wait=600 -> 0 wall_aws
         asking=10 odd=3600 wait=5 -> 0 -
         asking=10 odd=3600 odd=3600 wait=5 -> 0 -
         asking=10 odd=3600 asking=1 odd=3600 asking=1 odd=3600 asking=1 -> 0 -
         asking=10 odd=3600 odd=3600 odd=3600 wait=1 -> 3600 wall_aws
         asking=10 odd=-3600 odd=-3600 odd=-3600 wait=1 -> 0 wall_aws",
    );
}

#[test]
fn a_machine_that_slept_believes_the_wall_clock_once_aws_confirms_it() {
    check(
        "asking=10 sleep=3600 wait=1 -> 0 wall_aws
         asking=10 sleep=3600 asking=3 -> 0 wall_monotonic
         asking=10 sleep=3600 asking=12 -> 0 -
         wait=10 sleep=3600 wait=1 -> 0 wall_monotonic
         wait=10 sleep=3600 asking=12 -> 0 -",
    );
}

#[test]
fn a_record_from_the_future_never_seeds_the_clock() {
    check(
        "record=-60 wait=1 -> 0 unconfirmed
         asking=2 -> 0 unconfirmed
         record=20 wait=1 -> 19 unconfirmed
         record=3600 wait=1 -> 0 unconfirmed
         record=3600 asking=3 -> 0 -
         record=0 wall=-3600 wait=1 -> -3600 unconfirmed
         record=0 wall=-3600 asking=3 -> 0 wall_aws
         record=86400 wall=86400 asking=3 -> 86400 wall_aws
         record=86400 wall=86400 asking=3 wall=0 asking=8 -> 0 -
         asking=10 wall=86400 asking=8 restart asking=5 -> 86400 wall_aws
         asking=10 wall=86400 asking=8 wall=0 restart asking=3 -> 0 -
         asking=10 wall=-3600 asking=8 restart asking=3 -> 0 wall_aws",
    );
}

#[test]
fn what_is_compared_elsewhere_is_not_what_a_step_left_behind() {
    let mut machine = Machine::new(None);
    for word in ["asking=10", "wall=86400", "asking=5"] {
        machine.step(word);
    }
    let reading = machine.look();
    let off = |at: Timestamp| (at.as_millisecond() - START - machine.truth).div_euclid(1000);
    assert_eq!(off(reading.now), 86_400);
    assert_eq!(off(reading.elsewhere()), 0);
    assert_eq!(reading.aws_heard, Some(Duration::ZERO));
    machine.step("wall=0");
    machine.step("asking=10");
    let back = machine.look();
    assert_eq!((back.returns, back.elsewhere()), (1, back.now));
    assert_eq!(
        back.returned.as_secs() + i64::from(back.returned.subsec_nanos() > 0),
        86_400
    );
}

#[derive(Clone, Debug)]
enum Happens {
    Wall(i64),
    Wait(i64),
    Sleep(i64),
    Answers(u8, i64),
    Odd(i64),
    Restart,
}

fn happens() -> impl Strategy<Value = Happens> {
    let off = prop_oneof![-40_000_i64..40_000, -100_000_000_i64..100_000_000, Just(0)];
    prop_oneof![
        3 => off.clone().prop_map(Happens::Wall),
        4 => (1_i64..20_000).prop_map(Happens::Wait),
        1 => (1_i64..7_200_000).prop_map(Happens::Sleep),
        4 => (1_u8..8, 0_i64..2_000).prop_map(|(n, travels)| Happens::Answers(n, travels)),
        1 => off.prop_map(Happens::Odd),
        1 => Just(Happens::Restart),
    ]
}

/// Answers have whole seconds and up to two seconds of latency.
const ROUGH: i64 = 3_100;

#[derive(Default)]
struct Watch {
    is_settled: bool,
    slept: bool,
    before: Option<Reading>,
}

impl Watch {
    fn look(&mut self, machine: &mut Machine) -> Result<(), TestCaseError> {
        let reading = machine.look();
        let truth = machine.truth;
        let now = reading.now.as_millisecond() - START;
        let bound = i64::try_from(BOUND.as_seconds()).unwrap() * 1000;
        if let Some(before) = self
            .before
            .filter(|before| before.returns == reading.returns)
        {
            prop_assert!(reading.now >= before.now, "{before:?} then {reading:?}");
        }
        if self.is_settled {
            prop_assert!(
                now >= truth - ROUGH,
                "behind: {now} at {truth}, {reading:?}"
            );
            if reading.disagreement.is_none() {
                let ahead = now - truth;
                prop_assert!(ahead <= bound + ROUGH, "trusted {ahead} ahead: {reading:?}");
            }
        }
        self.before = Some(reading);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// For any wall clock: once AWS's answers agree, time is never behind the truth, so no end is
    /// late; it only steps back to return; while trusted it is ahead by at most the bound, so no
    /// grant lasts longer than that.
    #[test]
    fn no_step_prolongs_access(
        record in proptest::option::of(-100_000_000_i64..100_000_000),
        story in proptest::collection::vec(happens(), 1..40),
    ) {
        let mut machine = Machine::new(record);
        let mut watch = Watch::default();
        for event in story {
            match event {
                Happens::Wall(off) => machine.wall = off,
                Happens::Wait(time) => machine.truth += time,
                Happens::Sleep(time) => {
                    machine.truth += time;
                    machine.asleep += time;
                    watch.is_settled = false;
                    watch.slept = true;
                }
                Happens::Answers(n, travels) => {
                    for _ in 0..n {
                        machine.answer(0, travels);
                    }
                    if u32::from(n) >= ANSWERS {
                        (watch.is_settled, watch.slept) = (true, false);
                    }
                }
                Happens::Odd(off) => {
                    machine.answer(0, 0);
                    machine.answer(off, 0);
                    machine.answer(0, 0);
                }
                Happens::Restart => {
                    machine.restart();
                    watch = Watch::default();
                }
            }
            watch.look(&mut machine)?;
        }
        machine.wall = 0;
        for _ in 0..20 {
            machine.truth += 1000;
            machine.answer(0, 100);
            machine.look();
        }
        let end = machine.look();
        let off = end.now.as_millisecond() - START - machine.truth;
        prop_assert!(end.disagreement.is_none(), "{end:?}");
        prop_assert!(off.abs() <= 30_000 + ROUGH, "{off} off in the end: {end:?}");
    }
}

#[test]
fn the_bound_is_what_the_documentation_says() {
    assert_eq!(BOUND, TimeSpan::seconds(30));
}
