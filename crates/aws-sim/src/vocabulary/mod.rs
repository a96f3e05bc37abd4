//! What both the organization file and the simulated world speak of, whatever either holds:
//! Regions, types of policies, lengths of sessions, switches.

mod behaviour;
pub(crate) mod policy_types;
pub(crate) mod regions;
mod session_length;

pub(crate) use behaviour::Behaviour;
pub(crate) use session_length::session_seconds;
