//! Verifies that trail files are as delivered: digests hold their hashes, and each digest is signed
//! and describes its predecessor (AWS CloudTrail User Guide, "`CloudTrail` digest file structure",
//! "Custom implementations of `CloudTrail` log file integrity validation"; `inventory.md` H-37 to
//! H-39).

mod document;
mod keys;
mod listing;

mod check;
mod report;

pub use check::verify_digests;
pub use keys::{KeyError, PublicKeys};
pub use listing::{DigestChain, digest_chains};
pub use report::{ChainSpan, DigestFault, DigestFinding, DigestReport};
