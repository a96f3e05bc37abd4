//! Grants that wait because AWS's limits bind, or because its home Region does not answer: their messages say about how long,
//! or since when, and are drawn anew when that becomes another answer, not every second.

use std::collections::HashMap;
use std::time::Duration;

use crate::wording::{ChannelStyle, health, line};
use hallpass_access::{Grant, GrantFilter, GrantStateKind, InLine, ReadError};
use hallpass_base::{RequestId, TimeSpan, Timestamp};
use tokio::sync::watch;

use crate::slack::app::Slack;

/// How often those who wait are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Grants looked at at most: whoever is behind more has heard that it takes long.
const GRANTS_MAX: usize = 500;
/// Grants read at once.
const GRANTS_PAGE: u32 = 250;

/// About how long a grant waits, as a message says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LineFacts {
    /// Nothing worth a word.
    Moment,
    /// So many minutes at most.
    Minutes(u64),
    /// More than an hour.
    Long,
    /// Until the home Region of Identity Center answers, which it has not since then.
    UntilItAnswers(Timestamp),
}

impl LineFacts {
    /// The steps a wait is told in: a message is edited when it takes another one.
    const STEPS: [u64; 6] = [2, 5, 10, 20, 30, 60];

    pub(crate) fn of(place: Option<InLine>, lost: Option<Timestamp>) -> Self {
        if let Some(since) = lost {
            return Self::UntilItAnswers(since);
        }
        let Some(place) = place.filter(|it| it.about >= TimeSpan::minutes(1)) else {
            return Self::Moment;
        };
        let minutes = place.about.as_seconds().div_ceil(60);
        let step = Self::STEPS.into_iter().find(|step| minutes <= *step);
        step.map_or(Self::Long, Self::Minutes)
    }
}

/// What each of those who wait was told last.
#[derive(Debug, Default)]
pub struct ToldOfLine(HashMap<RequestId, LineFacts>);

/// What a message says of a place in line, or of a home Region that is lost since then; nothing where it is not worth a word.
pub(crate) fn words(
    place: Option<InLine>,
    lost: Option<Timestamp>,
    style: &impl ChannelStyle,
) -> Option<String> {
    let time = match LineFacts::of(place, lost) {
        LineFacts::Moment => return None,
        LineFacts::UntilItAnswers(since) => {
            return Some(health::until_it_answers(&style.instant(since)));
        }
        LineFacts::Minutes(minutes) => format!("up to {minutes} min"),
        LineFacts::Long => "more than an hour".to_owned(),
    };
    Some(line::place(place?.before, &time))
}

impl Slack {
    /// The place in line of a grant, where it has one.
    pub(crate) async fn place_of(&self, grant: Option<&Grant>) -> Option<InLine> {
        let grants = [grant?.clone()];
        let places = self.inner.access.in_line(&grants).await;
        places.into_iter().next().flatten()
    }

    /// Keeps what messages say of the line true, until `stop`.
    pub async fn follow_line(&self, mut stop: watch::Receiver<bool>) {
        let mut told = ToldOfLine::default();
        while !*stop.borrow() {
            self.tell_line(&mut told).await;
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Grants that are not there yet.
    async fn in_line(&self) -> Result<Vec<Grant>, ReadError> {
        let mut filter = GrantFilter {
            states: vec![GrantStateKind::Scheduled, GrantStateKind::Granting],
            ..GrantFilter::default()
        };
        let mut all: Vec<Grant> = Vec::new();
        loop {
            let listed = self.inner.store.grants(&filter, GRANTS_PAGE).await?;
            all.extend(listed.rows);
            if listed.next.is_none() || all.len() >= GRANTS_MAX {
                return Ok(all);
            }
            filter.before = listed.next;
        }
    }

    /// Draws anew the messages of those whose wait became another. What was told before is in `told`;
    /// after a restart nothing is, and whoever waits is drawn once more, which changes nothing where it
    /// says the same.
    pub async fn tell_line(&self, told: &mut ToldOfLine) {
        let grants = match self.in_line().await {
            Ok(grants) => grants,
            Err(error) => {
                tracing::warn!(error = %error, "those who wait could not be read");
                return;
            }
        };
        let places = self.inner.access.in_line(&grants).await;
        let lost = self.inner.access.home_region_lost_since();
        let mut now = HashMap::new();
        for (grant, place) in grants.iter().zip(places) {
            let about = LineFacts::of(place, lost);
            let before = told.0.get(&grant.request).copied();
            let before = before.unwrap_or(LineFacts::Moment);
            if about != before {
                self.redraw(grant.request).await;
            }
            now.insert(grant.request, about);
        }
        // whoever does not wait any more has news of their own
        told.0 = now;
    }
}

#[cfg(test)]
mod tests {
    use crate::wording::PlainStyle;

    use super::*;

    fn place(before: u32, seconds: u64) -> InLine {
        InLine {
            before,
            about: TimeSpan::seconds(seconds),
        }
    }

    #[test]
    fn a_wait_is_told_in_steps() {
        for (place, wanted) in [
            (None, None),
            (Some(place(9, 59)), None),
            (Some(place(0, 60)), Some("next in line: up to 2 min")),
            (
                Some(place(1, 120)),
                Some("1 other is set up before it: up to 2 min"),
            ),
            (
                Some(place(30, 121)),
                Some("30 others are set up before it: up to 5 min"),
            ),
            (
                Some(place(30, 300)),
                Some("30 others are set up before it: up to 5 min"),
            ),
            (
                Some(place(400, 3_600)),
                Some("400 others are set up before it: up to 60 min"),
            ),
            (
                Some(place(900, 3_601)),
                Some("900 others are set up before it: more than an hour"),
            ),
        ] {
            let said = words(place, None, &PlainStyle);
            assert_eq!(said.as_deref(), wanted, "{place:?}");
        }
    }

    #[test]
    fn a_lost_home_region_is_told_whatever_the_place_in_line() {
        let since = Timestamp::from_second(1_780_000_000).unwrap();
        for place in [None, Some(place(30, 300))] {
            let said = words(place, Some(since), &PlainStyle).unwrap();
            assert!(
                said.contains("has not answered since 2026-05-28 20:26"),
                "{said}"
            );
            // it is drawn anew when it answers again
            assert_ne!(
                LineFacts::of(place, Some(since)),
                LineFacts::of(place, None)
            );
        }
    }
}
