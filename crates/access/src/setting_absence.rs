//! Sets and ends absences; pure.

use hallpass_audit::Event;
use hallpass_base::Timestamp;

use crate::absence::LONGEST;
use crate::records::{Doer, StepContext};
use crate::{Absence, AbsenceProblem, Actor, Change, Person, Write};

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
