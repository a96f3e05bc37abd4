//! What is allowed and was not used (`inventory.md` H-30): the actions that policies allow, held against the calls of the
//! activity table. What `CloudTrail` does not log by default is never called unused.

mod behind;
mod events;
mod report;
mod uncalled;

pub use behind::{EventActions, event_actions};
pub(crate) use events::prefix_of;
pub use events::{Visibility, iam_action, visibility};
pub use report::{CalledAction, Right, RightState, ServiceRights, by_service, rights};
