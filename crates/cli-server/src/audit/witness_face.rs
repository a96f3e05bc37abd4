use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_app::host::status_http::{Face, Numbers};
use hallpass_audit::{Alarm, AlarmKind, WitnessMemory};
use hallpass_base::clock::now;
use hallpass_base::{TimeSpan, Timestamp};

#[derive(Default)]
pub(super) struct WitnessFace(Mutex<WitnessView>);

#[derive(Default)]
struct WitnessView {
    memory: Option<WitnessMemory>,
    countersigned: u64,
    unread: Option<String>,
    alarm: Option<Alarm>,
}

impl WitnessFace {
    fn shown(&self) -> MutexGuard<'_, WitnessView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seen(&self, memory: &WitnessMemory) {
        let mut shown = self.shown();
        shown.memory = Some(memory.clone());
        shown.unread = None;
    }

    pub(super) fn unread(&self, why: &str) {
        self.shown().unread = Some(why.to_owned());
    }

    pub(super) fn countersigned(&self) {
        self.shown().countersigned += 1;
    }

    pub(super) fn alarmed(&self, alarm: &Alarm) {
        self.shown().alarm = Some(alarm.clone());
    }
}

impl Face for WitnessFace {
    fn alarms(&self) -> Vec<String> {
        let shown = self.shown();
        let alarm = shown.alarm.as_ref().map(ToString::to_string);
        alarm.into_iter().chain(shown.unread.clone()).collect()
    }

    fn numbers(&self) -> Numbers {
        numbers_of(&self.shown(), now())
    }
}

fn age(at: Timestamp, now: Timestamp) -> String {
    TimeSpan::between(at, now).as_seconds().to_string()
}

fn numbers_of(shown: &WitnessView, now: Timestamp) -> Numbers {
    let mut numbers = Numbers::default();
    let mut gauge = |name: &str, help: &str, value: Option<String>| {
        numbers.add(name, "gauge", help, value);
    };
    let memory = shown.memory.as_ref();
    let head = memory.and_then(|memory| memory.head.as_ref());
    let record = head.map(|head| head.seq.to_string());
    gauge(
        "witness_head_record",
        "The record that the newest head names.",
        record,
    );
    let published = head.map(|head| age(head.at, now));
    let help = "Since when that head is published, by the server's clock.";
    gauge("witness_head_age_seconds", help, published);
    let signed = head.map(|head| u64::from(head.signed).to_string());
    gauge("witness_head_signed", "1 when that head is signed.", signed);
    let looked = memory.map(|memory| age(memory.looked_at, now));
    let help = "Since when the export was not read to its end.";
    gauge("witness_looked_age_seconds", help, looked);
    let uncovered = memory
        .and_then(|memory| memory.uncovered_since)
        .map_or("0".to_owned(), |since| age(since, now));
    let help = "Since when there are records that no head stands for.";
    gauge("witness_uncovered_seconds", help, Some(uncovered));
    let help = "1 while the export cannot be read.";
    let unread = u64::from(shown.unread.is_some()).to_string();
    gauge("witness_unread", help, Some(unread));
    let help = "Heads countersigned since this process began.";
    let countersigned = shown.countersigned.to_string();
    numbers.add(
        "witness_countersigned_total",
        "counter",
        help,
        Some(countersigned),
    );
    let help = "1 for an alarm that a person has to check.";
    numbers.add("witness_alarm", "gauge", help, None);
    for kind in KINDS {
        let stands = shown.alarm.as_ref().is_some_and(|alarm| alarm.kind == kind);
        let labels = format!("kind=\"{}\"", kind.name());
        numbers.labelled("witness_alarm", &labels, u64::from(stands));
    }
    numbers
}

const KINDS: [AlarmKind; 7] = [
    AlarmKind::Fork,
    AlarmKind::Rollback,
    AlarmKind::Silence,
    AlarmKind::Changed,
    AlarmKind::Missing,
    AlarmKind::Reordered,
    AlarmKind::Forged,
];

#[cfg(test)]
mod tests {
    use super::*;
    use hallpass_app::host::status_http::page;

    #[test]
    fn monitoring_sees_what_is_followed_and_what_is_wrong() {
        let face = WitnessFace::default();
        let get = |path: &str| page(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes(), &face);
        let has = |line: &str| {
            let (_, text) = get("/metrics");
            assert!(
                text.lines().any(|it| it == line),
                "{line} is not in\n{text}"
            );
        };
        face.seen(&WitnessMemory::first_look(now()));
        face.countersigned();
        assert_eq!(get("/healthz").0, "200 OK");
        has("witness_countersigned_total 1");
        has("witness_uncovered_seconds 0");
        has("witness_alarm{kind=\"fork\"} 0");
        face.unread("no such bucket");
        assert_eq!(
            get("/healthz"),
            ("503 Service Unavailable", "no such bucket\n".to_owned())
        );
        has("witness_unread 1");
        face.seen(&WitnessMemory::first_look(now()));
        face.alarmed(&Alarm {
            kind: AlarmKind::Fork,
            seq: 7,
            detail: "it is not what it was".to_owned(),
        });
        let (code, text) = get("/healthz");
        assert_eq!(code, "503 Service Unavailable");
        assert_eq!(text, "fork: record 7: it is not what it was\n");
        has("witness_alarm{kind=\"fork\"} 1");
        has("witness_alarm{kind=\"forged\"} 0");
    }
}
