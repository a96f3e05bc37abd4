//! The layout of a trail: `[PREFIX/]AWSLogs/[o-ID/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/`
//! (`inventory.md` H-7). Only selected folders are listed.

use std::collections::BTreeSet;
use std::io;
use std::ops::RangeInclusive;

use hallpass_base::AccountId;
use jiff::civil::Date;

use super::ports::{LogEntry, LogFile, LogFiles, below};

/// The deepest prefix, in folders.
const PREFIX_DEPTH_MAX: usize = 4;
const LOGS: &str = "AWSLogs";
/// Digests and insights have their own folders beside it.
const TRAIL: &str = "CloudTrail";
const DIGESTS: &str = "CloudTrail-Digest";

#[derive(Clone, Debug)]
pub struct LogScope {
    /// Empty selects all.
    pub accounts: BTreeSet<AccountId>,
    /// Empty selects all.
    pub regions: BTreeSet<String>,
    pub days: RangeInclusive<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFolder {
    pub path: String,
    pub account: AccountId,
    pub region: String,
    /// The day of delivery.
    pub day: Date,
}

impl DayFolder {
    /// # Errors
    /// It cannot be listed.
    pub fn logs(&self, files: &dyn LogFiles) -> io::Result<Vec<LogFile>> {
        let entries = files.entries(&self.path)?.into_iter();
        let log = |it: LogEntry| {
            let look = it.look.filter(|_| is_log(&it.name))?;
            let path = below(&self.path, &it.name);
            Some(LogFile { path, look })
        };
        let mut logs: Vec<LogFile> = entries.filter_map(log).collect();
        logs.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(logs)
    }
}

fn is_log(name: &str) -> bool {
    [".json.gz", ".json"].iter().any(|it| name.ends_with(it))
}

/// Visits selected day folders in order. The root is a bucket, a folder in it, or `AWSLogs` itself.
///
/// # Errors
/// A folder cannot be listed, or `each` failed.
pub fn folders(
    files: &dyn LogFiles,
    scope: &LogScope,
    each: &mut dyn FnMut(DayFolder) -> io::Result<()>,
) -> io::Result<()> {
    walk(files, scope, TRAIL, each)
}

/// Returns Regions with any delivery for these accounts (empty: all), regardless of the day, since
/// quiet days have no files.
///
/// # Errors
/// A folder cannot be listed.
pub fn trail_regions(
    files: &dyn LogFiles,
    accounts: &BTreeSet<AccountId>,
) -> io::Result<BTreeSet<String>> {
    let scope = LogScope {
        accounts: accounts.clone(),
        regions: BTreeSet::new(),
        days: Date::MIN..=Date::MIN,
    };
    let mut found = BTreeSet::new();
    for kind in [TRAIL, DIGESTS] {
        let mut each = |_: DayFolder| Ok(());
        let mut walk = TrailWalk {
            files,
            scope: &scope,
            kind,
            each: &mut each,
            regions: Some(&mut found),
        };
        walk.prefix("", PREFIX_DEPTH_MAX)?;
    }
    Ok(found)
}

pub(crate) fn digest_folders(
    files: &dyn LogFiles,
    scope: &LogScope,
    each: &mut dyn FnMut(DayFolder) -> io::Result<()>,
) -> io::Result<()> {
    walk(files, scope, DIGESTS, each)
}

fn walk(
    files: &dyn LogFiles,
    scope: &LogScope,
    kind: &'static str,
    each: &mut dyn FnMut(DayFolder) -> io::Result<()>,
) -> io::Result<()> {
    let mut walk = TrailWalk {
        files,
        scope,
        kind,
        each,
        regions: None,
    };
    walk.prefix("", PREFIX_DEPTH_MAX)
}

/// Splits a path or key after `AWSLogs/`. A root may be `AWSLogs` itself.
pub(crate) fn split_at_logs(path: &str) -> (&str, &str) {
    let start = path.starts_with("AWSLogs/").then_some(0);
    let found = start.or_else(|| path.find("/AWSLogs/").map(|at| at + 1));
    found.map_or(("", path), |at| path.split_at(at + LOGS.len() + 1))
}

struct TrailWalk<'a> {
    files: &'a dyn LogFiles,
    scope: &'a LogScope,
    kind: &'static str,
    each: &'a mut dyn FnMut(DayFolder) -> io::Result<()>,
    /// Collects Regions instead of entering them.
    regions: Option<&'a mut BTreeSet<String>>,
}

