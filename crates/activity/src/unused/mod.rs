//! Finds unused permissions (`inventory.md` H-30): allowed actions without calls in the activity
//! table. Actions that `CloudTrail` does not log by default are never unused.

mod events;
mod implied_actions;
mod report;
mod uncalled;

pub(crate) use events::prefix_of;
pub use events::{Visibility, iam_action, visibility};
pub use implied_actions::{EventActions, event_actions};
pub use report::{CalledAction, Right, RightState, ServiceRights, by_service, rights};
