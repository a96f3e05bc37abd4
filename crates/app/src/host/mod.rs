//! The local machine: descriptors, key and lock files, store engine, snapshots, companion.
//! Independent of the configuration.

pub mod access_snapshots;
pub mod activity_days;
pub mod denial_details;
pub mod descriptors;
pub mod facts;
pub mod file_lock;
pub mod geo;
pub mod home_region;
pub mod keys;
pub mod live_grants;
pub mod named_calls;
pub mod new_file;
pub mod ownership;
pub mod program;
pub mod query_binary;
pub mod random_ids;
pub mod replaced_file;
pub mod runtime;
pub mod selection_args;
pub mod server_store;
pub mod snapshots_at;
pub mod status_http;
pub mod suggestions;
pub mod team_export;
pub mod team_tables;
pub mod timer;
pub mod vpn_judge;
