//! Common setup of commands on the server's machine: configuration, store, AWS, rules, users,
//! loops.

pub mod clock;
pub mod each_account;
pub mod earlier_log;
pub mod facts;
pub mod heads;
pub mod journey;
mod kept_instance;
pub mod member_role;
pub mod opening;
pub mod parts;
pub mod person;
mod postgres_password;
pub mod progress;
pub mod providers;
pub mod rule_files;
pub mod service_manager;
pub mod sources;
pub mod waiting;
