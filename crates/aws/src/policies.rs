//! The organization's service control policies and tree, for plans.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_organizations::types as org;
use hallpass_assignments::{CenterFault, Urgency};
use hallpass_aws_model::facts;
use hallpass_enforcement::{
    AccountRow, AttachmentTarget, CallerIdentity, NewPolicy, Organization, OrganizationFault,
    PolicyRow, PolicyText, Root, TargetKind, TargetPresence,
};
use hallpass_org::permission_set_of;

use crate::call::Deadline;
use crate::center::is_active;
use crate::fault::CallFailure;
use crate::pages::listing;
use crate::{Aws, OwnAccountRole};

const PAGE: i32 = 20;
/// Maximum walk depth, against endless nesting: thrice AWS's levels below the root, and the root.
pub(crate) const LEVELS_MAX: usize = 3 * facts::UNIT_DEPTH.count() + 1;
const SCP: org::PolicyType = org::PolicyType::ServiceControlPolicy;

fn read() -> Deadline {
    Deadline::plan()
}

fn write() -> Deadline {
    Deadline::port(Urgency::End)
}

pub(crate) fn fault(failure: CallFailure) -> OrganizationFault {
    let code = failure.code.unwrap_or_default();
    match failure.fault {
        CenterFault::Throttled { message } | CenterFault::Full { message } => {
            OrganizationFault::Throttled {
                message,
                after: failure.retry_after,
            }
        }
        CenterFault::NotSent => OrganizationFault::Throttled {
            message: CenterFault::NotSent.to_string(),
            after: None,
        },
        CenterFault::Conflict { message } => OrganizationFault::Conflict { message },
        CenterFault::NotFound { what } => OrganizationFault::NotThere { message: what },
        CenterFault::KeyUnusable { message } | CenterFault::Unreachable { message } => {
            OrganizationFault::Unreachable { message }
        }
        CenterFault::Refused { reason } => match code.as_str() {
            "DuplicatePolicyException"
            | "DuplicatePolicyAttachmentException"
            | "DuplicateAccountException" => OrganizationFault::AlreadyThere { message: reason },
            "PolicyNotAttachedException" => OrganizationFault::NotThere { message: reason },
            "PolicyChangesInProgressException" => OrganizationFault::Conflict { message: reason },
            _ => OrganizationFault::Refused {
                code: if code.is_empty() {
                    "Refused".to_owned()
                } else {
                    code
                },
                message: reason,
            },
        },
    }
}

pub(crate) fn tag(key: &str, value: &str) -> Result<org::Tag, OrganizationFault> {
    let tag = org::Tag::builder().key(key).value(value).build();
    tag.map_err(|error| fault(CallFailure::unparsable(&error.to_string())))
}

fn row(summary: Option<org::PolicySummary>) -> Result<PolicyRow, CallFailure> {
    match summary.map(|it| (it.id, it.name, it.aws_managed)) {
        Some((Some(id), Some(name), aws_managed)) => Ok(PolicyRow {
            id,
            name,
            aws_managed,
        }),
        _ => Err(CallFailure::unparsable("a policy without id or name")),
    }
}

fn rows(summaries: Vec<org::PolicySummary>) -> Result<Vec<PolicyRow>, OrganizationFault> {
    let rows = summaries.into_iter().map(|it| row(Some(it)));
    rows.collect::<Result<_, _>>().map_err(fault)
}

fn account(row: org::Account) -> Result<AccountRow, CallFailure> {
    let active = is_active(&row);
    let id = row
        .id
        .ok_or_else(|| CallFailure::unparsable("an account without an id"))?;
    Ok(AccountRow {
        id,
        name: row.name.unwrap_or_default(),
        active,
    })
}

impl Aws {
    async fn is_delegated(&self) -> Result<bool, CallFailure> {
        let listed = listing!(
            self.org_line.read("ListDelegatedAdministrators", read()),
            delegated_administrators,
            self.org.list_delegated_administrators()
        )
        .await;
        match listed {
            Ok(all) => Ok(all
                .iter()
                .any(|it| it.id.as_ref() == Some(&self.about().account))),
            Err(failure) if failure.is_passing() => Err(failure),
            Err(_) => Ok(false),
        }
    }

    /// The text of the delegation policy; `None` without one.
    pub async fn delegation_policy(&self) -> Result<Option<String>, OrganizationFault> {
        let found = self
            .org_line
            .read("DescribeResourcePolicy", read(), || {
                self.org.describe_resource_policy().send()
            })
            .await;
        match found {
            Ok(found) => Ok(found.resource_policy.and_then(|it| it.content)),
            Err(failure) if matches!(failure.fault, CenterFault::NotFound { .. }) => Ok(None),
            Err(failure) => Err(fault(failure)),
        }
    }

