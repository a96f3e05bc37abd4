//! People who are out of office, and who approves in their place (`access.md` §27).

use hallpass_audit::Event;
use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::records::{Doer, StepContext};
use crate::{Actor, Change, Person, Write};

/// The longest absence, from now.
const LONGEST: TimeSpan = TimeSpan::hours(180 * 24);

/// The newest absence of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    pub person: Person,
    pub since: Timestamp,
    pub until: Timestamp,
    /// Approves in the place of the person; never beyond what the person could approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<Person>,
    /// The person, or an administrator.
    pub set_by: Person,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl Absence {
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AbsenceProblem {
    #[error("an absence ends later than now, and within {LONGEST}")]
    BadEnd,
    #[error("a person cannot be their own delegate: name another person")]
    OwnDelegate,
    #[error("the delegate is not an enabled user of the directory")]
    UnknownDelegate,
}

impl AbsenceProblem {
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadEnd => "bad-absence-end",
            Self::OwnDelegate => "own-delegate",
            Self::UnknownDelegate => "unknown-delegate",
        }
    }
}

pub(crate) struct AbsenceForm {
    pub(crate) person: Person,
    pub(crate) until: Timestamp,
    pub(crate) delegate: Option<Person>,
}

pub(crate) fn set(
    form: AbsenceForm,
    before: Option<&Absence>,
    (actor, by): (&Actor, Person),
    step: StepContext<'_>,
) -> Result<(Change, Absence), AbsenceProblem> {
    let now = step.now;
    if form.until <= now || LONGEST.after(now) < form.until {
        return Err(AbsenceProblem::BadEnd);
    }
    let is_own = |it: &Person| it.user == form.person.user;
    if form.delegate.as_ref().is_some_and(is_own) {
        return Err(AbsenceProblem::OwnDelegate);
    }
    let current = before.filter(|it| it.is_in_force(now));
    let absence = Absence {
        since: current.map_or(now, |it| it.since),
        until: form.until,
        delegate: form.delegate,
        set_by: by,
        version: before.map_or(0, |it| it.version),
        person: form.person,
    };
    let delegate = absence.delegate.as_ref();
    let what = delegate.map_or_else(
        || "no delegate".to_owned(),
        |it| format!("delegate: {} ({})", it.email, it.user),
    );
    let record = step
        .of_person(Event::AbsenceSet, Doer::Person(actor), &absence.person)
        .ends_at(absence.until)
        .why(&what);
    let write = match before {
        Some(_) => Write::Update(absence.clone()),
        None => Write::Insert(absence.clone()),
    };
    let change = Change {
        absences: vec![write],
        audit: vec![record],
        ..Change::default()
    };
    Ok((change, absence))
}

/// Ends an absence now.
pub(crate) fn end(absence: &Absence, actor: &Actor, step: StepContext<'_>) -> Change {
    let ended = Absence {
        until: step.now,
        ..absence.clone()
    };
    let record = step.of_person(Event::AbsenceEnded, Doer::Person(actor), &ended.person);
    Change {
        absences: vec![Write::Update(ended)],
        audit: vec![record],
        ..Change::default()
    }
}
