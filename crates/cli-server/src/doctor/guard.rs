//! Checks a guard's needs, and its recent journals.

use std::sync::Arc;
use std::time::Duration;

use hallpass_app::config::{EndsPlace, Loaded};
use hallpass_app::guard_files::ends::{ObjectEnds, read_file};
use hallpass_app::guard_files::journals::Journals;
use hallpass_app::guard_files::report::Guards;
use hallpass_app::guard_files::report::judge;
use hallpass_app::host::keys;
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::setup::heads::{Means, open_bucket};
use hallpass_app::setup::opening::aws_settings;
use hallpass_base::TimeSpan;
use hallpass_guard::{Ends as _, EndsCopy, EndsFault, Trust};

use super::DoctorReport;

const CHECK: &str = "guard";
/// A running server writes the file of ends at least every 30 s.
const ENDS_AGE_MAX: TimeSpan = TimeSpan::minutes(2);

pub(super) async fn check(loaded: &Loaded, report: &mut DoctorReport) {
    check_ends(loaded, report).await;
    let Some(folder) = loaded.guard_journal() else {
        let none = "none is configured: ends come from the server alone".to_owned();
        return report.warn(CHECK, none, "docs/how-to/guard.md says how to run one");
    };
    if let Err(failure) = loaded.guard_name() {
        report.add(CHECK, Err((failure.words(), "fix `guard.name`")));
    }
    let clock = Arc::new(hallpass_base::clock::SystemClock);
    let journals = Arc::new(Journals::new(folder));
    let removals = hallpass_access::GuardSource::removals(journals.as_ref(), Duration::ZERO).await;
    let ended = removals.iter().count();
    let said = match journals.statuses().await {
        Ok(heard) => judge(&heard, hallpass_base::clock::now()),
        Err(why) => return report.add(CHECK, Err((why, "check `guard.journal`"))),
    };
    let broken = Guards { journals, clock }.journals.faults();
    for alarm in said.alarms.into_iter().chain(broken) {
        report.add(
            CHECK,
            Err((alarm, "docs/operations/runbooks/guard-silent.md")),
        );
    }
    for fine in said.fine {
        report.add(
            CHECK,
            Ok(format!("{fine}; removals on record for {ended} keys")),
        );
    }
}

async fn check_ends(loaded: &Loaded, report: &mut DoctorReport) {
    const CHECK: &str = "file of ends";
    let (place, key) = match (loaded.ends_place(), loaded.own_key()) {
        (Ok(Some(place)), Ok(key)) => (place, key),
        (Ok(None), Ok(_)) => {
            let none = "none: a guard on another machine has no data".to_owned();
            return report.warn(CHECK, none, "set `audit.export.target` or `guard.ends`");
        }
        (Err(_), _) | (_, Err(_)) => return,
    };
    let (file, key) = match keys::public(&key) {
        Ok(public) => (key, public),
        Err(failure) => {
            let remedy = "run this as the server's user, who has to be able to read the key; restore one that is broken";
            return report.add(CHECK, Err((failure.words(), remedy)));
        }
    };
    let trust = key.map_or(Trust::Anyone, Trust::Key);
    let read = match &place {
        EndsPlace::File(path) if !path.exists() => {
            let none = format!("{place} does not exist yet");
            return report.warn(CHECK, none, "`hallpass serve` writes it");
        }
        EndsPlace::File(path) => read_file(path, trust),
        EndsPlace::Object { .. } => read_object(place, loaded, trust).await,
    };
    match read {
        Err(fault) => report.add(
            CHECK,
            Err((
                fault.to_string(),
                "start the server: it writes the file again; in a bucket it needs s3:PutObject, and \
                 s3:GetObject for this",
            )),
        ),
        Ok(copy) => {
            let age = copy.at.map_or(TimeSpan::ZERO, |at| {
                TimeSpan::between(at, hallpass_base::clock::now())
            });
            let signed = match key {
                Some(key) => format!("signed by {key}"),
                None => format!("not signed: there is no key `{}`", file.display()),
            };
            let words = format!("{} ends, {age} old, {signed}", copy.ends.len());
            if age > ENDS_AGE_MAX {
                report.warn(CHECK, words, "is the server running?");
            } else if key.is_none() {
                let remedy = "a guard that has `guard.public_key` refuses it: put the key back, or make one with `hallpass audit key --new`, and restart the server";
                report.warn(CHECK, words, remedy);
            } else {
                report.add(CHECK, Ok(words));
            }
        }
    }
}

async fn read_object(
    place: EndsPlace,
    loaded: &Loaded,
    trust: Trust,
) -> Result<EndsCopy, EndsFault> {
    let shown = place.to_string();
    let EndsPlace::Object { bucket, name } = place else {
        return Err(EndsFault::Unreadable {
            place: shown,
            message: "it is no object".to_owned(),
        });
    };
    let means = Means {
        aws: aws_settings(loaded),
        clock: Arc::new(hallpass_base::clock::SystemClock),
        ids: Arc::new(RandomIds),
    };
    match open_bucket(bucket, &means).await {
        Ok(source) => ObjectEnds::new(source, name, shown, trust).read().await,
        Err(failure) => Err(EndsFault::Unreadable {
            place: shown,
            message: failure.words(),
        }),
    }
}
