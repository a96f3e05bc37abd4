//! Commands of who runs the server and takes access away.

pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod findings;
pub(crate) mod guard;
pub(crate) mod insights;
pub(crate) mod lambda;
pub(crate) mod lock;
pub(crate) mod org;
pub(crate) mod outage;
pub(crate) mod people;
pub(crate) mod plan;
pub(crate) mod remediate;
pub(crate) mod revoke;
pub(crate) mod serve;
pub(crate) mod server;
pub(crate) mod sessions;
pub(crate) mod slack;
pub(crate) mod standing;
pub(crate) mod store;
pub(crate) mod sweep;
pub(crate) mod token;
