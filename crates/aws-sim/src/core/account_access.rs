//! Account access manager: who may take which role of IAM without a permission set
//! (`simulator.md` §2.10).

use hallpass_sim_base::{Millis, Random};
use serde::{Deserialize, Serialize};

use super::{
    entities::{Id, PrincipalType},
    iam::{instant, written},
    limits::{ENTITLEMENTS_UNDER_WAY, GROUPS_PER_ROLE},
    roles,
    state::{ListPosition, SimState},
    table::Table,
};
use crate::organization::{self, IamPolicies, IamRole, NameIndex};

/// Whom a role trusts that can be taken this way.
pub(crate) const PRINCIPAL: &str = "account-access.amazonaws.com";
/// What it trusts it to do.
pub(crate) const TRUSTED_ACTIONS: [&str; 3] =
    ["sts:AssumeRole", "sts:SetContext", "sts:TagSession"];
/// What roles may do that only an entitlement of the file speaks of.
const MADE_ROLE_MAY: &str = "ReadOnlyAccess";

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

impl SimState {
    /// Takes the entitlements of a file. Where there are some, there is an application.
    pub(crate) fn load_entitlements(
        &mut self,
        rows: &[organization::Entitlement],
        names: &NameIndex,
    ) {
        let created = self.center.created;
        for row in rows {
            let account = row.account.as_deref();
            let account = account.and_then(|name| names.account(name).ok());
            let role = account.map_or_else(
                || row.role.clone(),
                |id| {
                    format!(
                        "arn:aws:iam::{id}:role/{}",
                        row.role.trim_start_matches('/')
                    )
                },
            );
            let user = row.user.as_ref().and_then(|name| names.user(name).ok());
            let group = row.group.as_ref().and_then(|name| names.group(name).ok());
            let user = user.or(row.user_id.as_deref());
            let group = group.or(row.group_id.as_deref());
            let (principal_type, principal) = match (user, group) {
                (Some(user), _) => (PrincipalType::User, user),
                (None, Some(group)) => (PrincipalType::Group, group),
                (None, None) => continue,
            };
            let Some(account) = account_of_role(&role).map(Id::from) else {
                continue;
            };
            let drawn =
                || Random::new(self.seed, &format!("entitlement/{role}/{principal}")).hex(16);
            let id = row.id.clone().unwrap_or_else(|| format!("ent-{}", drawn()));
            let entitlement = AccessEntitlement {
                id: id.as_str().into(),
                account,
                principal_type,
                principal: principal.into(),
                created: instant(row.since.as_ref()).unwrap_or(created),
                role,
            };
            let place = self.place(&id);
            let entitlements = &mut self.account_access.entitlements;
            entitlements.put(place, entitlement, 0, 0);
        }
        if !rows.is_empty() {
            let random = Random::new(self.seed, "account access application");
            let (home, management) = (&self.center.home_region, &self.head.management);
            let made = AccountAccess::application(home, management, (created, created), random);
            self.account_access.application = Some(made);
        }
    }

    /// Makes the roles that entitlements of a file speak of and that are not there.
    pub(crate) fn make_entitled_roles(&mut self) {
        let rows = self.account_access.entitlements.iter();
        let rows: Vec<AccessEntitlement> = rows.map(|(_, row)| row.clone()).collect();
        for row in rows {
            if roles::find(self, &row.role).is_some() || self.account(&row.account).is_none() {
                continue;
            }
            let Some((_, path)) = row.role.split_once(":role") else {
                continue;
            };
            let (path, name) = path.rsplit_once('/').unwrap_or(("", path));
            let mut iam = self.iam_now(&row.account).into_owned();
            iam.roles.push(IamRole {
                name: name.to_owned(),
                path: (!path.is_empty()).then(|| format!("{path}/")),
                trust: vec![PRINCIPAL.to_owned()],
                permissions: IamPolicies {
                    policies: vec![MADE_ROLE_MAY.to_owned()],
                    ..IamPolicies::default()
                },
                ..IamRole::default()
            });
            self.iam.insert(row.account.to_string(), iam);
        }
    }

    /// The entitlements of now, as a file has them.
    pub(crate) fn exported_entitlements(&self) -> Vec<organization::Entitlement> {
        let rows = self.account_access.entitlements.iter();
        let mut rows: Vec<organization::Entitlement> = rows
            .map(|(_, row)| {
                let mut written = organization::Entitlement {
                    id: Some(row.id.to_string()),
                    role: row.role.clone(),
                    since: Some(written(row.created)),
                    ..organization::Entitlement::default()
                };
                let id = row.principal.to_string();
                match row.principal_type {
                    PrincipalType::User => match self.user(&id) {
                        Some(user) => written.user = Some(user.user_name().to_owned()),
                        None => written.user_id = Some(id),
                    },
                    PrincipalType::Group => match self.group(&id) {
                        Some(group) => written.group = Some(group.name().to_owned()),
                        None => written.group_id = Some(id),
                    },
                }
                written
            })
            .collect();
        rows.sort_by(|one, other| (&one.role, &one.id).cmp(&(&other.role, &other.id)));
        rows
    }
}
