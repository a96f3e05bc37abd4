use crate::base::Random;

use super::{
    account_access::{AccessEntitlement, AccountAccess, PRINCIPAL, account_of_role},
    entities::{Id, PrincipalType},
    instants::{instant, written},
    roles,
    state::SimState,
};
use crate::organization::{self, IamPolicies, IamRole, NameIndex};

const MADE_ROLE_MAY: &str = "ReadOnlyAccess";

impl SimState {
    /// Loads a file's entitlements. If it has any, an application exists.
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

    /// Creates missing roles named in a file's entitlements.
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
