//! Reads Identity Center changes from a CloudTrail log.

use std::collections::BTreeSet;

use hallpass_activity::{
    CenterChange, EventNames, LogFault, LogFiles as _, LogScope, read_center_changes,
};
use hallpass_app::log_files::{Fingerprints, LogPlace, files_of};
use hallpass_app::reports::pci::{EventLookup, each_page};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_org::ReadCalls;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(super) struct LoggedChanges {
    pub(super) changes: Vec<CenterChange>,
    pub(super) unread: u64,
}

pub(super) struct ChangesWanted<'a> {
    pub(super) names: &'a BTreeSet<&'static str>,
    pub(super) region: &'a str,
    pub(super) now: Timestamp,
    pub(super) days: u32,
}

impl ChangesWanted<'_> {
    fn since(&self) -> Timestamp {
        TimeSpan::hours(24 * u64::from(self.days)).before(self.now)
    }
}

/// Queries CloudTrail in the account of the credentials; one pass per event name.
pub(super) async fn look_up(calls: &dyn ReadCalls, wanted: &ChangesWanted<'_>) -> LoggedChanges {
    let mut found = LoggedChanges {
        changes: Vec::new(),
        unread: 0,
    };
    for name in wanted.names {
        let names = EventNames::new([*name]);
        let lookup = EventLookup {
            account: None,
            region: wanted.region,
            name,
            from: wanted.since(),
            until: wanted.now,
        };
        let changes = &mut found.changes;
        let mut read_page = |page: &str| read(page.as_bytes(), &names, changes).err();
        if let Some(fault) = each_page(calls, &lookup, &mut read_page).await {
            found.unread += 1;
            let what = format!("lookup of {name} in {}", wanted.region);
            output::say(&format!(
                "not read: {what}: {}",
                output::plain(&fault.to_string())
            ));
        }
    }
    found
}

pub(super) fn of_files(
    place: &LogPlace,
    wanted: &ChangesWanted<'_>,
) -> Result<LoggedChanges, Failure> {
    let first = wanted.since().to_zoned(TimeZone::UTC).date();
    let scope = LogScope {
        accounts: BTreeSet::new(),
        regions: [wanted.region.to_owned()].into(),
        days: first..=Date::MAX,
    };
    let names = EventNames::new(wanted.names.iter().copied());
    let mut found = LoggedChanges {
        changes: Vec::new(),
        unread: 0,
    };
    for source in files_of(std::slice::from_ref(place), &scope, Fingerprints::None)? {
        source.files.ahead(&source.found);
        for file in &source.found {
            let read = match source.files.open(&file.path) {
                Ok(bytes) => {
                    read(bytes, &names, &mut found.changes).map_err(|fault| fault.to_string())
                }
                Err(error) => Err(error.to_string()),
            };
            if let Err(why) = read {
                found.unread += 1;
                let name = output::plain(&source.place.name_of(&file.path));
                output::say(&format!("left out: {name}: {}", output::plain(&why)));
            }
        }
    }
    Ok(found)
}

/// Reads a whole file or none: the newest change may be in the missing half.
fn read(
    bytes: impl std::io::Read,
    names: &EventNames,
    into: &mut Vec<CenterChange>,
) -> Result<(), LogFault> {
    let mut found = Vec::new();
    read_center_changes(bytes, names, |change| found.push(change))?;
    into.append(&mut found);
    Ok(())
}
