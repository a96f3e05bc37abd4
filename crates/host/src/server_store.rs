//! Which engine keeps everything: named here alone, for the whole binary.

/// Where the server keeps everything.
pub type ServerStore = hallpass_store::SqlStore;
