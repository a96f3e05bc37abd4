//! Pure part of a Client VPN client-connect handler (`policies.md` §9.2, `organization.md` §5):
//! event text in, response out. Country lookup is a port, [`Countries`], implemented outside this
//! crate. Everything unexpected is a denial.

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
