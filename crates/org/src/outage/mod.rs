//! Outage drills: a temporary deny policy is applied, listed, removed and reaped (`policies.md`
//! §8.3).

mod apply;
mod file;
mod list;
mod probes;
mod remove;

pub use crate::steps::BreakGlass;
pub(crate) use apply::check_target;
pub use apply::{ApplyDrill, check_drill, plan_apply};
pub use file::DrillFile;
pub use list::{DrillRow, DrillState, list};
pub use probes::{ProbeRow, probes};
pub use remove::{plan_reap, plan_remove};

/// Policy name prefix, followed by the drill's id.
pub const NAME_PREFIX: &str = "hallpass-drill-";
pub const TAG_ID: &str = "hallpass:drill";
pub const TAG_END: &str = "hallpass:end";
const ID_DIGITS: usize = 12;

pub(crate) fn name_of(id: &str) -> String {
    format!("{NAME_PREFIX}{id}")
}
