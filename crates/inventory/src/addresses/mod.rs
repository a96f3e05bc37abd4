//! The public addresses of an organization, as AWS Config recorded them: the queries, their answers,
//! the owner of each address, and gaps (`inventory.md` §6).
//!
//! Knows Config's query language and the resources that have public addresses. Never knows networks,
//! credentials, files or clocks: calls go through [`crate::collect::ServiceCalls`].

mod kind;
mod sighting;

mod attached;
mod pages;
mod query;
mod read;
mod select_error;

mod address;

mod aggregator;
mod coverage;
mod live;
mod report;

pub use address::{AddressFamily, AddressOwner, FoundAddress, merged};
pub use aggregator::{Aggregator, BadAggregatorName};
pub use attached::AttachedKind;
pub use coverage::{
    ExpectedPlaces, UncoveredPlace, account_names, expected_places, uncovered_by_aggregator,
    unrecorded,
};
pub use kind::{AddressKind, UnknownKind};
pub use live::{
    AddressDifference, AddressVerification, DifferenceSide, LiveAddress, differences,
    elastic_addresses, interface_addresses,
};
pub use query::{AddressQuery, QueryComparison, queries};
pub use read::{AnswerProblem, ReadItems, read_items};
pub use report::{AddressChange, AddressReport, ChangeSide, NEVER_FOUND, changes};
pub use select_error::SelectError;
pub use sighting::AddressSighting;
