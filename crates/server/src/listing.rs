//! Conditions of a listing, from the query of a call or the form of a page.

use std::collections::BTreeSet;

use hallpass_access::{AccessError, Actor, ListingConditions, ListingQuery};
use hallpass_base::{Email, Timestamp, time};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::App;
use crate::problem::{ProblemResponse, bad_parameter};

/// Resolves the conditions of a call. Only callers who read everything learn that a name is
/// unknown; for others nothing matches.
pub(crate) async fn conditions(
    app: &App,
    actor: &Actor,
    query: &ListingQuery,
) -> Result<ListingConditions, ProblemResponse> {
    let found = app.access.conditions(query).await;
    let (only, unmatched) = found.map_err(AccessError::from)?;
    match unmatched.first() {
        Some(it) if actor.reads_all() => {
            let words = format!("no known {} matches `{}`", it.what, it.text);
            Err(bad_parameter(it.parameter, words))
        }
        Some(_) | None => Ok(only),
    }
}

/// Parses a parameter that is an instant with its zone.
pub(crate) fn instant(
    name: &str,
    text: Option<&str>,
) -> Result<Option<Timestamp>, ProblemResponse> {
    let read = text.map(time::instant).transpose();
    read.map_err(|error| bad_parameter(name, error))
}

/// Returns the user ids and addresses by which records name the people of a typed text.
pub(crate) async fn people_in_records(
    app: &App,
    text: Option<&str>,
) -> Result<Option<BTreeSet<String>>, AccessError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let users = app.access.people_named(text).await?;
    let directory = app.access.directory();
    let known = users.iter().filter_map(|user| directory.person(user));
    let emails = known.flat_map(|person| person.emails.iter().map(ToString::to_string));
    // records of other tools, and of people who left, may hold only the address
    let typed = Email::new(text).ok().map(|email| email.to_string());
    let ids = users.iter().map(ToString::to_string);
    Ok(Some(ids.chain(emails).chain(typed).collect()))
}

pub(crate) fn accounts_in_records(app: &App, text: Option<&str>) -> Option<BTreeSet<String>> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    let accounts = app.access.accounts_named(text);
    Some(accounts.iter().map(ToString::to_string).collect())
}

/// The instants of a form's first and last day, both inclusive, and what is wrong with them.
#[derive(Debug, Default)]
pub(crate) struct Days {
    pub(crate) from: Option<Timestamp>,
    /// Exclusive.
    pub(crate) to: Option<Timestamp>,
    pub(crate) problems: Vec<String>,
}

impl Days {
    pub(crate) fn of(from: &str, to: &str, zone: &TimeZone) -> Self {
        let mut problems = Vec::new();
        let mut day = |text: &str, what: &str| {
            let text = text.trim();
            if text.is_empty() {
                return None;
            }
            let day = time::day(text).ok();
            if day.is_none() {
                problems.push(format!("“{what}” is not a day such as 2026-11-20."));
            }
            day
        };
        let instant = |day: Date| Some(day.to_zoned(zone.clone()).ok()?.timestamp());
        let (from, to) = (day(from, "From"), day(to, "To"));
        Self {
            from: from.and_then(instant),
            to: to.and_then(|day| instant(day.tomorrow().ok()?)),
            problems,
        }
    }
}
