//! Whom AWS writes to about an account: its primary contact, and those for billing, operations and security.

use std::io;

use hallpass_model::AccountId;
use serde_json::{Value, json};

use crate::collector::{Collected, Collector, for_each};
use crate::documents::member;
use crate::ports::CallPlace;

const SERVICE: &str = "account";
const HOME: CallPlace = CallPlace::Home;
const ALTERNATE: &str = "aws_alternate_contacts";
const PRIMARY: &str = "aws_primary_contacts";
/// What an account may have one of each (AWS Account Management API Reference, `AlternateContact`).
const TYPES: [&str; 3] = ["BILLING", "OPERATIONS", "SECURITY"];

impl Collector<'_> {
    /// The contacts of an account, asked of the account service from outside (`inventory.md` Y-1).
    pub(crate) async fn contacts(&self, account: &AccountId) -> io::Result<()> {
        if self.wants(ALTERNATE, Some(account)) {
            let started = self.now();
            let rows = for_each(TYPES, |kind| self.alternate_contact(account, kind)).await;
            self.keep(ALTERNATE, Some(account), started, rows)?;
        }
        if self.wants(PRIMARY, Some(account)) {
            let started = self.now();
            let row = self.primary_contact(account).await;
            self.keep(PRIMARY, Some(account), started, row.map(|it| vec![it]))?;
        }
        Ok(())
    }

    async fn alternate_contact(&self, account: &AccountId, kind: &str) -> Collected<Value> {
        let input = json!({ "AccountId": account, "AlternateContactType": kind });
        let answer = self.call(&HOME, SERVICE, "GetAlternateContact", input);
        let contact = member(&if_there(answer.await)?, "AlternateContact");
        Ok(json!({
            "contact_account_id": account,
            "contact_type": kind,
            "name": member(&contact, "Name"),
            "title": member(&contact, "Title"),
            "email": member(&contact, "EmailAddress"),
            "phone": member(&contact, "PhoneNumber"),
        }))
    }

    async fn primary_contact(&self, account: &AccountId) -> Collected<Value> {
        let input = json!({ "AccountId": account });
        let answer = self.call(&HOME, SERVICE, "GetContactInformation", input);
        let contact = member(&if_there(answer.await)?, "ContactInformation");
        let lines = ["AddressLine1", "AddressLine2", "AddressLine3"].map(|it| member(&contact, it));
        let lines = lines.into_iter().filter(|it| !it.is_null());
        let address: Vec<Value> = lines.collect();
        Ok(json!({
            "contact_account_id": account,
            "full_name": member(&contact, "FullName"),
            "company_name": member(&contact, "CompanyName"),
            "phone": member(&contact, "PhoneNumber"),
            "website_url": member(&contact, "WebsiteUrl"),
            "country_code": member(&contact, "CountryCode"),
            "state_or_region": member(&contact, "StateOrRegion"),
            "district_or_county": member(&contact, "DistrictOrCounty"),
            "city": member(&contact, "City"),
            "postal_code": member(&contact, "PostalCode"),
            "address_lines": if address.is_empty() { Value::Null } else { Value::Array(address) },
        }))
    }
}

/// An empty answer, where the account service says that there is no such contact.
fn if_there(answer: Collected<Value>) -> Collected<Value> {
    match answer {
        Err(failure) if failure.code == "ResourceNotFoundException" => Ok(json!({})),
        answer => answer,
    }
}
