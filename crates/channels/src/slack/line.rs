//! Grants waiting for AWS quotas or a lost home Region: their messages show the approximate wait,
//! redrawn only when it changes a step.

use std::collections::HashMap;
use std::time::Duration;

use crate::wording::{ChannelStyle, health, line};
use hallpass_access::{Grant, GrantFilter, GrantStateKind, InLine, ReadError};
use hallpass_base::{RequestId, TimeSpan, Timestamp};
use tokio::sync::watch;

use crate::slack::app::Slack;

const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Maximum grants checked: those behind already show a long wait.
const GRANTS_MAX: usize = 500;
const GRANTS_PAGE: u32 = 250;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LineFacts {
    /// Too short to mention.
    Moment,
    /// Maximum minutes.
    Minutes(u64),
    /// More than an hour.
    Long,
    /// Until Identity Center's home Region answers; since when it has not.
    UntilItAnswers(Timestamp),
}

impl LineFacts {
    /// Displayed wait steps: a message is edited when the step changes.
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

/// The last displayed wait per request.
#[derive(Debug, Default)]
pub struct ToldOfLine(HashMap<RequestId, LineFacts>);

/// Renders a queue position or a Region outage; `None` if not worth mentioning.
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
    pub(crate) async fn place_of(&self, grant: Option<&Grant>) -> Option<InLine> {
        let grants = [grant?.clone()];
        let places = self.inner.access.in_line(&grants).await;
        places.into_iter().next().flatten()
    }

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

    /// Redraws messages whose wait changed. `told` holds the previous state; a restart redraws each
    /// once, without effect if unchanged.
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
        // grants no longer waiting have other notices
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
            assert_ne!(
                LineFacts::of(place, Some(since)),
                LineFacts::of(place, None)
            );
        }
    }
}
