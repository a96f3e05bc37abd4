//! The `hallpass` binary: a command line in, one exit code out.
//!
//! Reads arguments, runs the one command they name, prints what went wrong. What a command does
//! is in `commands/`, one file each.

mod access_look;
mod access_snapshots;
mod account_factory;
mod activity_days;
mod alerts;
mod aws_portal;
mod bad_names;
mod browser;
mod cli;
mod client;
mod clock;
mod commands;
mod comparisons;
mod compose;
mod config;
mod credentials;
mod delegation_files;
mod descriptors;
mod event_intake;
mod exit;
mod facts;
mod file_lock;
mod follow;
mod generated;
mod geo;
mod guards;
mod heads;
mod held;
mod ids;
mod keys;
mod lifecycle_news;
mod live_grants;
mod logging;
mod logs;
mod named_calls;
mod okta;
mod old_names;
mod opening;
mod output;
mod pci;
mod person;
mod plans;
mod prompt;
mod providers;
mod random_ids;
#[cfg(test)]
mod reference;
mod remediations;
mod scim;
mod selection_args;
mod server_store;
mod snapshots_at;
mod standards_follow;
mod standards_words;
mod status_http;
mod tables;
mod target_args;
mod text_file;
mod timer;
mod vending_drop;
mod vending_lists;
mod vending_mail;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = match cli::parse() {
        Ok(called) => {
            let form = called.form;
            cli::run(called).unwrap_or_else(|failure| {
                failure.report(form);
                failure.exit()
            })
        }
        Err(exit) => exit,
    };
    exit.into()
}
