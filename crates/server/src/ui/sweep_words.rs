use hallpass_access::{Sweep, SweepState, Trigger};
use hallpass_channels::wording::standing;

use super::people::count_of;
use super::presenter::Presenter;
use super::words::{Badge, capital, plain, sentence};

pub(super) fn why(view: &Presenter, run: &Sweep) -> String {
    match &run.trigger {
        Trigger::Check => "Check".to_owned(),
        Trigger::Schedule => "Schedule".to_owned(),
        Trigger::Person { by } => capital(&view.named(by)),
        Trigger::Campaign { by, .. } => format!("Access review, by {}", view.named(by)),
        Trigger::SwitchedOff => "Switched off".to_owned(),
    }
}

pub(super) fn badge(state: &SweepState) -> Badge {
    let (word, look) = match state {
        SweepState::Queued => ("Queued", "pending"),
        SweepState::Running => ("Looking", "pending"),
        SweepState::Interrupted { .. } => ("Interrupted", "ended"),
        SweepState::Failed { .. } => ("Failed", "failed"),
        SweepState::Planned { .. } => ("Plan waits", "pending"),
        SweepState::Stopped { .. } => ("Stopped", "failed"),
        SweepState::Replaced { .. } => ("Replaced", "discarded"),
        SweepState::Working { .. } => ("In progress", "ending"),
        SweepState::Done { .. } => ("Done", "active"),
    };
    Badge { word, look }
}

pub(super) fn state_words(view: &Presenter, run: &Sweep) -> String {
    match &run.state {
        SweepState::Queued => "It looks next.".to_owned(),
        SweepState::Running => "It reads existing access.".to_owned(),
        SweepState::Interrupted { .. } => "The server stopped meanwhile; started again.".to_owned(),
        SweepState::Failed { error, .. } => sentence(&plain(error)),
        SweepState::Planned { .. } => {
            "Nothing is done before an administrator confirms it.".to_owned()
        }
        SweepState::Stopped { brake, .. } => sentence(&brake.to_string()),
        SweepState::Replaced { .. } => "A newer plan took its place; nothing was done.".to_owned(),
        SweepState::Working { since } => format!("Acting since {}.", view.words(*since)),
        SweepState::Done { .. } => match &run.report {
            Some(report) if report.to_act > 0 => {
                let count = usize::try_from(report.to_act).unwrap_or(usize::MAX);
                format!("It acted on {}.", count_of(count, "item", "items"))
            }
            Some(_) | None => "It reported, and changed nothing.".to_owned(),
        },
    }
}

pub(super) fn lead(view: &Presenter, run: &Sweep) -> String {
    let words = state_words(view, run);
    let mode = sentence(&standing::mode(run.mode));
    format!("{words} {mode}")
}
