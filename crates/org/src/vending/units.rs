//! Resolves the cell `OrgUnit` (`organization.md` V-3).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::facts::VendingFacts;
use super::listed::UnitFacts;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgUnit {
    pub id: String,
    pub name: String,
    /// Account Factory's form: `Name` directly below the root, else `Name (ou-…)`.
    pub managed_name: String,
}

/// Texts for the column `ErrorMsg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitRefused {
    Missing,
    Ambiguous(Vec<String>),
    /// The id's unit has another name.
    OtherName {
        id: String,
        expected: String,
    },
    NotRegistered,
}

impl fmt::Display for UnitRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("OrgUnit does not exist"),
            Self::Ambiguous(ids) => write!(f, "OrgUnit is ambiguous: {}", ids.join(", ")),
            Self::OtherName { id, expected } => {
                write!(f, "OrgUnit name does not match {id}: expected {expected}")
            }
            Self::NotRegistered => f.write_str("OrgUnit is not registered with Control Tower"),
        }
    }
}

/// Resolves `Name`, `Name (ou-…)`, `ou-…` or `/Parent/Child`.
///
/// # Errors
/// No unit, or one not governed in an organization with Control Tower.
pub fn find_unit(cell: &str, facts: &VendingFacts) -> Result<OrgUnit, UnitRefused> {
    let unit = named_unit(cell.trim(), facts)?;
    if facts.has_landing_zone && !unit.registered {
        return Err(UnitRefused::NotRegistered);
    }
    let managed_name = if unit.parent == facts.root {
        unit.name.clone()
    } else {
        format!("{} ({})", unit.name, unit.id)
    };
    Ok(OrgUnit {
        id: unit.id.clone(),
        name: unit.name.clone(),
        managed_name,
    })
}

fn named_unit<'a>(cell: &str, facts: &'a VendingFacts) -> Result<&'a UnitFacts, UnitRefused> {
    let of_id = |id: &str| facts.units.iter().find(|unit| unit.id == id);
    if is_unit_id(cell) {
        return of_id(cell).ok_or(UnitRefused::Missing);
    }
    if let Some((name, id)) = name_and_id(cell) {
        let unit = of_id(id).ok_or(UnitRefused::Missing)?;
        if unit.name != name {
            return Err(UnitRefused::OtherName {
                id: unit.id.clone(),
                expected: unit.name.clone(),
            });
        }
        return Ok(unit);
    }
    if let Some(path) = cell.strip_prefix('/') {
        return at_path(path, facts);
    }
    let mut named = facts.units.iter().filter(|unit| unit.name == cell);
    match (named.next(), named.next()) {
        (None, _) => Err(UnitRefused::Missing),
        (Some(unit), None) => Ok(unit),
        (Some(_), Some(_)) => {
            let all = facts.units.iter().filter(|unit| unit.name == cell);
            let mut ids: Vec<String> = all.map(|unit| unit.id.clone()).collect();
            ids.sort();
            Err(UnitRefused::Ambiguous(ids))
        }
    }
}

/// Sibling names are unique, so a path is unambiguous.
fn at_path<'a>(path: &str, facts: &'a VendingFacts) -> Result<&'a UnitFacts, UnitRefused> {
    let mut parent = facts.root.as_str();
    let mut found = None;
    for name in path.trim_end_matches('/').split('/') {
        let is_it = |unit: &&UnitFacts| unit.parent == parent && unit.name == name;
        let unit = facts.units.iter().find(is_it).ok_or(UnitRefused::Missing)?;
        parent = &unit.id;
        found = Some(unit);
    }
    found.ok_or(UnitRefused::Missing)
}

/// `Name (ou-…)`, space optional.
fn name_and_id(cell: &str) -> Option<(&str, &str)> {
    let (name, rest) = cell.rsplit_once('(')?;
    let id = rest.strip_suffix(')')?.trim();
    is_unit_id(id).then_some((name.trim_end(), id))
}

/// Matches `^ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}$`.
fn is_unit_id(text: &str) -> bool {
    let is_part = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len())
            && part
                .bytes()
                .all(|it| it.is_ascii_digit() || it.is_ascii_lowercase())
    };
    let parts = text.strip_prefix("ou-").and_then(|it| it.split_once('-'));
    parts.is_some_and(|(root, own)| is_part(root, 4..=32) && is_part(own, 8..=32))
}
