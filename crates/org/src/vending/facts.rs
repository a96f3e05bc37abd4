//! Organization facts for row checks.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_access_files::PrincipalRef;
use hallpass_base::{GroupId, PermissionSetName, UserId};
use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{PlanId, SentBefore};

use super::file::{ACCOUNT_EMAIL, ACCOUNT_NAME, AccountsFile, PRODUCT_PREFIX, VendingRow};
use super::listed::{KnownAccount, UnitFacts};
use super::ports::{AccountAdmin, AccountCreation};
use super::requests::asked_by_us;
use crate::control_tower::FactoryProduct;

/// An earlier run's result for an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierRow {
    pub account: Option<String>,
    /// Creation calls, sent or possibly sent.
    pub sent: SentBefore,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionedProduct {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOneUser {
    Nobody,
    Disabled,
    Several,
}

#[derive(Clone, Debug, Default)]
pub struct VendingFacts {
    pub organization: String,
    pub root: String,
    /// In every state and unit.
    pub accounts: Vec<KnownAccount>,
    /// Parents of adoptable accounts: account → root or unit.
    pub parents: BTreeMap<String, String>,
    pub units: Vec<UnitFacts>,
    /// Control Tower governs the organization.
    pub has_landing_zone: bool,
    /// Foreign Account Factory products.
    pub products: Vec<ProvisionedProduct>,
    /// Rows of unfinished plans, by lower-case address.
    pub unfinished: BTreeMap<String, PlanId>,
    /// Rows started by earlier runs of this list, by lower-case address.
    pub ours: BTreeMap<String, EarlierRow>,
    /// Accounts from requests or launches of earlier runs of this list.
    pub asked_for: BTreeSet<String>,
    pub groups: BTreeMap<String, GroupId>,
    /// Enabled state of users by lower-case name and address; these may be ambiguous.
    pub users: BTreeMap<String, BTreeMap<UserId, bool>>,
    pub permission_sets: BTreeSet<PermissionSetName>,
    pub permission_set_arns: BTreeMap<String, PermissionSetName>,
}

impl VendingFacts {
    pub fn group(&self, named: &str) -> Option<PrincipalRef> {
        let of_id = || self.groups.values().find(|group| group.as_str() == named);
        let found = self.groups.get(named).or_else(of_id);
        found.map(|group| PrincipalRef::Group(group.clone()))
    }

    pub fn heed_user(&mut self, name: &str, user: &UserId, is_enabled: bool) {
        let called = self.users.entry(name.to_lowercase()).or_default();
        called.insert(user.clone(), is_enabled);
    }

    /// Finds a user by name or address, case-insensitive.
    ///
    /// # Errors
    /// There is not exactly one enabled match.
    pub fn user(&self, named: &str) -> Result<PrincipalRef, NotOneUser> {
        let Some(called) = self.users.get(&named.to_lowercase()) else {
            return Err(NotOneUser::Nobody);
        };
        let enabled = { called.iter() }.filter(|(_, is_enabled)| **is_enabled);
        let mut enabled = enabled.map(|(user, _)| user);
        match (enabled.next(), enabled.next()) {
            (Some(user), None) => Ok(PrincipalRef::User(user.clone())),
            (None, _) => Err(NotOneUser::Disabled),
            (Some(_), Some(_)) => Err(NotOneUser::Several),
        }
    }

    /// Sets the units governed by Control Tower.
    pub fn heed_registered(&mut self, units: &BTreeSet<String>) {
        self.has_landing_zone = true;
        for unit in &mut self.units {
            unit.registered = units.contains(&unit.id);
        }
    }

    /// Sets Account Factory products: those of earlier runs of this list are owned and do not
    /// block, unless failed.
    pub fn heed_products(&mut self, file: &AccountsFile, products: Vec<FactoryProduct>) {
        let of_row = |row: &VendingRow<'_>| {
            let email = row.cell(ACCOUNT_EMAIL).to_ascii_lowercase();
            let name = format!("{PRODUCT_PREFIX}{}", row.cell(ACCOUNT_NAME));
            self.ours
                .get(&email)
                .map(|it| (name, !it.sent.at.is_empty()))
        };
        let own: BTreeMap<String, bool> = file.rows().filter_map(|row| of_row(&row)).collect();
        // without an answer, the product of a sent launch has the account
        let launched = products
            .iter()
            .filter(|it| own.get(&it.name) == Some(&true));
        self.asked_for.extend(launched.map(|it| it.account.clone()));
        let taken = products
            .into_iter()
            .filter(|it| it.broken || !own.contains_key(&it.name));
        self.products = taken
            .map(|it| ProvisionedProduct {
                id: it.id,
                name: it.name,
            })
            .collect();
    }

    /// True if an earlier run of this list created the account, by its journal, or by AWS's request
    /// or product. Name and address alone are no proof (`organization.md` V-9).
    pub fn is_ours(&self, email: &str, account: &str) -> bool {
        let Some(row) = self.ours.get(email) else {
            return false;
        };
        row.account.as_deref() == Some(account) || self.asked_for.contains(account)
    }

    /// Adds rows of earlier runs, and accounts that AWS created on their requests without an
    /// answer.
    ///
    /// # Errors
    /// AWS does not respond.
    pub async fn heed_earlier(
        &mut self,
        admin: &dyn AccountAdmin,
        ours: BTreeMap<String, EarlierRow>,
    ) -> Result<(), OrganizationFault> {
        self.ours = ours;
        let unheard = |(email, row): &(&String, &EarlierRow)| {
            row.account.is_none() && !row.sent.at.is_empty() && self.account_of(email).is_some()
        };
        let unheard: Vec<&EarlierRow> = self.ours.iter().filter(unheard).map(|it| it.1).collect();
        if unheard.is_empty() {
            return Ok(());
        }
        for request in admin.requests().await? {
            let AccountCreation::Succeeded { account } = &request.state else {
                continue;
            };
            let named = self.accounts.iter().find(|it| it.id == *account);
            let is_ours = |row: &&EarlierRow| asked_by_us(&request, &row.sent);
            if named.is_some_and(|it| it.name == request.name) && unheard.iter().any(is_ours) {
                self.asked_for.insert(account.clone());
            }
        }
        Ok(())
    }

    pub fn account_of(&self, email: &str) -> Option<&KnownAccount> {
        let mut all = self.accounts.iter();
        all.find(|account| account.email.eq_ignore_ascii_case(email))
    }
}

