//! Commands of who runs the server, watches over it and takes access away.

pub mod audit;
pub mod doctor;
pub mod group_sync;
pub mod guard;
pub mod init;
pub mod lambda;
pub mod lock;
pub mod people;
mod report;
pub mod server;
pub mod sessions;
pub mod slack;
pub mod standing;
pub mod store;
pub mod sweep;
pub mod token;
