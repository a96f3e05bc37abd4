//! Seeded in-process runs of the whole core: real journey, executor and store logic; simulated
//! time, randomness and AWS; and a gate that fails or stops any port call. Never shipped.

mod broken;
mod call_faults;
mod center;
mod checks;
mod clock;
mod directory;
mod entitlements;
mod gate;
mod gate_sources;
mod guard;
mod hazard;
mod journals;
mod landmarks;
mod ledger;
mod nodes;
pub mod past;
mod refusals;
mod world;

pub use broken::Broken;
pub use call_faults::CallFaults;
pub use center::{Answers, Center, Habits, Refuses};
pub use checks::{check_all, check_stored};
pub use clock::{Ids, Machine, ProcessTime, Wall};
pub use directory::SimulatedDirectory;
pub use entitlements::Entitlements;
pub use gate::{Gate, GateMode, GatePlan};
pub use guard::{GuardBeside, GuardView};
pub use hazard::{Mishap, Planned};
pub use journals::{Journals, Papers};
pub use landmarks::{Landmark, Reached};
pub use ledger::{Ledger, NodeWrite};
pub use nodes::{Cluster, Life, Lived, Weakness};
pub use refusals::{armed_statements, refused_after};
pub use world::{Human, World};
