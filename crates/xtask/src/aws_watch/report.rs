//! Report of the watch, most urgent first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::WatchedServices;
use super::dates::Day;
use super::decisions::{Decided, FactLook, Judged};
use super::facts::{DatedFact, FactAge, Facts};
use crate::breach::Breach;

const NAMED_MAX: usize = 1;

pub(crate) struct WatchReport<'a> {
    pub(crate) versions: [&'a str; 3],
    pub(crate) watched: &'a WatchedServices,
    pub(crate) differences: usize,
    pub(crate) judged: &'a Judged<'a>,
    pub(crate) known: &'a BTreeSet<String>,
    pub(crate) untrue: &'a [Breach],
    pub(crate) facts: &'a Facts,
    pub(crate) looked: &'a [FactLook],
    pub(crate) today: Day,
    pub(crate) age_max: u64,
}

impl WatchReport<'_> {
    pub(crate) fn is_clean(&self) -> bool {
        self.judged.undecided.is_empty()
            && self.judged.stale.is_empty()
            && self.untrue.is_empty()
            && self.facts.unread.is_empty()
            && self.idle_looks().next().is_none()
            && !self.facts.dated.iter().any(|it| self.is_old(it))
    }

    /// Finds rechecks of missing or newer facts.
    fn idle_looks(&self) -> impl Iterator<Item = &FactLook> {
        let has_use = |look: &FactLook| {
            let facts = self.facts.dated.iter();
            facts.clone().any(|it| {
                it.name == look.name && !matches!(it.age, FactAge::Read(day) if day >= look.day)
            })
        };
        self.looked.iter().filter(move |it| !has_use(it))
    }

    fn look_at(&self, fact: &DatedFact) -> Option<&FactLook> {
        let looks = self.looked.iter().filter(|it| it.name == fact.name);
        looks.max_by_key(|it| it.day)
    }

    /// Returns whether a fact is too old. Undated facts are reported without age.
    fn is_old(&self, fact: &DatedFact) -> bool {
        let FactAge::Read(read) = fact.age else {
            return false;
        };
        let last = self.look_at(fact).map_or(read, |it| it.day.max(read));
        self.today.days_since(last) > self.age_max
    }

    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [baseline, ours, newest] = self.versions;
        writeln!(f, "baseline: botocore {baseline}")?;
        writeln!(f, "pinned:   botocore {ours}, the source of our tables")?;
        writeln!(f, "newest:   botocore {newest}")?;
        let whole: Vec<&str> = self
            .watched
            .iter()
            .filter(|(_, it)| it.is_none())
            .map(|(name, _)| name.as_str())
            .collect();
        writeln!(f, "{} services whole: {}", whole.len(), whole.join(", "))?;
        let parts: Vec<String> = self
            .watched
            .iter()
            .filter_map(|(name, it)| Some(format!("{name} {}", it.as_ref()?.len())))
            .collect();
        writeln!(
            f,
            "{} by the operations that we call or simulate: {}",
            parts.len(),
            parts.join(", ")
        )
    }

    fn undecided(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nundecided: {} of {} differences",
            self.judged.undecided.len(),
            self.differences
        )?;
        for entry in &self.judged.undecided {
            let id = entry.id();
            let since = if self.known.contains(&id) {
                ""
            } else {
                " [after the pinned]"
            };
            let detail = if entry.detail.is_empty() {
                String::new()
            } else {
                format!(" ({})", entry.detail)
            };
            writeln!(f, "  {id}{since}{detail}")?;
        }
        let idle = self.idle_looks().count() + self.judged.stale.len();
        if idle > 0 {
            writeln!(f, "\nlines that decide nothing any more: {idle}")?;
        }
        for look in self.idle_looks() {
            writeln!(
                f,
                "  {}:{}: `fact {}`: remove it",
                super::DECISIONS,
                look.line,
                look.name
            )?;
        }
        for line in &self.judged.stale {
            writeln!(
                f,
                "  {}:{}: `{}`: remove it",
                super::DECISIONS,
                line.line,
                line.pattern
            )?;
        }
        let untrue = self.untrue.iter().chain(&self.facts.unread);
        let count = untrue.clone().count();
        if count > 0 {
            writeln!(f, "\nsaid and not so: {count}")?;
        }
        untrue.into_iter().try_for_each(|it| writeln!(f, "  {it}"))
    }

    fn open(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.judged.decided.iter();
        let open: Vec<_> = lines
            .filter_map(|(line, entries)| match &line.decided {
                Decided::Open(what) => Some((line, entries, what)),
                Decided::Taken(_) | Decided::NotNeeded(_) => None,
            })
            .collect();
        writeln!(f, "\nopen: {}", open.len())?;
        for (line, entries, what) in open {
            let many = if entries.len() > NAMED_MAX {
                format!(" ({} entries)", entries.len())
            } else {
                String::new()
            };
            writeln!(f, "  {}{many}: {what}", line.pattern)?;
        }
        Ok(())
    }

    fn decided(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (line, entries) in &self.judged.decided {
            let word = match &line.decided {
                Decided::Taken(_) => "taken",
                Decided::NotNeeded(_) => "not needed",
                Decided::Open(_) => "open",
            };
            *counts.entry(word).or_default() += entries.len();
        }
        let counts: Vec<String> = counts
            .iter()
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        writeln!(
            f,
            "\ndecided: {} by {} lines",
            counts.join(", "),
            self.judged.decided.len()
        )
    }

    fn facts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dated = &self.facts.dated;
        let old = dated.iter().filter(|it| self.is_old(it)).count();
        let is_open = |it: &&DatedFact| it.age == FactAge::NotVerified;
        let open = dated.iter().filter(is_open).count();
        writeln!(
            f,
            "\nfacts: {}, {old} older than {} days, {open} not verified",
            dated.len(),
            self.age_max
        )?;
        for fact in dated {
            let age = match fact.age {
                FactAge::Read(day) => format!("{} days, {day}", self.today.days_since(day)),
                FactAge::NotVerified => "not verified".to_owned(),
                FactAge::Before => "of before".to_owned(),
            };
            let look = self
                .look_at(fact)
                .map(|it| format!("; {}: {}", it.day, it.what));
            let mark = if self.is_old(fact) {
                " TOO OLD: read it again at its source"
            } else {
                ""
            };
            writeln!(
                f,
                "  {} ({age}{}){mark}",
                fact.name,
                look.unwrap_or_default()
            )?;
        }
        for path in &self.facts.missing {
            writeln!(
                f,
                "  `{path}` is not there: the age of its facts is not known"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for WatchReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        self.undecided(f)?;
        self.open(f)?;
        self.decided(f)?;
        self.facts(f)
    }
}
