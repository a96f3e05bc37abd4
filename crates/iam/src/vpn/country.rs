//! Country codes, and the port for country lookup.

use std::fmt;
use std::net::IpAddr;

use crate::input::BadInput;

const CODES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH \
ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT \
HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS \
LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI \
NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

const MEANT: &[(&str, &str)] = &[
    ("UK", "GB"),
    ("EL", "GR"),
    ("EN", "GB"),
    ("USA", "US"),
    ("GBR", "GB"),
    ("DEU", "DE"),
    ("FRA", "FR"),
];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Parses a code assigned by ISO 3166-1, in either case.
    ///
    /// # Errors
    /// `E_COUNTRY`, with the likely code if known.
    pub fn parse(text: &str, pointer: &str) -> Result<Self, BadInput> {
        let upper = text.trim().to_ascii_uppercase();
        let known = Self::shaped(&upper).filter(|_| CODES.split(' ').any(|code| code == upper));
        known.ok_or_else(|| {
            let meant = MEANT.iter().find(|(wrong, _)| *wrong == upper);
            let hint = meant.map_or_else(
                || "write an ISO 3166-1 alpha-2 code, such as US or DE".to_owned(),
                |(_, code)| format!("write {code}"),
            );
            let message = format!("`{}` is no country: {hint}", text.trim());
            BadInput::new("E_COUNTRY", message, pointer)
        })
    }

    /// Accepts any two letters: databases hold some that ISO does not assign (`XK`).
    pub fn shaped(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Some(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    Found(Country),
    Unknown,
    Failed(String),
}

/// Country lookup. Called once per connection, with a public unmapped address; must answer
/// immediately (the service gives up after 30 s) and may fail.
pub trait Countries {
    fn country(&self, address: IpAddr) -> Lookup;
}

/// The first definite answer wins; a failure is returned only if no source has an answer.
impl Countries for [Box<dyn Countries + Send + Sync>] {
    fn country(&self, address: IpAddr) -> Lookup {
        let mut last = Lookup::Unknown;
        for source in self {
            match source.country(address) {
                found @ Lookup::Found(_) => return found,
                Lookup::Unknown => {}
                failed @ Lookup::Failed(_) => last = failed,
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_in_order() {
        let codes: Vec<&str> = CODES.split(' ').collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted());
        assert!(codes.iter().all(|it| Country::shaped(it).is_some()));
    }

    #[test]
    fn what_is_no_code_is_told_with_the_code_that_was_meant() {
        assert_eq!(Country::parse(" gb", "").unwrap().as_str(), "GB");
        for (text, words) in [
            ("uk", "`uk` is no country: write GB"),
            (
                "XK",
                "`XK` is no country: write an ISO 3166-1 alpha-2 code, such as US or DE",
            ),
            (
                "",
                "`` is no country: write an ISO 3166-1 alpha-2 code, such as US or DE",
            ),
        ] {
            let error = Country::parse(text, "--allow").unwrap_err();
            assert_eq!((error.code, error.message.as_str()), ("E_COUNTRY", words));
        }
    }
}
