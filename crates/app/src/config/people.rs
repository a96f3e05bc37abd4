//! Interval to check users with live access.

use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Failure;

use crate::config::Time;

/// A shorter interval uses AWS's rate limit without benefit: events already act immediately.
const SHORTEST: TimeSpan = TimeSpan::seconds(10);
/// The organization itself is read more often.
const LONGEST: TimeSpan = TimeSpan::minutes(5);

/// 0 leaves it to organization reads.
pub(crate) fn check(every: Time, name: &str) -> Result<(), Failure> {
    let span = every.0;
    if span.is_zero() || (SHORTEST..=LONGEST).contains(&span) {
        return Ok(());
    }
    let said = format!(
        "{name}: `access.people_every` is {span}, and {SHORTEST} to {LONGEST} are possible, or 0"
    );
    Err(Failure::bad_input(said).help(
        "30s ends access of people who left within a minute; 0 ends it with the next reading of the organization",
    ))
}
