//! The simulated Slack `/_slack/` (`simulator.md` §6): a workspace with people and one installed
//! app, the Web API, and signed requests to the app. The core (`workspace`, `blocks`, `methods`,
//! `acts`, `hooks`) is pure; `router`, `deliver` and `socket` are its edges. The host supplies
//! clock, faults and the call log. Knows nothing of the app's purpose.

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
