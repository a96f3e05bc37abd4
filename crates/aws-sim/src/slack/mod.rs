//! The simulated Slack `/_slack/` (`simulator.md` §6): a workspace with people and one installed
//! app, the Web API that the app calls, and people whose acts reach the app as signed requests.
//! The core (`workspace`, `blocks`, `methods`, `acts`, `hooks`) is pure; `face`, `deliver` and
//! `socket` are its edges. Knows nothing of what the app is for, and reaches nobody.

mod settings;
mod text;
mod workspace;

mod acts;
mod blocks;
mod hooks;
mod methods;
mod recorder;

mod deliver;
mod forms;
mod page;
mod perform;
mod router;
mod socket;

pub(crate) use router::router;
pub(crate) use settings::check;
pub(crate) use socket::Wires;
pub(crate) use workspace::Workspace;
