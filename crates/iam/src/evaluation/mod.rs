//! From policies and a request to a decision.

mod arn_pattern;
mod caller;
mod condition;
mod context;
mod decide;
mod explain;
mod grid;
mod policy;
mod request;
mod resource_pattern;
mod template;
pub(crate) mod values;
mod words;

pub(crate) use caller::Listed;
pub use caller::{Caller, CallerKind, CallerMatch};
pub(crate) use condition::Condition;
pub use condition::Reason;
pub use context::{Context, ContextValue};
pub use decide::{Decision, GrantedBy, Layer, Layers, decide};
pub use explain::{ConditionTrace, Decider, Explanation, StatementTrace, explain};
pub use grid::{Grid, GridCaller, GridResource, GridRows};
pub use policy::Policy;
pub use request::Request;
pub(crate) use template::split_outside;
