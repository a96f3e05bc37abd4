//! Alarms about configured guards without a recent status.

use std::sync::Arc;

use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_channels::wording::health;
use hallpass_guard::Status;

use super::journals::{GuardObserved, Journals};

/// Silence before an alarm (`access.md` §18).
const SILENT_AFTER: TimeSpan = TimeSpan::minutes(10);

#[derive(Clone)]
pub struct Guards {
    pub journals: Arc<Journals>,
    pub clock: Arc<dyn Clock>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct GuardReport {
    pub fine: Vec<String>,
    pub alarms: Vec<String>,
}

impl Guards {
    pub async fn said(&self) -> GuardReport {
        let (now, folder) = (self.clock.now(), self.journals.folder());
        let mut said = match self.journals.statuses().await {
            Ok(heard) => judge(&heard, now),
            Err(why) => GuardReport {
                alarms: vec![health::guard_says(&folder.display().to_string(), &why)],
                ..GuardReport::default()
            },
        };
        said.alarms.extend(self.journals.faults());
        said
    }
}

pub fn judge(heard: &[GuardObserved], now: Timestamp) -> GuardReport {
    let mut said = GuardReport::default();
    if heard.is_empty() {
        said.alarms.push(health::NO_GUARD_HEARD.to_owned());
    }
    for GuardObserved { name, said: status } in heard {
        match status {
            Err(why) => said.alarms.push(health::guard_is_unreadable(name, why)),
            Ok(status) => {
                if let Some(silent) = silence(status, now) {
                    said.alarms.push(silent);
                    continue;
                }
                let alarms = status.alarms();
                if alarms.is_empty() {
                    said.fine.push(well(status));
                }
                let told = alarms
                    .into_iter()
                    .map(|alarm| health::guard_says(name, &alarm));
                said.alarms.extend(told);
            }
        }
    }
    said
}

fn silence(status: &Status, now: Timestamp) -> Option<String> {
    let Some(at) = status.at else {
        return Some(health::guard_knows_no_time(&status.name));
    };
    let silent = TimeSpan::between(at, now);
    (silent > SILENT_AFTER).then(|| health::guard_is_silent(&status.name, silent))
}

fn well(status: &Status) -> String {
    let age = status.copy_age.unwrap_or(TimeSpan::ZERO);
    health::guard_is_well(&status.name, status.ends, age, status.bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        TimeSpan::seconds(seconds).after(Timestamp::from_second(1_780_000_000).unwrap())
    }

    fn heard(at: Option<Timestamp>) -> GuardObserved {
        GuardObserved {
            name: "g".to_owned(),
            said: Ok(Status {
                name: "g".to_owned(),
                at,
                bound: TimeSpan::minutes(1),
                source: None,
                copy_age: Some(TimeSpan::seconds(2)),
                ends: 3,
                overdue: 0,
                refused: 0,
                parked: Vec::new(),
                ended_total: 0,
                blindness: None,
                aws_silent_since: None,
                not_listed: None,
                wall_ahead_seconds: None,
                unwritten: 0,
            }),
        }
    }

    #[test]
    fn a_guard_that_was_not_heard_for_ten_minutes_is_an_alarm() {
        let now = at(10_000);
        let alarms = |heard: &[GuardObserved]| judge(heard, now).alarms;
        assert_eq!(alarms(&[heard(Some(at(9_990)))]), [""; 0]);
        assert_eq!(alarms(&[heard(Some(at(9_400)))]), [""; 0]);
        assert_eq!(
            alarms(&[heard(Some(at(9_399)))]),
            ["`g` last reported 10m 1s ago"]
        );
        assert_eq!(alarms(&[heard(None)]), ["`g` does not know the time yet"]);
        assert_eq!(alarms(&[]), ["no guard has ever reported"]);
        let broken = GuardObserved {
            name: "h".to_owned(),
            said: Err("gone".to_owned()),
        };
        let both = judge(&[heard(Some(now)), broken], now);
        assert_eq!(both.alarms, ["`h` cannot be read: gone"]);
        assert_eq!(both.fine.len(), 1);
    }

    #[test]
    fn what_a_guard_complains_of_is_passed_on() {
        let mut late = heard(Some(at(0)));
        if let Ok(status) = &mut late.said {
            status.overdue = 2;
        }
        let said = judge(&[late], at(5));
        assert_eq!(said.alarms, ["`g`: 2 ends are overdue"]);
    }
}
