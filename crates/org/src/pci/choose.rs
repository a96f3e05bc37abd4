//! Whom a run acts on. Everything speaks against it: a log with a gap, a name that was guessed, a protected person, a
//! number that looks like a mistake (`inventory.md` H-19).

use std::collections::BTreeSet;

use hallpass_base::{Timestamp, UserId};
use serde::Serialize;

/// People of a run at most, and the share of all enabled people: the smaller counts, and one person may always go.
const PEOPLE_MAX: usize = 5;
const SHARE_PERCENT: usize = 5;

/// What somebody is acted on for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleBecause {
    /// Not there for too long.
    Inactive,
    /// A password that is too old, past its days of grace (`inventory.md` H-18).
    PasswordExpired,
}

/// Somebody who is over a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StalePerson {
    /// Who.
    pub user_id: UserId,
    /// The name they sign in with.
    pub user_name: String,
    /// For what.
    pub because: StaleBecause,
    /// For how many whole days.
    pub days: i64,
    /// Whether some of what is known was found by a name without its domain.
    pub is_weak_match: bool,
}

/// What the log is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenLog {
    /// The instant that was looked from.
    pub as_of: Timestamp,
    /// Since when it is whole; `None` where that is not known.
    pub coverage_from: Option<Timestamp>,
    /// Since when it has to be.
    pub needed_from: Timestamp,
    /// Files that were skipped.
    pub broken: u64,
    /// People of whom nothing can be said.
    pub unknown: usize,
    /// What it lacks of the Regions in which people sign in, in words.
    pub unseen_regions: Option<String>,
    /// Enabled people in all.
    pub enabled: usize,
}

/// What people set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeopleGuards {
    /// Never acted on: user names and ids, whatever their case.
    pub protected: Vec<String>,
    /// More people than usual.
    pub people_max: Option<usize>,
    /// Only these; everybody where it is empty.
    pub only: Vec<String>,
}

/// Somebody who is left alone, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftPerson {
    /// Who.
    #[serde(flatten)]
    pub person: StalePerson,
    /// `protected` or `weak_match`.
    pub why: &'static str,
}

/// Who is acted on, and who is not although they are over a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChosenPeople {
    /// By name.
    pub act: Vec<StalePerson>,
    /// By name.
    pub left: Vec<LeftPerson>,
}

/// Nobody is acted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActRefused {
    /// Files were skipped: what they hold may be what somebody did.
    #[error("{0} files of the log could not be read: what they hold may be what somebody did")]
    Broken(u64),
    /// The log does not reach back far enough.
    #[error("the log has to be whole since {needed}, and is {reach}")]
    Incomplete {
        /// Since when it has to be whole.
        needed: Timestamp,
        /// Since when it is, in words.
        reach: String,
    },
    /// People sign in where the log was not read.
    #[error("{0}: who signs in there alone looks inactive")]
    Regions(String),
    /// Of some people nothing can be said.
    #[error("of {0} people nothing can be said, so that the log is not what it should be")]
    Unknown(usize),
    /// Somebody was named who is not over a limit.
    #[error("`{0}` is not over a limit")]
    NotStale(String),
    /// More people than may be.
    #[error("{people} people are more than the {allowed} that may be acted on at once")]
    TooMany {
        /// Over a limit, and not left alone.
        people: usize,
        /// So many may be acted on.
        allowed: usize,
    },
}

fn reach(from: Option<Timestamp>) -> String {
    from.map_or_else(
        || "whole since nobody knows when".to_owned(),
        |from| format!("whole since {from}"),
    )
}

/// How many people may be acted on at once, of so many.
fn usual_max(enabled: usize) -> usize {
    PEOPLE_MAX.min(enabled * SHARE_PERCENT / 100).max(1)
}

/// Whether a name stands for somebody: their user name, whatever its case, or their id.
pub fn is_called(name: &str, user_name: &str, user_id: &UserId) -> bool {
    name.to_lowercase() == user_name.to_lowercase() || name == user_id.as_str()
}

fn is_named(person: &StalePerson, names: &[String]) -> bool {
    let mut names = names.iter();
    names.any(|it| is_called(it, &person.user_name, &person.user_id))
}

/// Whom to act on.
///
/// # Errors
/// As a whole: for what speaks against acting on anybody at all.
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
        // who is over both limits is one person
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

    /// An id with a name in it.
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
