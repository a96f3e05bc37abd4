//! Sweep schedules (`access.md` §6): `rate(2 hours)`, the six fields of AWS's `cron(…)`, or the
//! five of a crontab. All in UTC, to the minute.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use hallpass_base::{TimeSpan, Timestamp};
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a schedule: {why}")]
pub struct ScheduleError {
    text: String,
    why: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    form: Recurrence,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Recurrence {
    Rate(TimeSpan),
    Cron(Cron),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cron {
    minutes: Bits,
    hours: Bits,
    days: Days,
    months: Bits,
    weekdays: Weekdays,
    /// Years since 1970; `None` = every year.
    years: Option<Vec<i16>>,
    together: Together,
}

/// Field values as bits.
type Bits = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Days {
    Every,
    Listed(Bits),
    /// `L`: the month's last.
    Last,
    /// `15W`: the nearest weekday in the same month.
    NearestWeekday(i8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weekdays {
    Every,
    /// Sunday is bit 0.
    Listed(Bits),
    /// `3#2`: the second Tuesday of the month.
    Nth(i8, i8),
    /// `6L`: the last Friday of the month.
    LastOf(i8),
}

/// Whether a day must match both kinds or either: a crontab with both means either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Together {
    Both,
    Either,
}

/// AWS's years (`EventBridge`, "Cron expressions").
const YEARS: (i16, i16) = (1970, 2199);
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Schedule {
    /// Returns the first instant after `last`, if any. A rate counts from `last`.
    pub fn next(&self, last: Timestamp) -> Option<Timestamp> {
        match &self.form {
            Recurrence::Rate(every) => Some(every.after(last)),
            Recurrence::Cron(cron) => cron.next(last),
        }
    }

    pub const fn rate(&self) -> Option<TimeSpan> {
        match &self.form {
            Recurrence::Rate(every) => Some(*every),
            Recurrence::Cron(_) => None,
        }
    }

    /// 23:00 UTC, the default of `access.sweep.at`.
    pub fn nightly() -> Self {
        let every = Cron {
            minutes: 1,
            hours: 1 << 23,
            days: Days::Every,
            months: Bits::MAX,
            weekdays: Weekdays::Every,
            years: None,
            together: Together::Both,
        };
        Self {
            text: "cron(0 23 * * ? *)".to_owned(),
            form: Recurrence::Cron(every),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let form = read(text.trim()).map_err(|why| ScheduleError {
            text: text.to_owned(),
            why,
        })?;
        Ok(Self {
            text: text.trim().to_owned(),
            form,
        })
    }
}

fn inside<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?
        .strip_prefix('(')?
        .strip_suffix(')')
}

fn read(text: &str) -> Result<Recurrence, String> {
    if let Some(rate) = inside(text, "rate") {
        return read_rate(rate).map(Recurrence::Rate);
    }
    let (fields, is_aws) = match inside(text, "cron") {
        Some(fields) => (fields, true),
        None => (text, false),
    };
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let cron = match (is_aws, fields.as_slice()) {
        (true, [minutes, hours, days, months, weekdays, years]) => {
            aws([minutes, hours, days, months, weekdays], years)?
        }
        (false, [minutes, hours, days, months, weekdays]) => {
            crontab([minutes, hours, days, months, weekdays])?
        }
        (true, other) => return Err(format!("cron(…) has 6 fields, this has {}", other.len())),
        (false, _) => {
            return Err("write rate(2 hours), cron(0 23 * * ? *) or 0 23 * * *".to_owned());
        }
    };
    // An impossible date such as the 30th of February would never run.
    match cron.next(Timestamp::UNIX_EPOCH) {
        Some(_) => Ok(Recurrence::Cron(cron)),
        None => Err("no day is ever like this".to_owned()),
    }
}

fn read_rate(text: &str) -> Result<TimeSpan, String> {
    let mut words = text.split_whitespace();
    let (number, unit) = (words.next(), words.next());
    let number: u64 = number
        .and_then(|number| number.parse().ok())
        .filter(|number| *number > 0)
        .ok_or("rate(…) begins with a number above 0")?;
    let every = match unit.unwrap_or_default() {
        "minute" | "minutes" => TimeSpan::minutes(number),
        "hour" | "hours" => TimeSpan::hours(number),
        "day" | "days" => TimeSpan::hours(number.saturating_mul(24)),
        _ => return Err("the unit of rate(…) is minutes, hours or days".to_owned()),
    };
    match words.next() {
        None => Ok(every),
        Some(more) => Err(format!("`{more}` is one word too many")),
    }
}

fn aws(fields: [&str; 5], years: &str) -> Result<Cron, String> {
    let [minutes, hours, days, months, weekdays] = fields;
    if (days == "?") == (weekdays == "?") {
        return Err("either the day of the month or the day of the week is `?`".to_owned());
    }
    let years = match years {
        "*" => None,
        text => Some(listed_years(text)?),
    };
    Ok(Cron {
        minutes: numbers(minutes, 0, 59, &[])?,
        hours: numbers(hours, 0, 23, &[])?,
        days: read_days(days)?,
        months: numbers(months, 1, 12, &MONTHS)?,
        // 1 is Sunday
        weekdays: read_weekdays(weekdays, 1)?,
        years,
        together: Together::Both,
    })
}

fn crontab(fields: [&str; 5]) -> Result<Cron, String> {
    let [minutes, hours, days, months, weekdays] = fields;
    if days == "?" || weekdays == "?" {
        return Err("`?` belongs to cron(…)".to_owned());
    }
    let together = if days.starts_with('*') || weekdays.starts_with('*') {
        Together::Both
    } else {
        Together::Either
    };
    Ok(Cron {
        minutes: numbers(minutes, 0, 59, &[])?,
        hours: numbers(hours, 0, 23, &[])?,
        days: read_days(days)?,
        months: numbers(months, 1, 12, &MONTHS)?,
        // 0 and 7 are Sunday
        weekdays: read_weekdays(weekdays, 0)?,
        years: None,
        together,
    })
}

fn read_days(text: &str) -> Result<Days, String> {
    match text {
        "*" | "?" => return Ok(Days::Every),
        "L" => return Ok(Days::Last),
        _ => {}
    }
    if let Some(day) = text.strip_suffix('W') {
        let day = day.parse().ok().filter(|day| (1..=31).contains(day));
        let day = day.ok_or_else(|| format!("`{text}` is not a day of the month"))?;
        return Ok(Days::NearestWeekday(day));
    }
    numbers(text, 1, 31, &[]).map(Days::Listed)
}

/// `first` is the number of Sunday.
fn read_weekdays(text: &str, first: u8) -> Result<Weekdays, String> {
    let one = |text: &str| {
        let number = number(text, first, first + 6, &WEEKDAYS)?;
        Ok::<i8, String>(i8::try_from(number - first).unwrap_or(0))
    };
    match text {
        "*" | "?" => return Ok(Weekdays::Every),
        // Saturday
        "L" => return Ok(Weekdays::Listed(1 << 6)),
        _ => {}
    }
    if let Some((day, nth)) = text.split_once('#') {
        let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth));
        let nth = nth.ok_or_else(|| format!("`{text}`: a month has 1 to 5 of a weekday"))?;
        return Ok(Weekdays::Nth(one(day)?, nth));
    }
    if let Some(day) = text.strip_suffix('L') {
        return Ok(Weekdays::LastOf(one(day)?));
    }
    let bits = if first == 0 {
        let bits = numbers(text, 0, 7, &WEEKDAYS)?;
        (bits | bits >> 7) & 0x7f
    } else {
        numbers(text, first, first + 6, &WEEKDAYS)? >> first
    };
    Ok(Weekdays::Listed(bits))
}

fn number(text: &str, least: u8, most: u8, names: &[&str]) -> Result<u8, String> {
    let by_name = names
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))
        .and_then(|at| u8::try_from(at).ok())
        .map(|at| at + least);
    by_name
        .or_else(|| text.parse().ok())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("`{text}` is not a number from {least} to {most}"))
}

