//! AWS's contacts for an account: billing, operations and security.

use std::io;

use hallpass_base::AccountId;
use serde_json::{Value, json};

use crate::collect::collector::{Collected, Collector, for_each};
use crate::collect::documents::{if_there, member};
use crate::collect::ports::CallPlace;
use crate::collect::rows::row;

const SERVICE: &str = "account";
const HOME: CallPlace = CallPlace::Home;
const ALTERNATE: &str = "aws_alternate_contacts";
/// One of each per account (AWS Account Management API Reference, `AlternateContact`).
const TYPES: [&str; 3] = ["BILLING", "OPERATIONS", "SECURITY"];

impl Collector<'_> {
    /// Reads alternate contacts by the account service, from outside the account (`inventory.md`
    /// Y-1).
    pub(crate) async fn contacts(&self, account: &AccountId) -> io::Result<()> {
        if self.wants(ALTERNATE, Some(account)) {
            let started = self.now();
            let rows = for_each(TYPES, |kind| self.alternate_contact(account, kind)).await;
            self.keep(ALTERNATE, Some(account), started, rows)?;
        }
        Ok(())
    }

    async fn alternate_contact(&self, account: &AccountId, kind: &str) -> Collected<Value> {
        let input = json!({ "AccountId": account, "AlternateContactType": kind });
        let answer = self.call(&HOME, SERVICE, "GetAlternateContact", input);
        let answer = if_there(answer.await)?.unwrap_or_default();
        let of = json!({ "contact_account_id": account, "contact_type": kind });
        Ok(row(ALTERNATE, &member(&answer, "AlternateContact"), of))
    }
}
