//! Creates accounts from a CSV (`organization.md` §1), each in its unit with its access, and writes
//! the results back.
//!
//! ```text
//!   CSV ──► AccountsFile ─┐
//!                         ├─► check ──► one verdict a row ──► plan ──► runner ──► results ──► CSV
//!   organization ─► facts ┘
//! ```
//!
//! Everything but the executor is pure.

mod cells;
mod file;
mod status;

mod units;

mod check;
mod email;
mod facts;
mod fault;

mod capacity;
mod earlier;
mod mails;
mod people;
mod plan;
mod results;
mod tags;

mod creating;
mod executor;
mod known;
mod listed;
mod ports;
mod requests;

pub use capacity::{NoRoom, has_room, new_accounts};
pub use cells::CsvPlace;
pub use check::{Adoption, ListWishes, RowUser, RowVerdict, VendingRequest, check, wanted_rows};
pub use earlier::{EarlierPlans, earlier_plans};
pub use executor::VendingStepExecutor;
pub use facts::{EarlierRow, NotOneUser, ProvisionedProduct, VendingFacts, gather};
pub use fault::{FaultBasis, RowFault};
pub use file::{AccountsFile, VendingRow};
pub use known::{AccountListing, ListingAge, SeenAccounts};
pub use listed::{KnownAccount, UnitFacts};
pub use mails::{DueMail, MailTopic, due_mails};
pub use people::{UserStepExecutor, is_user_step};
pub use plan::{AccountMaker, PLAN_KIND, PLANS_LOOK, PlannedRow, VendingPlan, is_vending_step};
pub use ports::{
    AccessNeeds, AccountAdmin, AccountCreation, AccountRequest, NewAccount, WantedAccess,
};
pub use results::{checked_results, finished, results};
pub use status::{RowResult, RowStatus};
pub use tags::tag_fault;
pub use units::{OrgUnit, UnitRefused, find_unit};
