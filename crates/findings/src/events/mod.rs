//! Events of an organization from a queue: `EventBridge` envelopes, also inside notifications of SNS. Each is
//! handled once, none is lost, and what nobody can handle is parked in sight (`organization.md` §0.4).
//!
//! Knows envelopes, and when a message may go. Never knows queues of AWS, SQL, or what an event means: that is
//! for an [`EventHandler`].

mod envelope;
mod intake;
mod invocation;
mod ports;
mod record;

pub use envelope::{OrganizationEvent, UnreadableEvent, read_event};
pub use intake::{EventIntake, EventRound, IntakeFault, IntakeLimits};
pub use invocation::{InvocationAnswer, answer_invocation};
pub use ports::{
    EventHandler, EventMemory, EventMemoryFault, EventQueue, HandledEvent, QueueFault,
    QueuedMessage,
};
pub use record::{EventKey, EventRecord, EventState};
