use hallpass_app::config::Loaded;
use hallpass_terminal::exit::Failure;

use super::DoctorReport;

const CHECK: &str = "people";

/// Reports how departures are detected; warns if only by directory reads.
pub(super) fn check(loaded: &Loaded, report: &mut DoctorReport) {
    match words(loaded) {
        Ok((words, true)) => report.add(CHECK, Ok(words)),
        Ok((words, false)) => report.warn(
            CHECK,
            words,
            "set `access.people_every` to 30s, or name the queue of events in `events.queue`",
        ),
        Err(failure) => report.add(CHECK, Err((failure.words(), "fix `events.queue`"))),
    }
}

/// Renders the sources and whether there is one. The server cannot check whether bus rules forward
/// identity store events to the queue.
fn words(loaded: &Loaded) -> Result<(String, bool), Failure> {
    let (every, queue) = (loaded.settings().people_every, loaded.event_queue()?);
    let timed = every.map(|every| format!("every {every}"));
    let told =
        queue.map(|_| "immediately when `events.queue` brings an event of the identity store");
    Ok(match (timed, told) {
        (Some(timed), Some(told)) => (format!("checked {timed}, and {told}"), true),
        (Some(timed), None) => (format!("checked {timed}; `events.queue` is not set"), true),
        (None, Some(told)) => (format!("checked {told}, and with the organization"), true),
        (None, None) => ("checked with the organization alone".to_owned(), false),
    })
}
