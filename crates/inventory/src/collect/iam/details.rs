//! An account's authorization details: groups, roles, policies and attachments.

use std::collections::HashMap;
use std::io;

use crate::{SliceFailure, key_id};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ATTACHMENTS, GROUP_MEMBERS, GROUPS, IamAccount, POLICIES, ROLES, SERVICE, USERS};
use crate::collect::collector::{Collected, Collector, for_each};
use crate::collect::documents::{
    encoded_policy, if_there, list, member, needed, tags, text, undecodable,
};
use crate::collect::rows::row;

const GET: &str = "GetAccountAuthorizationDetails";
const PERMISSION_SET_ROLES: &str = "/aws-reserved/sso.amazonaws.com/";

#[derive(Debug, Default)]
pub(super) struct Details {
    users: Vec<Value>,
    groups: Vec<Value>,
    roles: Vec<Value>,
    policies: Vec<Value>,
    by_arn: HashMap<String, usize>,
}

impl Details {
    fn read(pages: &[Value]) -> Collected<Self> {
        let mut found = Self::default();
        for page in pages {
            let mut is_any = false;
            let lists = [
                ("UserDetailList", &mut found.users),
                ("GroupDetailList", &mut found.groups),
                ("RoleDetailList", &mut found.roles),
                ("Policies", &mut found.policies),
            ];
            for (name, all) in lists {
                is_any |= page.get(name).is_some();
                all.extend(list(page, name).iter().cloned());
            }
            if !is_any {
                return Err(undecodable(GET, "none of its lists is in it"));
            }
        }
        for (at, user) in found.users.iter().enumerate() {
            let arn = needed(GET, user, "Arn")?.to_owned();
            found.by_arn.insert(arn, at);
        }
        Ok(found)
    }

    pub(super) fn user(&self, arn: &str) -> Option<&Value> {
        self.users.get(*self.by_arn.get(arn)?)
    }

    fn group_rows(&self, account: &IamAccount<'_>) -> Vec<Value> {
        let of = json!({ "group_account_id": account.id });
        let groups = self.groups.iter();
        groups.map(|it| row(GROUPS, it, of.clone())).collect()
    }

    fn member_rows(&self, account: &IamAccount<'_>) -> Vec<Value> {
        let groups = self.groups.iter();
        let groups = groups.filter_map(|it| Some((text(it, "GroupName")?, text(it, "Arn")?)));
        let groups: HashMap<&str, &str> = groups.collect();
        let mut rows = Vec::new();
        for user in &self.users {
            let names = list(user, "GroupList").iter().filter_map(Value::as_str);
            for group in names.filter_map(|it| groups.get(it)) {
                rows.push(json!({
                    "group_cq_id": key_id(GROUPS, &[Some(group)]),
                    "member_user_cq_id": key_id(USERS, &[text(user, "Arn")]),
                    "member_account_id": account.id,
                }));
            }
        }
        rows
    }

    fn policy_rows(&self, account: &IamAccount<'_>, read: &mut PolicyReader) -> Vec<Value> {
        let shown = |policy: &Value| {
            let arn = text(policy, "Arn").unwrap_or_default();
            let is_default = |it: &&Value| it.get("IsDefaultVersion") == Some(&Value::Bool(true));
            let versions = list(policy, "PolicyVersionList").iter();
            let document = versions
                .clone()
                .find(is_default)
                .or(versions.clone().next());
            let document = document.and_then(|it| text(it, "Document"));
            let more = json!({
                "policy_account_id": account.id,
                "policy_arn": arn,
                "policy_scope": if arn.contains(":iam::aws:") { "AWS" } else { "Local" },
                "document": read.document(document),
            });
            row(POLICIES, policy, more)
        };
        self.policies.iter().map(shown).collect()
    }

    fn attachment_rows(&self, account: &IamAccount<'_>, read: &mut PolicyReader) -> Vec<Value> {
        let mut rows = Vec::new();
        for (entities, kind, table, inline) in [
            (&self.users, "user", USERS, "UserPolicyList"),
            (&self.groups, "group", GROUPS, "GroupPolicyList"),
            (&self.roles, "role", ROLES, "RolePolicyList"),
        ] {
            for entity in entities {
                let id = key_id(table, &[text(entity, "Arn")]);
                for attached in list(entity, "AttachedManagedPolicies") {
                    rows.push(json!({
                        "entity_cq_id": id,
                        "entity_account_id": account.id,
                        "entity_type": kind,
                        "attached_policy_arn": member(attached, "PolicyArn"),
                    }));
                }
                for policy in list(entity, inline) {
                    rows.push(json!({
                        "entity_cq_id": id,
                        "entity_account_id": account.id,
                        "entity_type": kind,
                        "inline_name": member(policy, "PolicyName"),
                        "inline_document": read.document(text(policy, "PolicyDocument")),
                    }));
                }
            }
        }
        rows
    }
}

