//! The tamper-evident audit log: its events, the chain, verification of an export without trust in
//! the operator, and the export.
//!
//! The store applies [`seal`] to a [`Draft`] in the transaction of the change (promise P6).
//! [`verify`] needs only the records and any published heads. An external witness countersigns
//! signed heads ([`WitnessWatch`]): after that, even the operator cannot change records undetected
//! ([`assure`]).

mod alarm;
mod canonical;
mod chain;
mod draft;
mod event;
mod export;
mod follow;
mod head;
mod keys;
mod look;
mod memory;
mod ports;
mod query;
mod reach;
mod read;
mod sign;
mod statement;
mod verify;
mod witness;

pub use alarm::{Alarm, AlarmKind};
pub use chain::{GENESIS_HASH, Head, Record, RecordError, SEQ_MAX, seal};
pub use draft::{Approval, DecisionFact, Draft, ImportedRequest, NOT_APPLICABLE, Origin};
pub use event::Event;
pub use export::{
    ExportError, ExportReport, HEADS_FOLDER, ObjectKind, export_pending, head_key, object_key,
    publish_head,
};
pub use follow::Followed;
pub use head::{HeadFault, LogId, LogIdFault, PublishedHead};
pub use keys::{
    KeyDoubt, KeyLineFault, KeyListFault, TrustedKeys, key_file, read_key_file,
    read_public_key_file,
};
pub use look::{ExportLocation, LookError, look};
pub use memory::{Remembered, WitnessMemory};
pub use ports::{
    AuditStore, ExportSource, ExportTarget, HeadSigner, SignFault, SinkError, SinkErrorKind,
    StoreFault,
};
pub use query::{
    FoundRecords, Mention, Order, RecordQuery, RecordSubject, Words, mentions, names_user,
};
pub use reach::{Assurance, Evidence, Trust, Witnessed, assure};
pub use read::{
    Export, ReadExportError, read_all_evidence, read_evidence, read_export, read_records,
};
pub use sign::{KeyFault, PublicKey, SignatureFault, Signer, Unsigned, canonical};
pub use statement::{Statement, StatementFault, WitnessName, WitnessNameFault};
pub use verify::{
    BadRecord, Claim, FaultKind, Input, Verified, VerifyResult, verify, verify_claims,
};
pub use witness::{Concluded, KnownKeys, WitnessWatch};
pub mod testing;
