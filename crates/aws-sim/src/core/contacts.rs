//! Account contacts: from the organization file, else generated from the seed.

use std::collections::BTreeMap;

use crate::base::Random;
use serde_json::{Map, Value, json};

use super::{entities::Account, state::SimState};
use crate::organization::{AccountContacts, FAMILY, GIVEN};

/// Alternate contacts: kind, title, percentage of accounts that have one.
const KINDS: &[(&str, &str, u64)] = &[
    ("BILLING", "Accounts Payable", 75),
    ("OPERATIONS", "On Call", 60),
    ("SECURITY", "Security Desk", 50),
];

impl SimState {
    pub(crate) fn contacts_of(&self, account: &str) -> AccountContacts {
        let stated = self.contacts.get(account).cloned();
        let made = || {
            self.account(account)
                .map(|row| self.generated_contacts(row))
        };
        stated.or_else(made).unwrap_or_default()
    }

    fn generated_contacts(&self, account: &Account) -> AccountContacts {
        let mut random = Random::new(self.seed, &format!("contacts/{}", account.id));
        let domain = account.email.rsplit('@').next().unwrap_or_default();
        let mut alternate = BTreeMap::new();
        for (kind, title, share) in KINDS {
            let phone = phone(&mut random);
            if random.below(100) >= *share {
                continue;
            }
            let contact = json!({
                "Name": name(&mut random),
                "Title": title,
                "EmailAddress": format!("{}@{domain}", kind.to_lowercase()),
                "PhoneNumber": phone,
            });
            alternate.insert((*kind).to_owned(), members(&contact));
        }
        let primary = json!({
            "FullName": name(&mut random),
            "CompanyName": domain.split('.').next().unwrap_or_default(),
            "AddressLine1": format!("{} Harbour Street", 1 + random.below(90)),
            "City": "Dublin",
            "PostalCode": format!("D{:02} X{}", 1 + random.below(24), 100 + random.below(900)),
            "CountryCode": "IE",
            "PhoneNumber": phone(&mut random),
        });
        AccountContacts {
            primary: Some(members(&primary)),
            alternate,
        }
    }
}

fn name(random: &mut Random) -> String {
    let given = random.pick(GIVEN).copied().unwrap_or_default();
    let family = random.pick(FAMILY).copied().unwrap_or_default();
    format!("{given} {family}")
}

fn phone(random: &mut Random) -> String {
    format!("+353 1 {}", 2_000_000 + random.below(7_000_000))
}

fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
