//! Accounts and their standards at work: one loop looks at those that are due, and now and then at the whole organization.

use std::time::Duration;

use hallpass_chores::standards_follow::StandardsFollowing;
use hallpass_model::Timestamp;
use hallpass_org::standards::{VisitEnd, Visited};
use hallpass_setup::waiting::rest;
use tokio::sync::watch;

/// How often is looked whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// After how long a look at the organization that failed is made again.
const TRY_AGAIN: Duration = Duration::from_mins(10);

/// Follows new accounts until the server stops.
pub(super) async fn watch(with: StandardsFollowing, mut stop: watch::Receiver<bool>) {
    let mut not_before = None;
    loop {
        // a stop does not wait: what was begun is found in its plan's journal
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
            tracing::error!(error = %fault, "new accounts cannot be looked at; it is tried again");
        }
    }
    let now = with.clock.now();
    if not_before.is_some_and(|it| now < it) {
        return;
    }
    let is_due = match with.visits.last_sweep().await {
        Ok(last) => last.is_none_or(|it| with.every.after(it) <= now),
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
                "standards of the organization were looked at"
            );
        }
        Err(error) => {
            *not_before = now.checked_add(TRY_AGAIN).ok();
            tracing::error!(error, "standards of the organization cannot be looked at");
        }
    }
}

fn note(visited: &Visited) {
    let (account, cause) = (&visited.visit.account, visited.visit.cause.name());
    let outcome = visited.end.name();
    metrics::counter!("hallpass_standards_visits_total", "outcome" => outcome).increment(1);
    match &visited.end {
        VisitEnd::AsWanted | VisitEnd::Changed | VisitEnd::Told(_) => {
            tracing::info!(%account, cause, outcome, "standards of an account were looked at");
        }
        VisitEnd::Later(why) => {
            tracing::info!(%account, cause, why, "standards of an account cannot be set yet");
        }
        VisitEnd::GivenUp(why) | VisitEnd::Failed(why) => {
            tracing::error!(%account, cause, outcome, why, "standards of an account are not as wanted");
        }
    }
}
