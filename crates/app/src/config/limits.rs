//! Validates related or bounded numbers.

use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Failure;

use super::Config;

/// Minimum interval to read the organization.
const AGE_LEAST: TimeSpan = TimeSpan::seconds(10);
/// Older data must not decide about people.
const AGE_MOST: TimeSpan = TimeSpan::hours(1);
const WAITING_MOST: u32 = 1_000;

/// Refuses settings that grant nothing, and a maximum age without data.
pub(crate) fn check(config: &Config, name: &str) -> Result<(), Failure> {
    let duration = &config.access.duration;
    let choices = duration.choices.iter().map(|time| time.0);
    let longest = choices.max().unwrap_or(duration.max.0);
    let least = duration.min.0;
    if least > longest {
        let said = format!(
            "{name}: `access.duration.min` is {least}, and the longest that may be requested is {longest}"
        );
        return Err(Failure::bad_input(said).help(
            "nothing could be requested: write a shorter one, or a longer `access.duration.max`",
        ));
    }
    let waiting = config.access.waiting_per_person;
    if !(1..=WAITING_MOST).contains(&waiting) {
        let said = format!(
            "{name}: `access.waiting_per_person` is {waiting}, and 1 to {WAITING_MOST} are possible"
        );
        return Err(Failure::bad_input(said).help("without it, it is 20"));
    }
    let age = config.inventory.max_age.0;
    if !(AGE_LEAST..=AGE_MOST).contains(&age) {
        let said = format!(
            "{name}: `inventory.max_age` is {age}, and {AGE_LEAST} to {AGE_MOST} are possible"
        );
        return Err(Failure::bad_input(said).help("without it, it is 15m"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn what_nothing_could_be_given_by_is_refused() {
        for (text, is_taken) in [
            ("[access.duration]\nmin = \"24h\"", true),
            ("[access.duration]\nmin = \"25h\"", false),
            ("[access.duration]\nmin = \"25h\"\nmax = \"26h\"", true),
            ("[access.duration]\nmin = \"2h\"\nchoices = [\"1h\"]", false),
            (
                "[access.duration]\nmin = \"2h\"\nchoices = [\"1h\", \"2h\"]",
                true,
            ),
            ("[access.duration]\nmax = \"1m\"", false),
            ("[access]\nwaiting_per_person = 0", false),
            ("[access]\nwaiting_per_person = 1000", true),
            ("[access]\nwaiting_per_person = 1001", false),
            ("[inventory]\nmax_age = 0", false),
            ("[inventory]\nmax_age = \"9s\"", false),
            ("[inventory]\nmax_age = \"10s\"", true),
            ("[inventory]\nmax_age = \"1h\"", true),
            ("[inventory]\nmax_age = \"61m\"", false),
        ] {
            let read = parse(text, "x").map(drop).map_err(|it| it.words());
            assert_eq!(read.is_ok(), is_taken, "{text} {read:?}");
        }
    }
}
