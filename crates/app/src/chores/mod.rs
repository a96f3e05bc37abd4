//! The organization's chores for commands and server: plans, account lists, standards,
//! remediations, drift, events.

pub mod access_look;
pub mod account_factory;
pub mod comparisons;
pub mod delegation_files;
pub mod event_intake;
pub mod lifecycle_news;
pub mod people_news;
pub mod plans;
pub mod remediations;
pub mod standards_follow;
pub mod standards_words;
pub mod vending_drop;
pub mod vending_lists;
pub mod vending_mail;
