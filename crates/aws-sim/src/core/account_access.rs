//! Account access manager: who may take which role of IAM without a permission set
//! (`simulator.md` §2.10).

use crate::base::{Millis, Random};
use serde::{Deserialize, Serialize};

use super::{
    entities::{Id, ListPosition, PrincipalType},
    limits::{ENTITLEMENTS_UNDER_WAY, GROUPS_PER_ROLE},
    table::Table,
};

/// Whom a role trusts that can be taken this way.
pub(crate) const PRINCIPAL: &str = "account-access.amazonaws.com";
/// What it trusts it to do.
pub(crate) const TRUSTED_ACTIONS: [&str; 3] =
    ["sts:AssumeRole", "sts:SetContext", "sts:TagSession"];
/// What account access manager knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct AccountAccess {
    /// The application, where somebody made one.
    pub application: Option<AccessApplication>,
    /// By place in listings.
    pub entitlements: Table<ListPosition, AccessEntitlement>,
    /// When the writes that are under way will be done.
    pub under_way: Vec<Millis>,
}

/// The application of account access manager in Identity Center.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccessApplication {
    /// Its ARN.
    pub arn: String,
    /// What its portal is called.
    pub tenant: String,
    /// When it was made.
    pub created: Millis,
    /// When it is or was ready.
    pub ready: Millis,
}

/// A role for a person or a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessEntitlement {
    /// Its id.
    pub id: Id,
    /// ARN of the role.
    pub role: String,
    /// The account of the role.
    pub account: Id,
    /// What has it.
    pub principal_type: PrincipalType,
    /// Who has it.
    pub principal: Id,
    /// When it was made.
    pub created: Millis,
}

/// The account that a role's ARN names.
pub(crate) fn account_of_role(arn: &str) -> Option<&str> {
    let (account, _) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    Some(account)
}

impl AccountAccess {
    /// A new application.
    pub(crate) fn application(
        home: &str,
        management: &str,
        (created, ready): (Millis, Millis),
        mut random: Random,
    ) -> AccessApplication {
        let id = random.hex(16);
        AccessApplication {
            arn: format!("arn:aws:account-access:{home}:{management}:application/aam-{id}"),
            tenant: format!("t-{}", random.hex(10)),
            created,
            ready,
        }
    }

    /// The entitlement of somebody to a role.
    pub(crate) fn find(&self, role: &str, principal: &str) -> Option<&AccessEntitlement> {
        let mut all = self.entitlements.iter().map(|(_, row)| row);
        all.find(|row| row.role == role && *row.principal == *principal)
    }

    /// Whether as many groups have a role as may.
    pub(crate) fn is_full(&self, role: &str) -> bool {
        let all = self.entitlements.iter().map(|(_, row)| row);
        let groups = all
            .filter(|row| row.role == role && matches!(row.principal_type, PrincipalType::Group));
        groups.count() >= GROUPS_PER_ROLE
    }

    /// Whether as many writes are under way as may.
    pub(crate) fn is_busy(&self, most: Option<usize>, now: Millis) -> bool {
        let under_way = self.under_way.iter().filter(|due| **due > now).count();
        under_way >= most.unwrap_or(ENTITLEMENTS_UNDER_WAY)
    }

    /// A write that will be done at an instant.
    pub(crate) fn begin(&mut self, due: Millis, now: Millis) {
        self.under_way.retain(|due| *due > now);
        self.under_way.push(due);
    }
}
