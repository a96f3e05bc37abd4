//! What a guard needs, and whether it was heard.

use std::sync::Arc;

use hallpass_guard::Trust;
use hallpass_model::Span;

use super::Report;
use crate::compose::{Guards, judge};
use crate::config::Loaded;
use crate::guards::ends::read_file;
use crate::guards::journals::Journals;
use crate::{clock, keys};

const CHECK: &str = "guard";
/// A running server writes the file of ends at least every half minute.
const ENDS_AGE_MAX: Span = Span::minutes(2);

/// The folder of journals, what was heard, the file of ends and the key it is signed with.
pub(super) async fn check(loaded: &Loaded, report: &mut Report) {
    check_ends(loaded, report);
    let Some(folder) = loaded.guard_journal() else {
        let none = "none is configured: ends come from the server alone".to_owned();
        return report.warn(CHECK, none, "docs/guide/guard.md says how to run one");
    };
    if let Err(failure) = loaded.guard_name() {
        report.add(CHECK, Err((failure.words(), "fix `guard.name`")));
    }
    let clock = Arc::new(clock::SystemClock);
    let journals = Arc::new(Journals::new(folder));
    // reads the journals, so that broken ones are known
    let removals = hallpass_access::GuardSource::removals(journals.as_ref()).await;
    let ended = removals.iter().count();
    let said = match journals.statuses().await {
        Ok(heard) => judge(&heard, clock::now()),
        Err(why) => return report.add(CHECK, Err((why, "check `guard.journal`"))),
    };
    let broken = Guards { journals, clock }.journals.faults();
    for alarm in said.alarms.into_iter().chain(broken) {
        report.add(CHECK, Err((alarm, "docs/runbooks/guard-silent.md")));
    }
    for fine in said.fine {
        report.add(
            CHECK,
            Ok(format!("{fine}; removals on record for {ended} keys")),
        );
    }
}

fn check_ends(loaded: &Loaded, report: &mut Report) {
    const CHECK: &str = "file of ends";
    let (path, store) = match (loaded.ends_file(), loaded.sqlite()) {
        (Ok(Some(path)), Ok(store)) => (path, store),
        (Ok(None), Ok(_)) => {
            let none = "none: a guard on another machine has nothing to go by".to_owned();
            return report.warn(CHECK, none, "set `audit.export.target` or `guard.ends`");
        }
        // told by the checks of the export and the store
        (Err(_), _) | (_, Err(_)) => return,
    };
    let key = match keys::public(&store) {
        Ok(key) => key,
        Err(failure) => {
            return report.add(
                CHECK,
                Err((failure.words(), "restore the key from a backup")),
            );
        }
    };
    if !path.exists() {
        let none = format!("`{}` does not exist yet", path.display());
        return report.warn(CHECK, none, "`hallpass serve` writes it");
    }
    let trust = key.map_or(Trust::Anyone, Trust::Key);
    match read_file(&path, trust) {
        Err(fault) => report.add(
            CHECK,
            Err((
                fault.to_string(),
                "start the server: it writes the file anew",
            )),
        ),
        Ok(copy) => {
            let age = copy
                .at
                .map_or(Span::ZERO, |at| Span::between(at, clock::now()));
            let signed = key.map_or("not signed".to_owned(), |key| format!("signed by {key}"));
            let words = format!("{} ends, {age} old, {signed}", copy.ends.len());
            if age > ENDS_AGE_MAX {
                report.warn(CHECK, words, "is the server running?");
            } else {
                report.add(CHECK, Ok(words));
            }
        }
    }
}
