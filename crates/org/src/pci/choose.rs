//! Selects the people of a run. Anything doubtful prevents an action: a gap in the log, a guessed
//! name, a protected person, an implausible number (`inventory.md` H-19).

use std::collections::BTreeSet;

use hallpass_base::{Timestamp, UserId};
use serde::Serialize;

/// Limit of people per run, and as a share of enabled people: the smaller applies, but at least one
/// person.
const PEOPLE_MAX: usize = 5;
const SHARE_PERCENT: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleBecause {
    /// Inactive for too long.
    Inactive,
    /// A password too old, after its grace period (`inventory.md` H-18).
    PasswordExpired,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StalePerson {
    pub user_id: UserId,
    pub user_name: String,
    pub because: StaleBecause,
    /// Whole days.
    pub days: i64,
    /// Some data matched a name without its domain.
    pub is_weak_match: bool,
}

/// Completeness of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenLog {
    pub as_of: Timestamp,
    /// Start of complete data; `None` if unknown.
    pub coverage_from: Option<Timestamp>,
    pub needed_from: Timestamp,
    /// Skipped files.
    pub broken: u64,
    pub unknown: usize,
    /// Missing Regions in which people sign in.
    pub unseen_regions: Option<String>,
    pub enabled: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleGuards {
    /// Never acted on: user names and ids, case-insensitive.
    pub protected: Vec<String>,
    /// Raises the usual limit.
    pub people_max: Option<usize>,
    /// Empty for all.
    pub only: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftPerson {
    #[serde(flatten)]
    pub person: StalePerson,
    pub why: &'static str,
}

/// People to act on, and excluded people above a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChosenPeople {
    pub act: Vec<StalePerson>,
    pub left: Vec<LeftPerson>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActRefused {
    /// Skipped files may contain activity.
    #[error("{0} files of the log could not be read: they may hold activity")]
    Broken(u64),
    /// The log starts too late.
    #[error("the log has to be whole since {needed}, and is {reach}")]
    Incomplete { needed: Timestamp, reach: String },
    /// People sign in outside the read Regions.
    #[error("{0}: who signs in there alone looks inactive")]
    Regions(String),
    #[error("{0} people cannot be judged, so the log is not as it should be")]
    Unknown(usize),
    /// A named person is not above a limit.
    #[error("`{0}` is not over a limit")]
    NotStale(String),
    #[error("{people} people are more than the {allowed} allowed per run")]
    TooMany { people: usize, allowed: usize },
}

fn reach(from: Option<Timestamp>) -> String {
    from.map_or_else(
        || "whole since an unknown time".to_owned(),
        |from| format!("whole since {from}"),
    )
}

fn usual_max(enabled: usize) -> usize {
    PEOPLE_MAX.min(enabled * SHARE_PERCENT / 100).max(1)
}

/// Matches a user name, case-insensitive, or an id.
pub fn is_called(name: &str, user_name: &str, user_id: &UserId) -> bool {
    name.to_lowercase() == user_name.to_lowercase() || name == user_id.as_str()
}

fn is_named(person: &StalePerson, names: &[String]) -> bool {
    let mut names = names.iter();
    names.any(|it| is_called(it, &person.user_name, &person.user_id))
}

/// Selects the people.
///
/// # Errors
/// A reason against any action in this run.
pub fn choose(
    stale: &[StalePerson],
    log: &SeenLog,
    guards: &PeopleGuards,
) -> Result<ChosenPeople, ActRefused> {
    if log.broken > 0 {
        return Err(ActRefused::Broken(log.broken));
    }
    if log.coverage_from.is_none_or(|from| from > log.needed_from) {
        return Err(ActRefused::Incomplete {
            needed: log.needed_from,
            reach: reach(log.coverage_from),
        });
    }
    if let Some(words) = &log.unseen_regions {
        return Err(ActRefused::Regions(words.clone()));
    }
    if log.unknown > 0 {
        return Err(ActRefused::Unknown(log.unknown));
    }
    let is_over = |name: &&String| {
        !stale
            .iter()
            .any(|it| is_named(it, std::slice::from_ref(*name)))
    };
    if let Some(name) = guards.only.iter().find(is_over) {
        return Err(ActRefused::NotStale(name.clone()));
    }
    let mut chosen = ChosenPeople::default();
    let mut seen = BTreeSet::new();
    for person in stale {
        let is_meant = guards.only.is_empty() || is_named(person, &guards.only);
        if !is_meant || !seen.insert(&person.user_id) {
            continue;
        }
        let why = if is_named(person, &guards.protected) {
            "protected"
        } else if person.is_weak_match {
            "weak_match"
        } else {
            chosen.act.push(person.clone());
            continue;
        };
        let person = person.clone();
        chosen.left.push(LeftPerson { person, why });
    }
    chosen.act.sort_by(|a, b| a.user_name.cmp(&b.user_name));
    let allowed = guards.people_max.unwrap_or_else(|| usual_max(log.enabled));
    let people = chosen.act.len();
    if people > allowed {
        return Err(ActRefused::TooMany { people, allowed });
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> String {
        let hex = name
            .bytes()
            .fold(String::new(), |hex, it| format!("{hex}{it:02x}"));
        format!("{hex:0<8}-0000-4000-8000-000000000000")
    }

    fn person(name: &str, days: i64) -> StalePerson {
        StalePerson {
            user_id: UserId::new(id(name)).unwrap(),
            user_name: name.to_owned(),
            because: StaleBecause::Inactive,
            days,
            is_weak_match: false,
        }
    }

    fn log() -> SeenLog {
        SeenLog {
            as_of: "2026-04-01T00:00:00Z".parse().unwrap(),
            coverage_from: Some("2025-12-01T00:00:00Z".parse().unwrap()),
            needed_from: "2026-01-01T00:00:00Z".parse().unwrap(),
            broken: 0,
            unknown: 0,
            unseen_regions: None,
            enabled: 200,
        }
    }

    fn names(chosen: &ChosenPeople) -> Vec<&str> {
        chosen.act.iter().map(|it| it.user_name.as_str()).collect()
    }

    #[test]
    fn h_19_an_incomplete_log_refuses_everything() {
        let stale = [person("ana", 100)];
        let guards = PeopleGuards::default();
        assert_eq!(names(&choose(&stale, &log(), &guards).unwrap()), ["ana"]);
        let late = "2026-01-01T00:00:01Z".parse().unwrap();
        for log in [
            SeenLog {
                coverage_from: None,
                ..log()
            },
            SeenLog {
                coverage_from: Some(late),
                ..log()
            },
            SeenLog { broken: 1, ..log() },
            SeenLog {
                unknown: 1,
                ..log()
            },
            SeenLog {
                unseen_regions: Some("the log has nothing of us-east-1".to_owned()),
                ..log()
            },
        ] {
            assert!(choose(&stale, &log, &guards).is_err(), "{log:?}");
        }
    }

    #[test]
    fn h_19_five_people_or_five_percent_and_never_the_protected() {
        let stale: Vec<StalePerson> = (0..6).map(|n| person(&format!("p{n}"), 100)).collect();
        let guards = PeopleGuards::default();
        assert_eq!(
            choose(&stale, &log(), &guards),
            Err(ActRefused::TooMany {
                people: 6,
                allowed: 5
            })
        );
        let small = SeenLog {
            enabled: 45,
            ..log()
        };
        assert_eq!(
            choose(&stale[..3], &small, &guards),
            Err(ActRefused::TooMany {
                people: 3,
                allowed: 2
            })
        );
        let tiny = SeenLog {
            enabled: 3,
            ..log()
        };
        assert_eq!(choose(&stale[..1], &tiny, &guards).unwrap().act.len(), 1);
        let raised = PeopleGuards {
            people_max: Some(6),
            ..guards.clone()
        };
        assert_eq!(choose(&stale, &log(), &raised).unwrap().act.len(), 6);
        let guarded = PeopleGuards {
            protected: vec!["P0".to_owned(), id("p1")],
            ..guards.clone()
        };
        let chosen = choose(&stale[..3], &log(), &guarded).unwrap();
        assert_eq!(names(&chosen), ["p2"]);
        assert_eq!(chosen.left.len(), 2);
        let only = PeopleGuards {
            only: vec!["p3".to_owned()],
            ..guards.clone()
        };
        assert_eq!(names(&choose(&stale, &log(), &only).unwrap()), ["p3"]);
        let wrong = PeopleGuards {
            only: vec!["ben".to_owned()],
            ..guards
        };
        assert_eq!(
            choose(&stale, &log(), &wrong),
            Err(ActRefused::NotStale("ben".to_owned()))
        );
    }

    #[test]
    fn a_weak_match_is_left_alone_and_somebody_is_acted_on_once() {
        let weak = StalePerson {
            is_weak_match: true,
            ..person("ben", 120)
        };
        let twice = StalePerson {
            because: StaleBecause::PasswordExpired,
            ..person("ana", 130)
        };
        let stale = [person("ana", 100), weak, twice];
        let chosen = choose(&stale, &log(), &PeopleGuards::default()).unwrap();
        assert_eq!(names(&chosen), ["ana"]);
        assert_eq!((chosen.left.len(), chosen.left[0].why), (1, "weak_match"));
    }
}