/// Parses `*`, `5`, `1-5`, `0/15`, `*/15`, and comma lists within `all`, in written order; `number`
/// parses one value.
fn listed<T>(
    text: &str,
    all: (T, T),
    number: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String>
where
    T: Copy + PartialOrd,
    RangeInclusive<T>: Iterator<Item = T>,
{
    let mut named = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let step = step.parse().ok().filter(|step| *step > 0);
                (
                    range,
                    step.ok_or_else(|| format!("`{part}`: a step is 1 or more"))?,
                )
            }
            None => (part, 1_usize),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => all,
            Some((from, to)) => (number(from)?, number(to)?),
            None => {
                let from = number(range)?;
                (from, if part.contains('/') { all.1 } else { from })
            }
        };
        if from > to {
            return Err(format!("`{part}` ends before it begins"));
        }
        named.extend((from..=to).step_by(step));
    }
    Ok(named)
}

fn numbers(text: &str, least: u8, most: u8, names: &[&str]) -> Result<Bits, String> {
    let found = listed(text, (least, most), |text| number(text, least, most, names))?;
    Ok(found.into_iter().fold(0, |bits, number| bits | 1 << number))
}

fn listed_years(text: &str) -> Result<Vec<i16>, String> {
    let year = |text: &str| {
        let year = text.parse().ok();
        let year = year.filter(|year| (YEARS.0..=YEARS.1).contains(year));
        year.ok_or_else(|| format!("`{text}` is not a year from {} to {}", YEARS.0, YEARS.1))
    };
    let mut years = listed(text, YEARS, year)?;
    years.sort_unstable();
    years.dedup();
    Ok(years)
}

