//! The tamper-evident audit log: what is recorded, how records are chained, how anyone verifies
//! an export without trusting us, and how records leave the store.
//!
//! A [`Draft`] says what happened; [`seal`] gives it a number and a place in the chain; the store
//! does that inside the transaction of the change itself (promise P6). [`verify`] needs nothing
//! but the records and, when there are any, the published heads.
//!
//! Knows nothing of requests' rules, of databases or of AWS clients.
#![warn(missing_docs)]

mod chain;
mod draft;
mod export;
mod follow;
mod ports;
mod sign;
mod verify;

pub use chain::{GENESIS_HASH, Head, Record, RecordError, seal};
pub use draft::{Approval, Draft, Event, NOT_APPLICABLE, Origin};
pub use export::{ExportError, ExportReport, export_pending, head_key, object_key, publish_head};
pub use follow::Followed;
pub use ports::{AuditStore, ExportTarget, RecordQuery, SinkError, StoreFault};
pub use sign::{KeyFault, PublicKey, SignatureFault, Signer, canonical};
pub use verify::{Fault, FaultKind, Finding, Input, Verified, verify};
