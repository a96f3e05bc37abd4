//! Commands of operators: the server, its store, log, guard and people; the demo and the simulator.
//! One module a command.

pub mod absence;
pub mod audit;
pub mod campaign;
pub mod demo;
pub mod doctor;
mod first_sign_in;
pub mod group_sync;
pub mod guard;
pub mod init;
pub mod lambda;
pub mod lock;
pub mod people;
mod report;
pub mod server;
pub mod sessions;
pub mod sim;
pub mod standing;
pub mod store;
pub mod sweep;
pub mod token;
