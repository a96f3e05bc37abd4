//! Finds digests: those of one account, Region and trail form a chain.

use std::collections::BTreeMap;
use std::io;

use hallpass_base::{AccountId, Timestamp};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::log::{LogFiles, LogScope, digest_folders};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestChain {
    pub account: AccountId,
    pub region: String,
    pub trail: String,
    pub home_region: String,
    /// End of the covered time and path, in order.
    pub digests: Vec<(Timestamp, String)>,
    /// Written later, for files too late for the others; as above.
    pub backfilled: Vec<(Timestamp, String)>,
}

/// Finds the digests of a scope, including the next day's first, which covers the end of the last
/// day.
///
/// # Errors
/// A folder cannot be listed.
pub fn digest_chains(files: &dyn LogFiles, scope: &LogScope) -> io::Result<Vec<DigestChain>> {
    let last = *scope.days.end();
    let scope = LogScope {
        days: *scope.days.start()..=last.tomorrow().unwrap_or(last),
        ..scope.clone()
    };
    let mut chains: BTreeMap<(AccountId, String, String, String), DigestChain> = BTreeMap::new();
    digest_folders(files, &scope, &mut |day| {
        for file in day.logs(files)? {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            let Some(named) = DigestName::read(name, &day.account, &day.region) else {
                continue;
            };
            let key = (
                day.account.clone(),
                day.region.clone(),
                named.trail.clone(),
                named.home_region.clone(),
            );
            let chain = chains.entry(key).or_insert_with(|| DigestChain {
                account: day.account.clone(),
                region: day.region.clone(),
                trail: named.trail,
                home_region: named.home_region,
                digests: Vec::new(),
                backfilled: Vec::new(),
            });
            let digests = if named.is_backfilled {
                &mut chain.backfilled
            } else {
                &mut chain.digests
            };
            digests.push((named.until, file.path));
        }
        Ok(())
    })?;
    let mut chains: Vec<DigestChain> = chains.into_values().collect();
    for chain in &mut chains {
        chain.digests.sort();
        chain.backfilled.sort();
    }
    Ok(chains)
}

struct DigestName {
    trail: String,
    home_region: String,
    until: Timestamp,
    is_backfilled: bool,
}

impl DigestName {
    /// `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOME_YYYYMMDDTHHMMSSZ.json.gz`, with `_backfill`
    /// before `.json.gz` if written later (AWS: "CloudTrail digest file structure").
    fn read(name: &str, account: &AccountId, region: &str) -> Option<Self> {
        let name = name.strip_prefix(&format!("{account}_CloudTrail-Digest_{region}_"))?;
        let name = name.strip_suffix(".gz").unwrap_or(name);
        let name = name.strip_suffix(".json")?;
        let (name, is_backfilled) = match name.strip_suffix("_backfill") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (name, time) = name.rsplit_once('_')?;
        let (trail, home_region) = name.rsplit_once('_')?;
        Some(Self {
            trail: trail.to_owned(),
            home_region: home_region.to_owned(),
            until: named_time(time, "%Y%m%dT%H%M%SZ")?,
            is_backfilled,
        })
    }
}

/// Parses the delivery time of `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_RANDOM.json.gz`.
pub(super) fn delivered_at(path: &str) -> Option<Timestamp> {
    let name = path.rsplit('/').next()?;
    let time = name.rsplit('_').nth(1)?;
    named_time(time, "%Y%m%dT%H%MZ")
}

fn named_time(text: &str, form: &str) -> Option<Timestamp> {
    let time = DateTime::strptime(form, text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

pub(super) fn day_of(path: &str) -> Option<Date> {
    let mut folders = path.rsplit('/').skip(1);
    let mut number = || folders.next()?.parse::<i16>().ok();
    let (day, month, year) = (number()?, number()?, number()?);
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_read() {
        let account = AccountId::new("111111111111").unwrap();
        let read = |name| DigestName::read(name, &account, "eu-west-1");
        let name =
            "111111111111_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_20261122T190000Z.json.gz";
        let digest = read(name).unwrap();
        assert_eq!(
            (digest.trail.as_str(), digest.home_region.as_str()),
            ("my_trail", "us-east-1")
        );
        assert_eq!(digest.until.to_string(), "2026-11-22T19:00:00Z");
        assert!(!digest.is_backfilled);
        let later = read(
            "111111111111_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_20261122T190000Z_backfill.json.gz",
        );
        let later = later.unwrap();
        assert_eq!(
            (later.trail, later.until, later.is_backfilled),
            (digest.trail, digest.until, true)
        );
        for name in [
            "x.json.gz",
            "111111111111_CloudTrail-Digest_eu-west-1_t_us-east-1_backfill.json.gz",
            "111111111111_CloudTrail-Digest_us-east-1_t_us-east-1_20261122T190000Z.json.gz",
        ] {
            assert!(read(name).is_none(), "{name}");
        }
        let path = "a/2026/11/22/111111111111_CloudTrail_eu-west-1_20261122T1905Z_Ab1.json.gz";
        assert_eq!(
            delivered_at(path).unwrap().to_string(),
            "2026-11-22T19:05:00Z"
        );
        assert_eq!(day_of(path).unwrap().to_string(), "2026-11-22");
        assert_eq!((delivered_at("x"), day_of("x/y/z/a")), (None, None));
    }
}