impl TrailWalk<'_> {
    fn inside(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = self.files.entries(folder)?.into_iter();
        let name = |it: LogEntry| Some(it.name).filter(|_| it.look.is_none());
        let mut names: Vec<String> = entries.filter_map(name).collect();
        names.sort();
        Ok(names)
    }

    fn prefix(&mut self, folder: &str, depth: usize) -> io::Result<()> {
        let names = self.inside(folder)?;
        if names.iter().any(|it| it == LOGS) {
            return self.owners(&below(folder, LOGS));
        }
        if names.iter().any(|it| is_owner(it)) {
            return self.owners(folder);
        }
        for name in names.iter().filter(|_| depth > 0) {
            self.prefix(&below(folder, name), depth - 1)?;
        }
        Ok(())
    }

    /// Visits accounts, directly or in an organization's folder.
    fn owners(&mut self, folder: &str) -> io::Result<()> {
        for name in self.inside(folder)? {
            let path = below(folder, &name);
            if is_organization(&name) {
                for account in self.inside(&path)? {
                    self.account(&below(&path, &account), &account)?;
                }
            } else {
                self.account(&path, &name)?;
            }
        }
        Ok(())
    }

    fn account(&mut self, folder: &str, name: &str) -> io::Result<()> {
        let Ok(account) = AccountId::new(name) else {
            return Ok(());
        };
        let wanted = &self.scope.accounts;
        if !wanted.is_empty() && !wanted.contains(&account) {
            return Ok(());
        }
        if !self.inside(folder)?.iter().any(|it| it == self.kind) {
            return Ok(());
        }
        let trail = below(folder, self.kind);
        let regions = self.inside(&trail)?;
        if let Some(found) = &mut self.regions {
            found.extend(regions);
            return Ok(());
        }
        for region in regions {
            let wanted = &self.scope.regions;
            if wanted.is_empty() || wanted.contains(&region) {
                self.region(&below(&trail, &region), &account, &region)?;
            }
        }
        Ok(())
    }

    fn region(&mut self, folder: &str, account: &AccountId, region: &str) -> io::Result<()> {
        let (first, last) = (*self.scope.days.start(), *self.scope.days.end());
        for (year, year_path) in self.numbers(folder)? {
            if !(first.year()..=last.year()).contains(&year) {
                continue;
            }
            for (month, month_path) in self.numbers(&year_path)? {
                let months = (first.year(), first.month())..=(last.year(), last.month());
                let Ok(month) = i8::try_from(month) else {
                    continue;
                };
                if !months.contains(&(year, month)) {
                    continue;
                }
                for (day, path) in self.numbers(&month_path)? {
                    let day = i8::try_from(day).ok();
                    let day = day.and_then(|day| Date::new(year, month, day).ok());
                    let Some(day) = day.filter(|it| self.scope.days.contains(it)) else {
                        continue;
                    };
                    (self.each)(DayFolder {
                        path,
                        account: account.clone(),
                        region: region.to_owned(),
                        day,
                    })?;
                }
            }
        }
        Ok(())
    }

    fn numbers(&self, folder: &str) -> io::Result<Vec<(i16, String)>> {
        let names = self.inside(folder)?.into_iter();
        Ok(names
            .filter_map(|name| Some((name.parse().ok()?, below(folder, &name))))
            .collect())
    }
}

fn is_organization(name: &str) -> bool {
    name.starts_with("o-")
}

fn is_owner(name: &str) -> bool {
    is_organization(name) || AccountId::new(name).is_ok()
}
