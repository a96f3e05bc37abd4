//! Country lookup in a list of ranges: lines `cidr,country`, the longest prefix wins.

use std::collections::HashMap;
use std::net::IpAddr;

use super::country::{Countries, Country, Lookup};
use crate::generate::address::AddressRange;
use crate::input::BadInput;

const LINES_MAX: usize = 2_000_000;

#[derive(Debug, Clone, Default)]
pub struct CsvCountries {
    ranges: HashMap<AddressRange, Country>,
    lengths: Vec<u8>,
}

impl CsvCountries {
    /// Parses the list; a first line `cidr,country` is the header.
    ///
    /// # Errors
    /// `E_CIDR` or `E_COUNTRY` with the line, `E_LIMIT`.
    pub fn parse(text: &str) -> Result<Self, BadInput> {
        let mut list = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || (number == 0 && line == "cidr,country") {
                continue;
            }
            let place = format!("line {}", number + 1);
            if list.ranges.len() >= LINES_MAX {
                let message = format!("more than {LINES_MAX} ranges");
                return Err(BadInput::new("E_LIMIT", message, place));
            }
            let parsed = line.split_once(',').and_then(|(cidr, code)| {
                let (range, _) = AddressRange::parse(cidr.trim())?;
                Some((range, Country::shaped(code.trim())?))
            });
            let Some((range, country)) = parsed else {
                let message = format!("`{line}` is no line `cidr,country`");
                return Err(BadInput::new("E_CIDR", message, place));
            };
            list.ranges.insert(range, country);
        }
        list.lengths = list.ranges.keys().map(|range| range.prefix()).collect();
        list.lengths.sort_unstable();
        list.lengths.dedup();
        list.lengths.reverse();
        Ok(list)
    }
}

impl Countries for CsvCountries {
    fn country(&self, address: IpAddr) -> Lookup {
        let most = AddressRange::of(address).prefix();
        let mut lengths = self.lengths.iter().filter(|length| **length <= most);
        let found = lengths.find_map(|length| {
            self.ranges
                .get(&AddressRange::around(address, *length))
                .copied()
        });
        found.map_or(Lookup::Unknown, Lookup::Found)
    }
}
