//! Shipped queries (`inventory.md` U-10). Those under `seed/` are copied verbatim from an article;
//! the others fix its intent.

use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct SavedQuery {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) parameters: &'static [(&'static str, Option<&'static str>)],
    pub(crate) sql: &'static str,
}

impl SavedQuery {
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        SAVED.iter().find(|it| it.name == name)
    }

    pub(crate) fn parameters(&self, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let own = self.parameters.iter();
        let mut all: BTreeMap<_, _> = own
            .filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())))
            .collect();
        all.extend(given.clone());
        all
    }
}

pub(crate) const SAVED: &[SavedQuery] = &[
    SavedQuery {
        name: "keys/unrotated",
        about: "Active access keys made more than 90 days ago",
        parameters: &[],
        sql: include_str!("keys/unrotated.sql"),
    },
    SavedQuery {
        name: "keys/unused",
        about: "Active access keys not used for 90 days, or never",
        parameters: &[],
        sql: include_str!("keys/unused.sql"),
    },
    SavedQuery {
        name: "keys/no-creator-tag",
        about: "Access keys of users without the tag that names who made them",
        parameters: &[("creator", Some("creator"))],
        sql: include_str!("keys/no-creator-tag.sql"),
    },
    SavedQuery {
        name: "keys/creator-left",
        about: "Access keys of users whose mail no live person in Okta has",
        parameters: &[("email", Some("email"))],
        sql: include_str!("keys/creator-left.sql"),
    },
    SavedQuery {
        name: "users/console-unused",
        about: "Users whose password was not used for 90 days",
        parameters: &[],
        sql: include_str!("users/console-unused.sql"),
    },
    SavedQuery {
        name: "users/no-mfa",
        about: "Users with a password and no second factor",
        parameters: &[],
        sql: include_str!("users/no-mfa.sql"),
    },
    SavedQuery {
        name: "root/keys-or-no-mfa",
        about: "Accounts whose root user has access keys, or no second factor",
        parameters: &[],
        sql: include_str!("root/keys-or-no-mfa.sql"),
    },
    SavedQuery {
        name: "payer/root",
        about: "The management account, where its root user has access keys or no second factor",
        parameters: &[],
        sql: include_str!("payer/root.sql"),
    },
    SavedQuery {
        name: "payer/root-login",
        about: "Sign-ins of the management account's root user in the last day",
        parameters: &[],
        sql: include_str!("payer/root-login.sql"),
    },
    SavedQuery {
        name: "payer/contacts",
        about: "Alternate contacts of the management account that are not the party's they should be, or are not there",
        parameters: &[("partner_domain", None), ("customer_domain", None)],
        sql: include_str!("payer/contacts.sql"),
    },
    SavedQuery {
        name: "payer/customer-has-billing",
        about: "Billing that policies of the customer's roles in the management account allow",
        parameters: &[("roles", None)],
        sql: concat!(
            include_str!("payer/statements-of-roles.sql"),
            include_str!("payer/customer-has-billing.sql")
        ),
    },
    SavedQuery {
        name: "payer/partner-has-more",
        about: "What policies of the partner's roles in the management account allow beside billing",
        parameters: &[("roles", None)],
        sql: concat!(
            include_str!("payer/statements-of-roles.sql"),
            include_str!("payer/partner-has-more.sql")
        ),
    },
    SavedQuery {
        name: "payer/can-raise-itself",
        about: "Changes of roles and policies that policies of roles in the management account allow",
        parameters: &[("roles", None)],
        sql: concat!(
            include_str!("payer/statements-of-roles.sql"),
            include_str!("payer/can-raise-itself.sql")
        ),
    },
    SavedQuery {
        name: "payer/scp-gap",
        about: "Policies of the organization `old`, of which snapshots are kept too, that have no equal here",
        parameters: &[("old", None)],
        sql: include_str!("payer/scp-gap.sql"),
    },
    SavedQuery {
        name: "contacts/no-security",
        about: "Accounts without a contact for security",
        parameters: &[],
        sql: include_str!("contacts/no-security.sql"),
    },
    SavedQuery {
        name: "roles/unused-180d",
        about: "Roles not used for 180 days, without service-linked ones",
        parameters: &[],
        sql: include_str!("roles/unused-180d.sql"),
    },
    SavedQuery {
        name: "assignments/orphaned",
        about: "Assignments of deleted users and groups",
        parameters: &[],
        sql: include_str!("assignments/orphaned.sql"),
    },
    SavedQuery {
        name: "assignments/unused",
        about: "Standing assignments not used for 90 days, by the log",
        parameters: &[],
        sql: include_str!("assignments/unused.sql"),
    },
    SavedQuery {
        name: "assignments/direct-user",
        about: "Standing assignments to users instead of groups",
        parameters: &[],
        sql: include_str!("assignments/direct-user.sql"),
    },
    SavedQuery {
        name: "sets/provisioned-unassigned",
        about: "Roles of permission sets without holders",
        parameters: &[],
        sql: include_str!("sets/provisioned-unassigned.sql"),
    },
    SavedQuery {
        name: "sets/outdated",
        about: "Permission sets that are behind in an account",
        parameters: &[],
        sql: include_str!("sets/outdated.sql"),
    },
    SavedQuery {
        name: "accounts/suspended-with-access",
        about: "Accounts that are not active, with assignments",
        parameters: &[],
        sql: include_str!("accounts/suspended-with-access.sql"),
    },
    SavedQuery {
        name: "activity/people",
        about: "What people used of permission sets, by account",
        parameters: &[],
        sql: include_str!("activity/people.sql"),
    },
    SavedQuery {
        name: "activity/notable",
        about: "Calls that change access, keys, exposure or logging",
        parameters: &[],
        sql: include_str!("activity/notable.sql"),
    },
    SavedQuery {
        name: "activity/denied",
        about: "Calls that were refused, the most frequent first",
        parameters: &[],
        sql: include_str!("activity/denied.sql"),
    },
    SavedQuery {
        name: "seed/old-keys",
        about: "The article's query for old keys, word for word",
        parameters: &[],
        sql: include_str!("seed/old-keys.sql"),
    },
    SavedQuery {
        name: "seed/not-in-okta",
        about: "The article's query for users who are not in Okta, word for word",
        parameters: &[],
        sql: include_str!("seed/not-in-okta.sql"),
    },
];
