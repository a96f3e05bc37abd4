//! Shared base of the simulators: seeded randomness, virtual time, token buckets, and the control
//! paths: access, refusals, connections that faults can cut.
//!
//! Knows nothing of AWS or Slack.

mod bucket;
mod connections;
mod control_access;
mod parameters;
mod problem;
mod random;
mod refusal;
mod time;

pub use bucket::Bucket;
pub use connections::{ConnectionHandle, Cut, cut, pause, serve};
pub use control_access::{ControlAccess, KEPT_OUT, guarded};
pub use parameters::{JsonAnswer, Parameters, check_parameters, parameter, read_json};
pub use problem::Problem;
pub use random::{Random, hash};
pub use refusal::Refusal;
pub use time::{Millis, instant};
