//! Loop that consumes organization events.

use std::sync::Arc;
use std::time::Duration;

use hallpass_app::setup::waiting::rest;
use hallpass_base::TimeSpan;
use hallpass_findings::events::{EventIntake, EventRound};
use tokio::sync::watch;

const TRY_AGAIN: Duration = Duration::from_secs(10);
const FORGET_EVERY: u32 = 100;

pub(super) async fn watch(intake: Arc<EventIntake>, mut stop: watch::Receiver<bool>) {
    let mut failure = None;
    let mut rounds: u32 = 0;
    loop {
        // a stop does not wait: unstored results are redelivered
        let round = tokio::select! {
            round = intake.round() => round,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        match round {
            Ok(round) => {
                failure = None;
                note(&round);
            }
            Err(error) => {
                let words = error.to_string();
                if failure.as_ref() != Some(&words) {
                    tracing::error!(error = words, "events cannot be taken; it is tried again");
                    failure = Some(words);
                }
                if !rest(&mut stop, TRY_AGAIN).await {
                    return;
                }
            }
        }
        if rounds.is_multiple_of(FORGET_EVERY)
            && let Err(error) = intake.forget().await
        {
            tracing::warn!(error = %error, "events of yesterday could not be forgotten");
        }
        rounds = rounds.wrapping_add(1);
    }
}

fn note(round: &EventRound) {
    let counts = [
        ("handled", round.handled),
        ("unwanted", round.unwanted),
        ("repeated", round.repeated),
        ("parked", round.parked),
        ("again", round.again.len()),
    ];
    for (outcome, count) in counts {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        metrics::counter!("hallpass_events_total", "outcome" => outcome).increment(count);
    }
    let lag = round.lag.map_or(0, TimeSpan::as_seconds);
    let lag = u32::try_from(lag).unwrap_or(u32::MAX);
    metrics::gauge!("hallpass_events_lag_seconds").set(lag);
    if let Some(why) = round.again.first() {
        tracing::warn!(
            events = round.again.len(),
            why,
            "events stay in the queue for now"
        );
    }
    if round.parked > 0 {
        tracing::warn!(
            events = round.parked,
            "events were parked: `hallpass org events list` shows why"
        );
    }
    if round.received > 0 {
        tracing::info!(
            handled = round.handled,
            repeated = round.repeated,
            "events were taken"
        );
    }
}