    pub(crate) async fn units_below(
        &self,
        parent: &str,
    ) -> Result<Vec<org::OrganizationalUnit>, CallFailure> {
        listing!(
            self.org_line
                .read("ListOrganizationalUnitsForParent", read()),
            organizational_units,
            self.org
                .list_organizational_units_for_parent()
                .parent_id(parent)
                .max_results(PAGE)
        )
        .await
    }

    async fn children(&self, parent: &str) -> Result<Vec<String>, CallFailure> {
        let units = self.units_below(parent).await?;
        Ok(units.into_iter().filter_map(|unit| unit.id).collect())
    }

    async fn accounts_in(&self, parent: &str) -> Result<Vec<AccountRow>, CallFailure> {
        let rows = listing!(
            self.org_line.read("ListAccountsForParent", read()),
            accounts,
            self.org
                .list_accounts_for_parent()
                .parent_id(parent)
                .max_results(PAGE)
        )
        .await?;
        rows.into_iter().map(account).collect()
    }

    async fn one_account(&self, id: &str) -> Result<AccountRow, CallFailure> {
        let found = self
            .org_line
            .read("DescribeAccount", read(), || {
                self.org.describe_account().account_id(id).send()
            })
            .await?;
        let row = found.account;
        account(row.ok_or_else(|| CallFailure::unparsable("DescribeAccount without an account"))?)
    }

    async fn walk(&self, top: &str) -> Result<Vec<AccountRow>, CallFailure> {
        let mut accounts = Vec::new();
        let mut level = vec![top.to_owned()];
        for _ in 0..LEVELS_MAX {
            if level.is_empty() {
                accounts.sort_by(|a: &AccountRow, b| a.id.cmp(&b.id));
                return Ok(accounts);
            }
            let mut below = Vec::new();
            for parent in &level {
                accounts.extend(self.accounts_in(parent).await?);
                below.extend(self.children(parent).await?);
            }
            level = below;
        }
        Err(CallFailure::unparsable("units nested without end"))
    }

    /// Each set has a role in the account.
    async fn provisioned_sets(&self, account: &str) -> Result<Vec<String>, CallFailure> {
        let arns = listing!(
            self.sso_line
                .read("ListPermissionSetsProvisionedToAccount", read()),
            permission_sets,
            self.sso
                .list_permission_sets_provisioned_to_account()
                .instance_arn(&self.about().instance_arn)
                .account_id(account)
        )
        .await?;
        let mut names = Vec::new();
        for arn in arns {
            let found = self
                .sso_line
                .read("DescribePermissionSet", read(), || {
                    self.sso
                        .describe_permission_set()
                        .instance_arn(&self.about().instance_arn)
                        .permission_set_arn(&arn)
                        .send()
                })
                .await?;
            names.extend(found.permission_set.and_then(|set| set.name));
        }
        Ok(names)
    }
}

#[async_trait]
impl Organization for Aws {
    async fn caller(&self) -> Result<CallerIdentity, OrganizationFault> {
        let about = self.about();
        let (Some(organization), Some(management_account)) =
            (&about.organization_id, &about.management_account)
        else {
            let message = format!("account {} sees no organization", about.account);
            return Err(OrganizationFault::NotThere { message });
        };
        let is_delegated = about.place == OwnAccountRole::DelegatedAdministrator
            || (about.place == OwnAccountRole::Other
                && self.is_delegated().await.map_err(fault)?);
        Ok(CallerIdentity {
            account: about.account.clone(),
            arn: about.arn.clone(),
            organization: organization.clone(),
            management_account: management_account.clone(),
            is_delegated,
        })
    }

    async fn root(&self) -> Result<Root, OrganizationFault> {
        let roots = listing!(
            self.org_line.read("ListRoots", read()),
            roots,
            self.org.list_roots()
        )
        .await
        .map_err(fault)?;
        let root = roots.into_iter().next();
        let (id, types) = root.map(|it| (it.id, it.policy_types)).unwrap_or_default();
        let id =
            id.ok_or_else(|| fault(CallFailure::unparsable("an organization without a root")))?;
        let enabled = |it: &org::PolicyTypeSummary| {
            it.r#type == Some(SCP) && it.status == Some(org::PolicyTypeStatus::Enabled)
        };
        Ok(Root {
            id,
            scps_enabled: types.unwrap_or_default().iter().any(enabled),
        })
    }

    async fn policies(&self) -> Result<Vec<PolicyRow>, OrganizationFault> {
        let listed = listing!(
            self.org_line.read("ListPolicies", read()),
            policies,
            self.org.list_policies().filter(SCP).max_results(PAGE)
        )
        .await;
        rows(listed.map_err(fault)?)
    }