#[derive(Debug, Default)]
struct PolicyReader {
    unreadable: usize,
}

impl PolicyReader {
    fn document(&mut self, text: Option<&str>) -> Value {
        let (document, is_json) = encoded_policy(text.unwrap_or_default());
        self.unreadable += usize::from(!is_json);
        document
    }
}

impl Collector<'_> {
    pub(super) async fn details(&self, account: &IamAccount<'_>) -> Collected<Details> {
        let input = json!({});
        let pages = self.pages(&account.place, SERVICE, GET, input).await?;
        Details::read(&pages)
    }

    pub(super) async fn keep_details(
        &self,
        account: &IamAccount<'_>,
        started: Timestamp,
        details: &Collected<Details>,
    ) -> io::Result<()> {
        let keep = |table, rows| self.keep(table, Some(account.id), started, rows);
        let details = details.as_ref().map_err(SliceFailure::clone);
        let read = &mut PolicyReader::default();
        keep(GROUPS, details.clone().map(|it| it.group_rows(account)))?;
        keep(
            GROUP_MEMBERS,
            details.clone().map(|it| it.member_rows(account)),
        )?;
        keep(
            POLICIES,
            details.clone().map(|it| it.policy_rows(account, read)),
        )?;
        keep(
            ATTACHMENTS,
            details.clone().map(|it| it.attachment_rows(account, read)),
        )?;
        if self.wants(ROLES, Some(account.id)) {
            let rows = match details {
                Ok(details) => self.role_rows(account, details, read).await,
                Err(failure) => Err(failure),
            };
            keep(ROLES, rows)?;
        }
        if read.unreadable > 0 {
            let count = read.unreadable;
            let note = format!(
                "{}: {count} policies are no JSON, and kept as text",
                account.id
            );
            self.store.note(note);
        }
        Ok(())
    }

    /// Role rows. Maximum session and template are missing in the details; one list has them for
    /// all, while `GetRole` costs a call each.
    async fn role_rows(
        &self,
        account: &IamAccount<'_>,
        details: &Details,
        read: &mut PolicyReader,
    ) -> Collected<Vec<Value>> {
        let input = json!({});
        let listed = self
            .list(&account.place, SERVICE, "ListRoles", input)
            .await?;
        let known = listed
            .into_iter()
            .filter_map(|it| Some((text(&it, "Arn")?.to_owned(), it)));
        let known: HashMap<String, Value> = known.collect();
        let found = for_each(&details.roles, |role| async {
            match text(role, "Arn").and_then(|it| known.get(it)) {
                Some(listed) => Ok(Some(listed.clone())),
                None => self.role_alone(account, role).await,
            }
        });
        let found = details.roles.iter().zip(found.await?);
        let there = found.filter_map(|(role, listed)| Some((role, listed?)));
        let rows = there.map(|(role, listed)| {
            let path = text(role, "Path").unwrap_or("/");
            let of_template = |name: &str| {
                let template = listed.get("SourceRoleTemplate");
                template.map_or(Value::Null, |it| member(it, name))
            };
            let seconds = member(&listed, "MaxSessionDuration");
            if seconds.is_null() {
                return Err(undecodable("ListRoles", "no `MaxSessionDuration` in it"));
            }
            let more = json!({
                "role_account_id": account.id,
                "role_path": path,
                "trust_policy": read.document(text(role, "AssumeRolePolicyDocument")),
                "max_session_duration": seconds,
                "permission_set_role": path.starts_with(PERMISSION_SET_ROLES),
                "role_tags": tags(list(role, "Tags")),
                "max_signin_session_duration": member(&listed, "MaxSigninSessionDuration"),
                "source_template_arn": of_template("TemplateArn"),
                "source_template_version": of_template("TemplateMinorVersion"),
            });
            Ok(row(ROLES, role, more))
        });
        rows.collect()
    }

    /// Reads a role created between the two lists; omits a deleted one, with a note (`inventory.md`
    /// W-12).
    async fn role_alone(&self, account: &IamAccount<'_>, role: &Value) -> Collected<Option<Value>> {
        let name = needed(GET, role, "RoleName")?;
        let input = json!({ "RoleName": name });
        let found = self.call(&account.place, SERVICE, "GetRole", input).await;
        let found = if_there(found)?.map(|it| member(&it, "Role"));
        if found.is_none() {
            let note = format!("{}: role {name} went away while it was read", account.id);
            self.store.note(note);
        }
        Ok(found)
    }
}
