//! Fills the inventory tables: calls per slice, their order, and rows from answers. A slice is
//! complete or absent, and each requested one is reported once. Never knows networks, credentials,
//! files or clocks: calls, waiting and the instant are in [`ServiceCalls`] and [`OktaCalls`],
//! finished slices in a [`SliceStore`].
#![expect(
    clippy::result_large_err,
    reason = "a failure has what a row of the errors has, and a slice has one at most"
)]

mod ports;
mod scope;

mod collector;
mod csv;
mod documents;
mod rows;

mod account_access;
mod answers;
mod assignments;
mod contacts;
mod enumeration;
mod iam;
mod identity_center;
mod identity_store;
mod okta;
mod organizations;
mod people_list;
mod permission_sets;
mod regions;

mod run;

pub use enumeration::{EnumerationPlan, EnumerationSizes, PlanChoice};
pub use okta::{OktaProblem, next_link, same_origin};
pub use people_list::{PeopleForm, PeopleList};
pub use ports::{
    AnswerPage, CallPlace, CalledOperation, OktaCalls, OktaPage, PageAnswer, ServiceCalls,
    SliceStore, TemporaryAssignments,
};
pub use run::{CollectError, collect, explain};
pub use scope::SyncScope;
