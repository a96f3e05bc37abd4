//! How often the people behind live access are looked at.

use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Failure;

use crate::config::Time;

/// More often costs AWS's rate without ending anything sooner that events do not end at once.
const SHORTEST: TimeSpan = TimeSpan::seconds(10);
/// The organization itself is read more often than this.
const LONGEST: TimeSpan = TimeSpan::minutes(5);

/// Refuses what makes no sense; 0 leaves it to the readings of the organization.
///
/// # Errors
/// Exit 2, with the key and what is possible.
pub(crate) fn check(every: Time, name: &str) -> Result<(), Failure> {
    let span = every.0;
    if span.is_zero() || (SHORTEST..=LONGEST).contains(&span) {
        return Ok(());
    }
    let said = format!(
        "{name}: `access.people_every` is {span}, and {SHORTEST} to {LONGEST} are possible, or 0"
    );
    Err(Failure::bad_input(said).help(
        "30s keeps what people who left hold below a minute; 0 ends it with the next reading of the organization",
    ))
}
