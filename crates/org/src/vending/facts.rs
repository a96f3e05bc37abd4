//! What is read of the organization before rows are checked.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_access_files::PrincipalRef;
use hallpass_base::{GroupId, PermissionSetName, UserId};
use hallpass_plans::{PlanId, SentBefore};

use super::file::{ACCOUNT_EMAIL, ACCOUNT_NAME, AccountsFile, PRODUCT_PREFIX, VendingRow};
use super::listed::{KnownAccount, UnitFacts};
use super::ports::{AccountAdmin, AccountCreation};
use super::requests::asked_by_us;
use crate::control_tower::FactoryProduct;
use crate::ports::OrganizationFault;

/// What an earlier run of a list did about an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierRow {
    /// The account it made, where its journal says so.
    pub account: Option<String>,
    /// What it sent, or may have sent, to ask for one.
    pub sent: SentBefore,
}

/// A provisioned product of Account Factory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionedProduct {
    /// Its id, `pp-…`.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Why a name or address is not one user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOneUser {
    /// No user is called so.
    Nobody,
    /// Whoever is called so is disabled.
    Disabled,
    /// More than one enabled user is called so.
    Several,
}

/// An organization, as far as rows are checked against it.
#[derive(Clone, Debug, Default)]
pub struct VendingFacts {
    /// Its id.
    pub organization: String,
    /// The root's id.
    pub root: String,
    /// Accounts of every state, in every unit.
    pub accounts: Vec<KnownAccount>,
    /// Where accounts stand that a row may adopt: account → root or unit.
    pub parents: BTreeMap<String, String>,
    /// Units at every depth.
    pub units: Vec<UnitFacts>,
    /// Whether Control Tower governs the organization.
    pub has_landing_zone: bool,
    /// Products of Account Factory that no plan of ours has made.
    pub products: Vec<ProvisionedProduct>,
    /// Rows of plans that are not over: their address in lower case, and the plan.
    pub unfinished: BTreeMap<String, PlanId>,
    /// Rows of this list that an earlier run of it began with, by their addresses in lower case.
    pub ours: BTreeMap<String, EarlierRow>,
    /// Accounts that were made on a request or by a launch of an earlier run of this list.
    pub asked_for: BTreeSet<String>,
    /// Groups of the directory by name.
    pub groups: BTreeMap<String, GroupId>,
    /// Users of the directory and whether they are enabled, by name and by address, in lower case: two may be called the same.
    pub users: BTreeMap<String, BTreeMap<UserId, bool>>,
    /// Names of the permission sets.
    pub permission_sets: BTreeSet<PermissionSetName>,
    /// The same by ARN.
    pub permission_set_arns: BTreeMap<String, PermissionSetName>,
}

impl VendingFacts {
    /// A group by its name, or by its id.
    pub fn group(&self, named: &str) -> Option<PrincipalRef> {
        let of_id = || self.groups.values().find(|group| group.as_str() == named);
        let found = self.groups.get(named).or_else(of_id);
        found.map(|group| PrincipalRef::Group(group.clone()))
    }

    /// A user is called so, or has this address.
    pub fn heed_user(&mut self, name: &str, user: &UserId, is_enabled: bool) {
        let called = self.users.entry(name.to_lowercase()).or_default();
        called.insert(user.clone(), is_enabled);
    }

    /// Somebody by their name or address, whatever the case of its letters.
    ///
    /// # Errors
    /// When not exactly one enabled user is called so.
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

    /// Control Tower governs the organization, and these units.
    pub fn heed_registered(&mut self, units: &BTreeSet<String>) {
        self.has_landing_zone = true;
        for unit in &mut self.units {
            unit.registered = units.contains(&unit.id);
        }
    }

    /// Takes over the products of Account Factory: those that an earlier run of this list launched are its own, with their
    /// accounts, and wait for nobody, unless they went wrong.
    pub fn heed_products(&mut self, file: &AccountsFile, products: Vec<FactoryProduct>) {
        let of_row = |row: &VendingRow<'_>| {
            let email = row.cell(ACCOUNT_EMAIL).to_ascii_lowercase();
            let name = format!("{PRODUCT_PREFIX}{}", row.cell(ACCOUNT_NAME));
            self.ours
                .get(&email)
                .map(|it| (name, !it.sent.at.is_empty()))
        };
        let own: BTreeMap<String, bool> = file.rows().filter_map(|row| of_row(&row)).collect();
        // an answer may be lost: the product of a launch that was sent has the account then
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

    /// Whether an earlier run of this list made an account: its journal says so, or AWS knows of its request or its product.
    /// A name and an address alone do not say it (`organization.md` V-9).
    pub fn is_ours(&self, email: &str, account: &str) -> bool {
        let Some(row) = self.ours.get(email) else {
            return false;
        };
        row.account.as_deref() == Some(account) || self.asked_for.contains(account)
    }

    /// Takes over what earlier runs of this list began, and which accounts AWS made on their requests whose answer was lost.
    ///
    /// # Errors
    /// When AWS does not say.
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

    /// The account of an address, whatever the case of its letters.
    pub fn account_of(&self, email: &str) -> Option<&KnownAccount> {
        let mut all = self.accounts.iter();
        all.find(|account| account.email.eq_ignore_ascii_case(email))
    }
}

/// Reads units, and where the accounts of these addresses stand. What other services know is added by the caller.
///
/// # Errors
/// When AWS does not say.
pub async fn gather(
    admin: &dyn AccountAdmin,
    accounts: Vec<KnownAccount>,
    (organization, root): (&str, &str),
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
            // the address of one is the user name of another, written otherwise
            ("Ops@Corp.example", 2, true),
            ("ben@corp.example", 2, true),
            // somebody who is called by their own address
            ("Ben@corp.example", 2, true),
            ("dee@corp.example", 3, false),
            // somebody who came back as another user
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
