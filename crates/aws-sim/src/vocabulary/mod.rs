//! Vocabulary of both organization file and simulated world: Regions, policy types, session
//! lengths, switches.

mod behaviour;
pub(crate) mod policy_types;
pub(crate) mod regions;
mod session_length;

pub(crate) use behaviour::Behaviour;
pub(crate) use session_length::session_seconds;
