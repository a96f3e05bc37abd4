//! Whether files of a trail are those that CloudTrail delivered: their hashes are in digests, and each digest is signed and
//! vouches for the one before it (AWS CloudTrail User Guide, "`CloudTrail` digest file structure", "Custom implementations
//! of `CloudTrail` log file integrity validation"; `inventory.md` H-37 to H-39).

mod document;
mod keys;
mod listing;

mod check;
mod report;

pub use check::verify_digests;
pub use keys::{KeyError, PublicKeys};
pub use listing::{DigestChain, digest_chains};
pub use report::{ChainSpan, DigestFault, DigestFinding, DigestReport};
