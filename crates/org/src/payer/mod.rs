//! A payer account shared by two parties (`organization.md` §8): required rights, facts, and
//! checks.

mod checks;
mod facts;
mod file;
mod read;
mod role_powers;
mod roles;
mod root_sign_in;
mod tasks;

pub use crate::billing_transfers::{BillingTransfer, read_transfers};
pub use checks::payer_checks;
pub use facts::{PayerFacts, PayerRole, RootLoginAlert};
pub use file::{PayerFile, PayerParty, PayerSide};
pub use read::read_facts;
pub use root_sign_in::{RootSignIn, SIGN_IN_DETAIL_TYPE, SIGN_IN_SOURCE, root_sign_in};
pub use tasks::{PayerTask, PayerTaskState, payer_tasks};
