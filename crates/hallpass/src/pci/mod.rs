//! Passwords and activity of people, read and judged: for `hallpass activity pci` and for the server, which does it on a schedule
//! (`inventory.md` §7).

mod alerting;
mod asked;
mod evidence;
mod listing;
mod lookup;
mod queue;
mod reading;

pub(crate) use alerting::{PciTold, alert_rules, all_clear, tell};
pub(crate) use asked::{PciReading, Telling};
pub(crate) use evidence::{document, evidence};
pub(crate) use listing::listed_people;
pub(crate) use lookup::{EventLookup, each_page};
pub(crate) use queue::{EmitTarget, region_of, send};
pub(crate) use reading::{RanReport, read};