fn has<T: TryInto<u32>>(bits: Bits, number: T) -> bool {
    number
        .try_into()
        .is_ok_and(|number| bits.checked_shr(number).is_some_and(|bits| bits & 1 == 1))
}

impl Cron {
    fn next(&self, last: Timestamp) -> Option<Timestamp> {
        let start = last.to_zoned(TimeZone::UTC).date();
        let mut day = start;
        while day.year() <= YEARS.1 {
            if !self.has_year(day.year()) {
                day = Date::new(day.year() + 1, 1, 1).ok()?;
                continue;
            }
            if self.fits(day) {
                let found = self.minutes_of(day).find(|at| *at > last);
                if found.is_some() {
                    return found;
                }
            }
            // No day rule has a longer gap than two leap years around 1900 or 2100.
            if self.years.is_none() && day.year() - start.year() > 9 {
                return None;
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    fn has_year(&self, year: i16) -> bool {
        self.years
            .as_ref()
            .is_none_or(|years| years.contains(&year))
    }

    fn minutes_of(&self, day: Date) -> impl Iterator<Item = Timestamp> {
        let hours = (0..24_i8).filter(|hour| has(self.hours, *hour));
        hours.flat_map(move |hour| {
            let minutes = (0..60_i8).filter(|minute| has(self.minutes, *minute));
            minutes.filter_map(move |minute| {
                let at = day.at(hour, minute, 0, 0).to_zoned(TimeZone::UTC).ok()?;
                Some(at.timestamp())
            })
        })
    }

    fn fits(&self, day: Date) -> bool {
        if !has(self.months, day.month()) {
            return false;
        }
        let (of_month, of_week) = (self.days.fit(day), self.weekdays.fit(day));
        match self.together {
            Together::Both => of_month && of_week,
            Together::Either => of_month || of_week,
        }
    }
}

impl Days {
    fn fit(self, day: Date) -> bool {
        match self {
            Self::Every => true,
            Self::Listed(bits) => has(bits, day.day()),
            Self::Last => day.day() == day.days_in_month(),
            Self::NearestWeekday(wanted) => nearest_weekday(day, wanted) == Some(day.day()),
        }
    }
}

fn nearest_weekday(day: Date, wanted: i8) -> Option<i8> {
    let last = day.days_in_month();
    let wanted = Date::new(day.year(), day.month(), wanted).ok()?;
    Some(match (wanted.weekday(), wanted.day()) {
        (Weekday::Saturday, 1) => 3,
        (Weekday::Saturday, day) => day - 1,
        (Weekday::Sunday, day) if day == last => day - 2,
        (Weekday::Sunday, day) => day + 1,
        (_, day) => day,
    })
}

impl Weekdays {
    fn fit(self, day: Date) -> bool {
        let weekday = day.weekday().to_sunday_zero_offset();
        match self {
            Self::Every => true,
            Self::Listed(bits) => has(bits, weekday),
            Self::Nth(wanted, nth) => weekday == wanted && (day.day() - 1) / 7 + 1 == nth,
            Self::LastOf(wanted) => weekday == wanted && day.day() + 7 > day.days_in_month(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, last: &str) -> String {
        let schedule: Schedule = schedule.parse().unwrap();
        let at = schedule.next(last.parse().unwrap());
        at.map_or("never".to_owned(), |at| at.to_string())
    }

    /// Schedule, last, next. 2026-11-20 is a Friday. With both kinds of days, a crontab means
    /// either.
    const NEXT: &str = "
        rate(2 hours) | 2026-11-20T15:20:30Z | 2026-11-20T17:20:30Z
        rate(1 day) | 2026-11-20T15:20:30Z | 2026-11-21T15:20:30Z
        rate(5 minutes) | 2026-11-20T15:20:30Z | 2026-11-20T15:25:30Z
        cron(0 23 * * ? *) | 2026-11-20T15:20:30Z | 2026-11-20T23:00:00Z
        cron(0 23 * * ? *) | 2026-11-20T23:00:00Z | 2026-11-21T23:00:00Z
        cron(0/15 9-17 ? * MON-FRI *) | 2026-11-20T17:45:00Z | 2026-11-23T09:00:00Z
        cron(0 8 1 * ? *) | 2026-12-31T23:59:59Z | 2027-01-01T08:00:00Z
        cron(0 8 L * ? *) | 2028-02-01T00:00:00Z | 2028-02-29T08:00:00Z
        cron(0 8 15W * ? *) | 2026-11-01T00:00:00Z | 2026-11-16T08:00:00Z
        cron(0 8 1W * ? *) | 2026-07-31T09:00:00Z | 2026-08-03T08:00:00Z
        cron(0 8 ? * 3#2 *) | 2026-11-01T00:00:00Z | 2026-11-10T08:00:00Z
        cron(0 8 ? * 6L *) | 2026-11-01T00:00:00Z | 2026-11-27T08:00:00Z
        cron(0 8 ? * 6L *) | 2027-12-18T00:00:00Z | 2027-12-31T08:00:00Z
        cron(0 8 ? * 1#2 *) | 2026-11-01T00:00:00Z | 2026-11-08T08:00:00Z
        cron(0 8 ? * 1#5 *) | 2026-11-01T00:00:00Z | 2026-11-29T08:00:00Z
        cron(0 8 ? * L *) | 2026-11-20T00:00:00Z | 2026-11-21T08:00:00Z
        cron(0 8 ? * 1 *) | 2026-11-20T00:00:00Z | 2026-11-22T08:00:00Z
        cron(0 8 1 JAN ? 2030) | 2026-11-20T00:00:00Z | 2030-01-01T08:00:00Z
        cron(0 8 1 JAN ? 2020) | 2026-11-20T00:00:00Z | never
        cron(0 8 29 2 ? *) | 2026-11-20T00:00:00Z | 2028-02-29T08:00:00Z
        0 23 * * * | 2026-11-20T15:20:30Z | 2026-11-20T23:00:00Z
        */20 * * * * | 2026-11-20T15:20:30Z | 2026-11-20T15:40:00Z
        30 4 * * 0 | 2026-11-20T00:00:00Z | 2026-11-22T04:30:00Z
        30 4 * * 7 | 2026-11-20T00:00:00Z | 2026-11-22T04:30:00Z
        30 4 * * sat,sun | 2026-11-20T00:00:00Z | 2026-11-21T04:30:00Z
        0 5 1 * mon | 2026-11-20T00:00:00Z | 2026-11-23T05:00:00Z
        0 5 21 * mon | 2026-11-20T00:00:00Z | 2026-11-21T05:00:00Z
    ";

    #[test]
    fn the_next_run_is_the_first_that_fits_after_the_last() {
        let rows: Vec<&str> = NEXT.trim().lines().map(str::trim).collect();
        assert!(rows.len() > 20);
        for row in rows {
            let [schedule, last, wanted] = row.split(" | ").collect::<Vec<_>>()[..] else {
                panic!("{row}")
            };
            assert_eq!(next(schedule, last), wanted, "{schedule} after {last}");
        }
    }

    #[test]
    fn the_default_is_what_it_says() {
        let written: Schedule = Schedule::nightly().as_str().parse().unwrap();
        let mut at: Timestamp = "2026-11-20T15:20:30Z".parse().unwrap();
        for _ in 0..400 {
            assert_eq!(Schedule::nightly().next(at), written.next(at));
            at = written.next(at).unwrap();
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_a_reason() {
        let rows = [
            ("", "write rate(2 hours)"),
            ("daily", "write rate(2 hours)"),
            ("rate(0 hours)", "a number above 0"),
            ("rate(2 fortnights)", "minutes, hours or days"),
            ("rate(2 hours ago)", "one word too many"),
            ("cron(0 23 * * *)", "6 fields, this has 5"),
            ("cron(0 23 * * * *)", "is `?`"),
            ("cron(0 23 ? * ? *)", "is `?`"),
            ("cron(60 23 * * ? *)", "`60` is not a number from 0 to 59"),
            ("cron(0 24 * * ? *)", "`24` is not a number from 0 to 23"),
            ("cron(0 0 32 * ? *)", "`32` is not a number from 1 to 31"),
            ("cron(0 0 30 2 ? *)", "no day is ever like this"),
            ("cron(0 0 ? * 8 *)", "`8` is not a number from 1 to 7"),
            ("cron(0 0 ? * 3#6 *)", "1 to 5 of a weekday"),
            ("cron(0 0 1 * ? 1969)", "`1969` is not a year"),
            ("cron(5-1 0 * * ? *)", "ends before it begins"),
            ("*/0 * * * *", "a step is 1 or more"),
            ("0 23 ? * *", "belongs to cron"),
            ("0 23 * FOO *", "`FOO` is not a number from 1 to 12"),
        ];
        for (text, wanted) in rows {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
