//! Accounts made from a CSV, row by row (`organization.md` §1): each in its unit, each with the access that
//! was agreed on, and the same CSV back with what became of every row.
//!
//! ```text
//!   CSV ──► AccountsFile ─┐
//!                         ├─► check ──► one verdict a row ──► plan ──► runner ──► results ──► CSV
//!   organization ─► facts ┘
//! ```
//!
//! Everything but the executor is pure.

mod file;
mod status;

mod units;

mod check;
mod email;
mod facts;

mod earlier;
mod plan;
mod results;

mod executor;
mod ports;

pub use check::{Adoption, ListWishes, RowUser, RowVerdict, VendingRequest, WantedAccess, check};
pub use earlier::{EarlierPlans, earlier_plans};
pub use executor::VendingStepExecutor;
pub use facts::{KnownAccount, ProvisionedProduct, UnitFacts, VendingFacts, gather};
pub use file::{AccountsFile, VendingRow};
pub use plan::{AccountMaker, PLAN_KIND, PlannedRow, VendingPlan, is_vending_step};
pub use ports::{AccountAdmin, AccountCreation, NewAccount};
pub use results::{finished, results};
pub use status::{RowResult, RowStatus};
pub use units::{OrgUnit, UnitRefused, find_unit};
