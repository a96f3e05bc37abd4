//! Organization events from a queue: `EventBridge` envelopes, also inside SNS notifications. Each
//! is handled once, none is lost, and unhandled ones are parked (`organization.md` §0.4).
//!
//! Contains no AWS queues, SQL or event semantics: see [`EventHandler`].

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