    async fn policy(&self, id: &str) -> Result<Option<PolicyText>, OrganizationFault> {
        let found = self
            .org_line
            .read("DescribePolicy", read(), || {
                self.org.describe_policy().policy_id(id).send()
            })
            .await;
        let policy = match found {
            Ok(found) => found
                .policy
                .unwrap_or_else(|| org::Policy::builder().build()),
            Err(failure) if matches!(failure.fault, CenterFault::NotFound { .. }) => {
                return Ok(None);
            }
            Err(failure) => return Err(fault(failure)),
        };
        Ok(Some(PolicyText {
            row: row(policy.policy_summary).map_err(fault)?,
            content: policy.content.unwrap_or_default(),
        }))
    }

    async fn create_policy(&self, policy: &NewPolicy) -> Result<String, OrganizationFault> {
        let mut request = self
            .org
            .create_policy()
            .r#type(SCP)
            .name(&policy.name)
            .description(&policy.description)
            .content(&policy.content);
        for (key, value) in &policy.tags {
            request = request.tags(tag(key, value)?);
        }
        let made = self
            .org_line
            .write("CreatePolicy", write(), request.send())
            .await
            .map_err(fault)?;
        let summary = made.policy.and_then(|policy| policy.policy_summary);
        Ok(row(summary).map_err(fault)?.id)
    }

    async fn update_policy(&self, id: &str, content: &str) -> Result<(), OrganizationFault> {
        let request = self.org.update_policy().policy_id(id).content(content);
        self.org_line
            .write("UpdatePolicy", write(), request.send())
            .await
            .map(drop)
            .map_err(fault)
    }

    async fn delete_policy(&self, id: &str) -> Result<(), OrganizationFault> {
        let request = self.org.delete_policy().policy_id(id);
        self.org_line
            .write("DeletePolicy", write(), request.send())
            .await
            .map(drop)
            .map_err(fault)
    }

    async fn attach(&self, policy: &str, target: &str) -> Result<(), OrganizationFault> {
        let request = self.org.attach_policy().policy_id(policy).target_id(target);
        self.org_line
            .write("AttachPolicy", write(), request.send())
            .await
            .map(drop)
            .map_err(fault)
    }

    async fn detach(&self, policy: &str, target: &str) -> Result<(), OrganizationFault> {
        let request = self.org.detach_policy().policy_id(policy).target_id(target);
        self.org_line
            .write("DetachPolicy", write(), request.send())
            .await
            .map(drop)
            .map_err(fault)
    }

    async fn targets_of(&self, policy: &str) -> Result<Vec<AttachmentTarget>, OrganizationFault> {
        let listed = listing!(
            self.org_line.read("ListTargetsForPolicy", read()),
            targets,
            self.org
                .list_targets_for_policy()
                .policy_id(policy)
                .max_results(PAGE)
        )
        .await
        .map_err(fault)?;
        let rows = listed.into_iter().map(|it| {
            let id = it.target_id?;
            let kind = match it.r#type {
                Some(org::TargetType::Root) => TargetKind::Root,
                Some(org::TargetType::OrganizationalUnit) => TargetKind::Unit,
                _ => TargetKind::Account,
            };
            Some(AttachmentTarget {
                name: it.name.unwrap_or_else(|| id.clone()),
                id,
                kind,
            })
        });
        rows.collect::<Option<_>>()
            .ok_or_else(|| fault(CallFailure::unparsable("a target without an id")))
    }

    async fn policies_of(&self, target: &str) -> Result<Vec<PolicyRow>, OrganizationFault> {
        let listed = listing!(
            self.org_line.read("ListPoliciesForTarget", read()),
            policies,
            self.org
                .list_policies_for_target()
                .filter(SCP)
                .target_id(target)
                .max_results(PAGE)
        )
        .await;
        rows(listed.map_err(fault)?)
    }

    async fn tags(&self, id: &str) -> Result<BTreeMap<String, String>, OrganizationFault> {
        let listed = listing!(
            self.org_line.read("ListTagsForResource", read()),
            tags,
            self.org.list_tags_for_resource().resource_id(id)
        )
        .await
        .map_err(fault)?;
        Ok(listed.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    async fn accounts_below(&self, target: &str) -> Result<Vec<AccountRow>, OrganizationFault> {
        let found = if target.bytes().all(|b| b.is_ascii_digit()) {
            self.one_account(target).await.map(|row| vec![row])
        } else {
            self.walk(target).await
        };
        found.map_err(fault)
    }

    /// Knows only roles of provisioned sets; does not read IAM of other accounts.
    async fn role_in(
        &self,
        account: &str,
        role: &str,
    ) -> Result<TargetPresence, OrganizationFault> {
        let Some(set) = permission_set_of(role) else {
            let why = format!(
                "`{role}` is no role of a permission set, and this release does not look into IAM of \
                 other accounts"
            );
            return Ok(TargetPresence::Unseen(why));
        };
        let sets = self.provisioned_sets(account).await.map_err(fault)?;
        Ok(if sets.iter().any(|name| name == set) {
            TargetPresence::There
        } else {
            TargetPresence::NotThere
        })
    }
}

#[cfg(test)]
#[path = "policies_tests.rs"]
mod tests;
