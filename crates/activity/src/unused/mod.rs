//! Finds unused permissions (`inventory.md` H-30): allowed actions without calls in the activity
//! table. Actions that `CloudTrail` does not log by default are never unused.

mod behind;
mod events;
mod report;
mod uncalled;

pub use behind::{EventActions, event_actions};
pub(crate) use events::prefix_of;
pub use events::{Visibility, iam_action, visibility};
pub use report::{CalledAction, Right, RightState, ServiceRights, by_service, rights};
