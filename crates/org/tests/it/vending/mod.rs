//! Lists of accounts (`organization.md` §1).

mod checking;
mod earlier;
mod factory;
mod making;
mod somebody;
mod stops;
mod users;
mod world;
