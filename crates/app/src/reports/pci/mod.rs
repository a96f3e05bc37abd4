//! User passwords and activity, for `hallpass activity pci` and the scheduled server run
//! (`inventory.md` §7).

mod alerting;
mod arguments;
mod evidence;
mod listing;
mod lookup;
mod queue;
mod reading;

pub use alerting::{PciReported, alert_rules, all_clear, tell};
pub use arguments::{OtherRegions, PciReading, Telling};
pub use evidence::{document, evidence};
pub use listing::listed_people;
pub use lookup::{EventLookup, each_page};
pub use queue::{EmitTarget, region_of, send};
pub use reading::{RanReport, read};
