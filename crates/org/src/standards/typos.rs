//! Unknown names in a file (`organization.md` S-2, S-3): a misspelled name is never treated as not
//! offered.

use std::collections::BTreeSet;

use hallpass_base::AccountId;

use super::facts::{HubFacts, HubLook, StandardsFacts};
use super::file::StandardsFile;
use super::names::{ControlName, short_name, standard_of};
use super::units::UnitTree;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedThing {
    Standard,
    Control,
    Unit,
    Account,
}

impl NamedThing {
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Control => "control",
            Self::Unit => "organizational unit",
            Self::Account => "account",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnknownName {
    /// `None` for an argument.
    pub line: Option<u64>,
    pub what: NamedThing,
    pub name: String,
    pub known: BTreeSet<String>,
}

impl std::fmt::Display for UnknownName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        let (what, name) = (self.what.name(), &self.name);
        match self.what {
            NamedThing::Standard => {
                write!(f, "no Region that was queried offers a {what} `{name}`")
            }
            NamedThing::Control => write!(f, "no Region that was queried knows a {what} `{name}`"),
            NamedThing::Unit | NamedThing::Account => {
                write!(f, "the organization has no {what} `{name}`")
            }
        }
    }
}

/// Standards and controls unknown in every read Region; empty if no Region could be read.
pub fn unknown_names(file: &StandardsFile, facts: &StandardsFacts) -> Vec<UnknownName> {
    let hubs: Vec<&HubFacts> = facts
        .hubs
        .values()
        .filter_map(|look| match look {
            HubLook::Seen(hub) => Some(hub.as_ref()),
            HubLook::Skipped(_) | HubLook::Blocked(_) | HubLook::Unread(_) => None,
        })
        .collect();
    let central = facts.central.iter().flat_map(|it| &it.offered);
    let offered = hubs.iter().flat_map(|it| &it.offered).chain(central);
    let standards: BTreeSet<String> = offered.map(|it| short_name(it).to_owned()).collect();
    let of_standards = hubs.iter().flat_map(|it| it.controls.values().flatten());
    let controls: BTreeSet<String> = of_standards
        .chain(hubs.iter().flat_map(|it| &it.other_controls))
        .cloned()
        .collect();
    let missing = |what, known: &BTreeSet<String>, line, name: &str| {
        (!known.is_empty() && !known.contains(name)).then(|| UnknownName {
            line: Some(line),
            what,
            name: name.to_owned(),
            known: known.clone(),
        })
    };
    let of_standards = file
        .named_standards()
        .filter_map(|(line, name)| missing(NamedThing::Standard, &standards, line, name));
    let of_controls = file.named_controls().filter_map(|(line, name)| match name {
        ControlName::Id(id) => missing(NamedThing::Control, &controls, line, id),
        ControlName::Arn(arn) => {
            let (prefix, control) = arn.split_once(CONTROL)?;
            let (standard, _) = standard_of(control)?;
            if !standards.contains(standard) {
                return missing(NamedThing::Standard, &standards, line, standard);
            }
            let known = called_in(standard, &hubs);
            // a standard's own control names are known only where it is enabled
            let is_known = known.is_empty() || known.contains(control);
            (!is_known).then(|| UnknownName {
                line: Some(line),
                what: NamedThing::Control,
                name: arn.clone(),
                known: known
                    .iter()
                    .map(|it| format!("{prefix}{CONTROL}{it}"))
                    .collect(),
            })
        }
    });
    let all: BTreeSet<UnknownName> = of_standards.chain(of_controls).collect();
    all.into_iter().collect()
}

const CONTROL: &str = ":control/";

/// Control names of an enabled standard: `pci-dss/v/3.2.1/PCI.IAM.6`.
fn called_in<'a>(standard: &str, hubs: &[&'a HubFacts]) -> BTreeSet<&'a str> {
    let all = hubs.iter().flat_map(|it| &it.associations);
    let of_standard = all.filter(|((it, _), _)| short_name(it) == standard);
    let arns = of_standard.flat_map(|(_, it)| &it.arns);
    arns.filter_map(|it| Some(it.split_once(CONTROL)?.1))
        .collect()
}

/// Unknown units and accounts in a file and in arguments.
pub(super) fn unknown_places<'a>(
    file: Option<&StandardsFile>,
    units_asked: &[String],
    accounts_asked: impl Iterator<Item = &'a AccountId>,
    tree: &UnitTree,
) -> Vec<UnknownName> {
    let places: Vec<_> = file.into_iter().flat_map(StandardsFile::places).collect();
    let units = places
        .iter()
        .filter_map(|(line, it)| Some((Some(*line), it.ou.as_deref()?)));
    let units = units.chain(units_asked.iter().map(|it| (None, it.as_str())));
    let accounts = places
        .iter()
        .filter_map(|(line, it)| Some((Some(*line), it.account.as_ref()?)));
    let accounts = accounts.chain(accounts_asked.map(|it| (None, it)));
    let name = |what, line, name: &str, known| UnknownName {
        line,
        what,
        name: name.to_owned(),
        known,
    };
    let units = units
        .filter(|(_, it)| tree.unit(it).is_none())
        .map(|(line, it)| {
            let known = tree.paths.values().chain(tree.paths.keys());
            name(NamedThing::Unit, line, it, known.cloned().collect())
        });
    let accounts = accounts
        .filter(|(_, it)| !tree.accounts.contains_key(it.as_str()))
        .map(|(line, it)| {
            let known = tree.accounts.keys().cloned().collect();
            name(NamedThing::Account, line, it.as_str(), known)
        });
    let unknown: BTreeSet<UnknownName> = units.chain(accounts).collect();
    unknown.into_iter().collect()
}
