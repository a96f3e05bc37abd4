//! Outage drills: a policy that denies for a while, put in place, listed, removed and reaped
//! (`policies.md` §8.3).

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

/// How the policies of drills are called: this, then the drill's id.
pub const NAME_PREFIX: &str = "hallpass-drill-";
/// The tag that holds a drill's id.
pub const TAG_ID: &str = "hallpass:drill";
/// The tag that holds a drill's end.
pub const TAG_END: &str = "hallpass:end";
/// Digits of a drill's id.
const ID_DIGITS: usize = 12;

/// The name of a drill's policy.
pub(crate) fn name_of(id: &str) -> String {
    format!("{NAME_PREFIX}{id}")
}
