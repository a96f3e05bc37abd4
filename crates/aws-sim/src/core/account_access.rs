//! Account access manager: entitlements to IAM roles without a permission set (`simulator.md`
//! §2.10).

use crate::base::{Millis, Random};
use serde::{Deserialize, Serialize};

use super::{
    entities::{Id, ListPosition, PrincipalType},
    limits::{ENTITLEMENTS_UNDER_WAY, GROUPS_PER_ROLE},
    table::Table,
};

pub(crate) const PRINCIPAL: &str = "account-access.amazonaws.com";
pub(crate) const TRUSTED_ACTIONS: [&str; 3] =
    ["sts:AssumeRole", "sts:SetContext", "sts:TagSession"];
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct AccountAccess {
    pub application: Option<AccessApplication>,
    pub entitlements: Table<ListPosition, AccessEntitlement>,
    pub under_way: Vec<Millis>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccessApplication {
    pub arn: String,
    /// The portal's name.
    pub tenant: String,
    pub created: Millis,
    pub ready: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessEntitlement {
    pub id: Id,
    pub role: String,
    pub account: Id,
    pub principal_type: PrincipalType,
    pub principal: Id,
    pub created: Millis,
}

pub(crate) fn account_of_role(arn: &str) -> Option<&str> {
    let (account, _) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    Some(account)
}

impl AccountAccess {
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

    pub(crate) fn find(&self, role: &str, principal: &str) -> Option<&AccessEntitlement> {
        let mut all = self.entitlements.iter().map(|(_, row)| row);
        all.find(|row| row.role == role && *row.principal == *principal)
    }

    pub(crate) fn is_full(&self, role: &str) -> bool {
        let all = self.entitlements.iter().map(|(_, row)| row);
        let groups = all
            .filter(|row| row.role == role && matches!(row.principal_type, PrincipalType::Group));
        groups.count() >= GROUPS_PER_ROLE
    }

    pub(crate) fn is_busy(&self, most: Option<usize>, now: Millis) -> bool {
        let under_way = self.under_way.iter().filter(|due| **due > now).count();
        under_way >= most.unwrap_or(ENTITLEMENTS_UNDER_WAY)
    }

    pub(crate) fn begin(&mut self, due: Millis, now: Millis) {
        self.under_way.retain(|due| *due > now);
        self.under_way.push(due);
    }
}
