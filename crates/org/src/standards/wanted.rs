//! Resolves a file for one account and Region (`organization.md` S-1): later entries win,
//! exceptions win over all, expired ones are ignored.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::facts::NamedControl;
use super::file::{ControlEntry, PlaceMatch, StandardsFile};
use super::names::ControlPlace;
use super::units::{StandardsAccount, UnitTree};

#[derive(Debug)]
pub(super) struct WantedHub<'a> {
    pub(super) standards: BTreeMap<&'a str, bool>,
    /// Valid entries, strongest last.
    entries: Vec<&'a ControlEntry>,
    /// Expired entries; true for an exception.
    pub(super) over: Vec<(bool, &'a ControlEntry)>,
}

impl StandardsFile {
    pub(super) fn wanted<'a>(
        &'a self,
        tree: &UnitTree,
        account: &StandardsAccount,
        region: Option<&str>,
        today: Date,
    ) -> WantedHub<'a> {
        let meant = |place: &PlaceMatch| tree.is_meant(place, account, region);
        let mut wanted = WantedHub {
            standards: BTreeMap::new(),
            entries: Vec::new(),
            over: Vec::new(),
        };
        for layer in self.layers.iter().filter(|it| meant(&it.place)) {
            let standards = layer.standards.iter();
            wanted
                .standards
                .extend(standards.map(|(name, on)| (name.as_str(), *on)));
            for entry in &layer.controls {
                wanted.add(entry, false, today);
            }
        }
        for (_, entry) in self.exceptions.iter().filter(|(place, _)| meant(place)) {
            wanted.add(entry, true, today);
        }
        wanted
    }
}

impl<'a> WantedHub<'a> {
    fn add(&mut self, entry: &'a ControlEntry, is_exception: bool, today: Date) {
        if entry.is_over(today) {
            self.over.push((is_exception, entry));
        } else {
            self.entries.push(entry);
        }
    }

    pub(super) fn entry(&self, place: &ControlPlace<'_>) -> Option<&'a ControlEntry> {
        let mut all = self.entries.iter().rev();
        all.find(|it| is_for(it, place)).copied()
    }

    /// True if the file names the control, even in an expired entry: then it is on without a valid
    /// entry.
    pub(super) fn names(&self, place: &ControlPlace<'_>) -> bool {
        self.entries().any(|it| is_for(it, place))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &'a ControlEntry> {
        let over = self.over.iter().map(|(_, it)| *it);
        self.entries.iter().copied().chain(over)
    }

    /// Valid entries, strongest last.
    pub(super) fn named(&self) -> Vec<NamedControl> {
        let all = self.entries.iter().map(|it| NamedControl {
            name: it.name.as_str().to_owned(),
            status: it.status,
            reason: it.reason.clone(),
            standards: it.standards.clone(),
        });
        all.collect()
    }

    pub(super) fn expired(&self) -> Vec<String> {
        let over = self.over.iter().map(|(is_exception, entry)| {
            let what = if *is_exception { "exception" } else { "entry" };
            let ticket = entry.ticket.as_ref().map(|it| format!(" ({it})"));
            let until = entry.until.map(|it| format!(" until {it}"));
            format!(
                "{what} expired: {}{}{}",
                entry.name.as_str(),
                ticket.unwrap_or_default(),
                until.unwrap_or_default()
            )
        });
        over.collect()
    }
}

fn is_for(entry: &ControlEntry, place: &ControlPlace<'_>) -> bool {
    let standards = entry.standards.as_ref();
    standards.is_none_or(|it| it.iter().any(|name| name == place.short)) && entry.name.names(place)
}
