//! The simulated Slack `/_slack/` (`simulator.md` §6): a workspace with people and one installed
//! app, the Web API that the app calls, and people whose acts reach the app as signed requests.
//! The core (`workspace`, `blocks`, `methods`, `acts`, `hooks`) is pure; `router`, `deliver` and
//! `socket` are its edges. Clock, faults and the log of calls are its host's.
//! Knows nothing of what the app is for, and reaches nobody.

mod settings;
mod text;
mod workspace;

mod acts;
mod blocks;
mod hooks;
mod methods;
mod recorder;

mod deliver;
mod face;
mod forms;
mod host;
mod page;
mod perform;
mod router;
mod socket;

pub use face::{SlackFacts, SlackSimulator};
pub use host::{MethodFault, MethodFaults, MethodRecord, SlackFault, SlackHost};
pub use router::router;
pub use settings::check;