/// Reads units, and parents of the accounts of these addresses. The caller adds facts of other
/// services.
///
/// # Errors
/// AWS does not respond.
pub async fn gather(
    admin: &dyn AccountAdmin,
    accounts: Vec<KnownAccount>,
    organization: &str,
    root: &str,
    addresses: &BTreeSet<String>,
) -> Result<VendingFacts, OrganizationFault> {
    let mut parents = BTreeMap::new();
    for account in &accounts {
        if addresses.contains(&account.email.to_ascii_lowercase()) {
            parents.insert(account.id.clone(), admin.parent(&account.id).await?);
        }
    }
    Ok(VendingFacts {
        organization: organization.to_owned(),
        root: root.to_owned(),
        accounts,
        parents,
        units: admin.units(root).await?,
        ..VendingFacts::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_two_users_have_is_nobodys() {
        let mut facts = VendingFacts::default();
        let user = |n: u8| UserId::new(format!("00000000-0000-0000-0000-{n:012}")).unwrap();
        for (name, n, is_enabled) in [
            ("ops@corp.example", 1, true),
            ("Ana", 1, true),
            ("Ops@Corp.example", 2, true),
            ("ben@corp.example", 2, true),
            ("Ben@corp.example", 2, true),
            ("dee@corp.example", 3, false),
            ("ana", 4, false),
        ] {
            facts.heed_user(name, &user(n), is_enabled);
        }
        let is = |n: u8| Ok(PrincipalRef::User(user(n)));
        for (named, expected) in [
            ("ana", is(1)),
            ("BEN@CORP.EXAMPLE", is(2)),
            ("ops@corp.example", Err(NotOneUser::Several)),
            ("OPS@corp.example", Err(NotOneUser::Several)),
            ("carl", Err(NotOneUser::Nobody)),
            ("dee@corp.example", Err(NotOneUser::Disabled)),
        ] {
            assert_eq!(facts.user(named), expected, "{named}");
        }
    }
}
