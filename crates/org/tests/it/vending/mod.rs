//! Lists of accounts (`organization.md` §1).

mod checking;
mod factory;
mod making;
mod stops;
mod users;
mod world;
