//! Loop that applies standards to due accounts, and periodically checks the whole organization.

use std::time::Duration;

use hallpass_app::chores::standards_follow::StandardsFollowing;
use hallpass_app::setup::waiting::rest;
use hallpass_base::{Look, TimeSpan, Timestamp};
use hallpass_org::standards::{VisitEnd, Visited};
use tokio::sync::watch;

const LOOK_EVERY: Duration = Duration::from_secs(2);
const TRY_AGAIN: Duration = Duration::from_mins(10);
/// Node clocks differ by less.
const AHEAD_MAX: TimeSpan = TimeSpan::minutes(1);

pub(super) async fn watch(with: StandardsFollowing, mut stop: watch::Receiver<bool>) {
    let mut not_before = None;
    loop {
        // a stop does not wait: the plan's journal has started work
        tokio::select! {
            () = look(&with, &mut not_before) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
        if !rest(&mut stop, LOOK_EVERY).await {
            return;
        }
    }
}

async fn look(with: &StandardsFollowing, not_before: &mut Option<Timestamp>) {
    match with.follower.work().await {
        Ok(all) => all.iter().for_each(note),
        Err(fault) => {
            tracing::error!(error = %fault, "new accounts cannot be checked; it is tried again");
        }
    }
    let seen = with.clock.look();
    let now = seen.now;
    if not_before.is_some_and(|it| now < it) {
        return;
    }
    let is_due = match with.visits.last_sweep().await {
        Ok(last) => is_due(last, with.every, seen),
        Err(_) => false,
    };
    if !is_due {
        return;
    }
    match with.follower.sweep().await {
        Ok(swept) => {
            *not_before = None;
            tracing::info!(
                differing = swept.differing.len(),
                asked = swept.asked.len(),
                unknown = swept.unknown.len(),
                "standards of the organization were checked"
            );
        }
        Err(error) => {
            *not_before = now.checked_add(TRY_AGAIN).ok();
            tracing::error!(error, "standards of the organization cannot be checked");
        }
    }
}

/// Whether the organization check is due. Not by a wrong clock; a future last check came from one
/// and delays nothing.
fn is_due(last: Option<Timestamp>, every: TimeSpan, seen: Look) -> bool {
    let ahead = AHEAD_MAX.after(seen.now);
    let is_time = last.is_none_or(|at| at > ahead || every.after(at) <= seen.now);
    seen.disagreement.is_none() && is_time
}

fn note(visited: &Visited) {
    let (account, cause) = (&visited.visit.account, visited.visit.cause.name());
    let outcome = visited.end.name();
    metrics::counter!("hallpass_standards_visits_total", "outcome" => outcome).increment(1);
    match &visited.end {
        VisitEnd::AsWanted | VisitEnd::Changed | VisitEnd::Told(_) => {
            tracing::info!(%account, cause, outcome, "standards of an account were checked");
        }
        VisitEnd::Later(why) => {
            tracing::info!(%account, cause, why, "standards of an account cannot be set yet");
        }
        VisitEnd::GivenUp(why) | VisitEnd::Failed(why) => {
            tracing::error!(%account, cause, outcome, why, "standards of an account are not as wanted");
        }
    }
}

#[cfg(test)]
mod tests {
    use hallpass_base::Disagreement;

    use super::*;

    #[test]
    fn a_look_by_a_clock_that_was_ahead_puts_off_none() {
        let hour = TimeSpan::hours(1);
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let seen = |disagreement| Look {
            now,
            elsewhere: now,
            disagreement,
        };
        for (last, due) in [
            (None, true),
            (Some(hour.before(now)), true),
            (Some(TimeSpan::minutes(59).before(now)), false),
            (Some(TimeSpan::seconds(30).after(now)), false),
            (Some(TimeSpan::hours(720).after(now)), true),
        ] {
            assert_eq!(is_due(last, hour, seen(None)), due, "{last:?}");
        }
        assert!(!is_due(None, hour, seen(Some(Disagreement::Unconfirmed))));
    }
}
