//! Which Client VPN connections may start (`policies.md` §9.2, `organization.md` §5): the pure part
//! of a client-connect handler.
//!
//! Event text in, response out. Where an address lies is a port, [`Countries`]; the file of a
//! provider fills it outside this crate. Everything unexpected is a denial.

mod country;
mod csv;
mod event;
mod handler;
mod policy;

pub use country::{Countries, Country, Lookup};
pub use csv::CsvCountries;
pub use event::{Event, Schema};
pub use handler::{Reason, VpnAnswer, handler};
pub use policy::{
    CountryDatabase, DEFAULT_TEXT, DenyList, MESSAGE_BYTES_MAX, Otherwise, Policy, deny_list,
};
