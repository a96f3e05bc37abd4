//! Filters of lists, and times as users type them.

use hallpass_base::{Timestamp, time};
use hallpass_terminal::words;
use jiff::civil::Date;
use jiff::tz::TimeZone;

#[derive(Debug, clap::Args)]
pub struct ListingArgs {
    /// Permission set, or part
    #[arg(long, value_name = "NAME")]
    permission_set: Option<String>,
    /// Group: id or name, or part
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Deciding rule
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    #[command(flatten)]
    times: TimesArgs,
}

#[derive(Debug, clap::Args)]
pub struct TimesArgs {
    /// From this day or instant
    #[arg(long, value_name = "WHEN", value_parser = from)]
    from: Option<Timestamp>,
    /// To this day's end, or before this instant
    #[arg(long, value_name = "WHEN", value_parser = to)]
    to: Option<Timestamp>,
}

type Parameter = (&'static str, String);

impl ListingArgs {
    pub fn query(&self) -> impl Iterator<Item = Parameter> {
        let texts = [
            ("permission_set", &self.permission_set),
            ("group", &self.group),
            ("rule", &self.rule),
        ];
        let texts = texts.into_iter();
        let texts = texts.filter_map(|(name, text)| Some((name, text.clone()?)));
        texts.chain(self.times.query())
    }
}

impl TimesArgs {
    pub fn query(&self) -> impl Iterator<Item = Parameter> {
        let times = [("from", self.from), ("to", self.to)].into_iter();
        times.filter_map(|(name, at)| Some((name, at?.to_string())))
    }
}

fn from(text: &str) -> Result<Timestamp, String> {
    read(text, &words::zone(), Some)
}

fn to(text: &str) -> Result<Timestamp, String> {
    read(text, &words::zone(), |day| day.tomorrow().ok())
}

/// Parses an instant, or a day, of which `start` returns the day that begins then.
fn read(
    text: &str,
    zone: &TimeZone,
    start: impl FnOnce(Date) -> Option<Date>,
) -> Result<Timestamp, String> {
    if let Ok(at) = time::instant(text) {
        return Ok(at);
    }
    let day = time::day(text).ok().and_then(start);
    let begins = day.and_then(|day| day.to_zoned(zone.clone()).ok());
    let wrong = || {
        format!("`{text}` is not a day such as 2026-11-22, or an instant such as 2026-11-22T08:00Z")
    };
    Ok(begins.ok_or_else(wrong)?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_and_end_in_the_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        for (text, begins, ends) in [
            (
                "2026-11-22",
                Some("2026-11-21T23:00:00Z"),
                Some("2026-11-22T23:00:00Z"),
            ),
            (
                "2026-11-22T08:00Z",
                Some("2026-11-22T08:00:00Z"),
                Some("2026-11-22T08:00:00Z"),
            ),
            ("22.11.2026", None, None),
            ("9999-12-31", None, None),
        ] {
            let at = |text: Option<&str>| text.map(|text| text.parse::<Timestamp>().unwrap());
            assert_eq!(read(text, &zone, Some).ok(), at(begins), "{text}");
            let end = read(text, &zone, |day| day.tomorrow().ok());
            assert_eq!(end.ok(), at(ends), "{text}");
        }
    }
}
