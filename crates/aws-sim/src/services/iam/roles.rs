use std::collections::BTreeMap;

use crate::base::Millis;
use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, escaped, held, is_below, listed, no_entity, seen,
    seen_by_name, single,
    users::{add_boundary, list_tags, tag_rows},
};
use crate::services::{OperationHandler::Reads, OperationRow};
use crate::{
    core::{
        call::Output,
        entities::{Tags, boundary_arn},
        instants::instant,
        issue::{unique_id, whole_seconds},
        portal::{reserved_path, saml_provider},
        roles::{trust_document, trust_policy},
    },
    organization::{Iam, IamPolicies, IamRole},
    vocabulary::policy_types,
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListRoles", Reads(list)),
    ("GetRole", Reads(get)),
    ("ListRoleTags", Reads(tags)),
    ("ListRolePolicies", Reads(inline_names)),
    ("GetRolePolicy", Reads(inline)),
    ("ListAttachedRolePolicies", Reads(attached)),
];

/// Provisioning's name for a set's inline policy.
const INLINE_OF_SET: &str = "AwsSSOInlinePolicy";

pub(super) struct RoleView {
    path: String,
    pub name: String,
    created: Millis,
    longest: u32,
    /// Session seconds of AWS Sign-In, if set.
    longest_sign_in: Option<u32>,
    template: Option<String>,
    trust: Value,
    description: Option<String>,
    pub permissions: IamPolicies,
    /// Name and percent-encoded document.
    inline: BTreeMap<String, String>,
    tags: Tags,
    last_used: Option<Millis>,
}

impl RoleView {
    pub(super) fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:role{}{}", self.path, self.name)
    }

    fn row(&self, context: &Context<'_>) -> Value {
        let arn = self.arn(&context.caller.account);
        let mut row = json!({
            "Path": self.path,
            "RoleName": self.name,
            "RoleId": unique_id(context.state.seed, "AROA", &arn),
            "Arn": arn,
            "CreateDate": whole_seconds(self.created),
            "AssumeRolePolicyDocument": escaped(&policy_types::text(&self.trust)),
            "MaxSessionDuration": self.longest,
        });
        if let Some(members) = row.as_object_mut() {
            if let Some(text) = &self.description {
                members.insert("Description".to_owned(), json!(text));
            }
            if let Some(seconds) = self.longest_sign_in {
                members.insert("MaxSigninSessionDuration".to_owned(), json!(seconds));
            }
            if let Some(arn) = &self.template {
                let template = json!({ "TemplateArn": arn, "TemplateMinorVersion": 1 });
                members.insert("SourceRoleTemplate".to_owned(), template);
            }
        }
        row
    }

    fn whole(&self, context: &Context<'_>) -> Value {
        let mut row = self.row(context);
        if let Some(members) = row.as_object_mut() {
            add_boundary(members, self.permissions.boundary.as_ref());
            if !self.tags.is_empty() {
                members.insert("Tags".to_owned(), tag_rows(&self.tags));
            }
            let home = &context.state.center.home_region;
            let used = self.last_used.map_or_else(
                || json!({}),
                |at| json!({ "LastUsedDate": whole_seconds(at), "Region": home }),
            );
            members.insert("RoleLastUsed".to_owned(), used);
        }
        row
    }

    pub(super) fn details(&self, context: &Context<'_>) -> Value {
        let mut row = self.whole(context);
        if let Some(members) = row.as_object_mut() {
            for name in [
                "Description",
                "MaxSessionDuration",
                "MaxSigninSessionDuration",
                "SourceRoleTemplate",
            ] {
                members.remove(name);
            }
            let inline = self.inline.iter();
            let inline = inline
                .map(|(name, document)| json!({ "PolicyName": name, "PolicyDocument": document }));
            let attached = held::attached_rows(&self.permissions.policies);
            members.insert("InstanceProfileList".to_owned(), json!([]));
            members.insert("RolePolicyList".to_owned(), inline.collect());
            members.insert("AttachedManagedPolicies".to_owned(), attached.into());
            members.entry("Tags").or_insert_with(|| json!([]));
        }
        row
    }
}

pub(super) fn all(context: &Context<'_>, iam: &Iam) -> Vec<RoleView> {
    let joined = context.state.joined(&context.caller.account);
    let mut rows: Vec<RoleView> = iam.roles.iter().map(|role| stated(role, joined)).collect();
    rows.extend(provisioned(context));
    rows
}

fn stated(role: &IamRole, joined: Millis) -> RoleView {
    let inline = role.permissions.inline.iter().enumerate();
    let inline = inline.map(|(index, document)| {
        let name = crate::core::iam::inline_name(index);
        (name, escaped(&policy_types::text(document)))
    });
    RoleView {
        path: role.path.clone().unwrap_or_else(|| "/".to_owned()),
        name: role.name.clone(),
        created: instant(role.created.as_ref()).unwrap_or(joined),
        longest: role.max_session_duration.unwrap_or(3600),
        longest_sign_in: role.max_signin_session_duration,
        template: role.template.clone(),
        trust: trust_policy(role),
        description: role.description.clone(),
        permissions: role.permissions.clone(),
        inline: inline.collect(),
        tags: role.tags.clone(),
        last_used: instant(role.last_used.as_ref()),
    }
}

fn provisioned(context: &Context<'_>) -> Vec<RoleView> {
    let state = &context.state;
    let account = context.caller.account.as_str();
    let path = reserved_path(&state.center.home_region);
    let provider = saml_provider(state, account);
    let trust = trust_document(
        &json!(["sts:AssumeRoleWithSAML", "sts:TagSession"]),
        &json!({ "Federated": provider }),
        None,
    );
    let start = (account.into(), 0, "".into());
    let provisions = state
        .provisions
        .range_seen(std::ops::Bound::Included(start), context.reading)
        .take_while(|((of, ..), _)| **of == *account);
    let shown = provisions.filter_map(|((_, _, id), provision)| {
        let set = state.set(id)?;
        let held = state.policies_at(set, provision.version);
        let inline = held
            .inline
            .map(|document| (INLINE_OF_SET.to_owned(), escaped(document.text())));
        let boundary = held
            .boundary
            .and_then(|boundary| boundary_arn(account, boundary));
        let mut role = RoleView {
            path: path.clone(),
            name: format!("AWSReservedSSO_{}_{}", set.name, provision.suffix),
            created: state.joined(account),
            longest: facts::PERMISSION_SET_SESSION_SECONDS_MOST.value,
            longest_sign_in: None,
            template: None,
            trust: trust.clone(),
            description: None,
            permissions: IamPolicies {
                policies: held.managed.to_vec(),
                inline: Vec::new(),
                boundary,
            },
            inline: inline.into_iter().collect(),
            tags: Tags::new(),
            last_used: None,
        };
        let own = held.customer_managed.iter();
        let own = own.map(|(name, path)| format!("arn:aws:iam::{account}:policy{path}{name}"));
        role.permissions.policies.extend(own);
        let arn = role.arn(account);
        let sessions = state
            .sessions
            .iter()
            .filter(|session| session.role_arn == arn);
        role.last_used = sessions.map(|session| session.issued).max();
        Some(role)
    });
    shown.collect()
}

fn find(context: &Context<'_>, iam: &Iam) -> Result<RoleView, ApiError> {
    let name = context.text("RoleName");
    let mut rows = all(context, iam).into_iter();
    rows.find(|role| role.name == name)
        .ok_or_else(|| no_entity("role", name))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let rows = all(context, &seen(context)).into_iter();
    let rows = rows.filter(|role| is_below(context, Some(&role.path)));
    let rows = rows.map(|role| (role.arn(""), role.row(context)));
    listed(context, rows.collect())
}

fn get(context: &Context<'_>) -> HandlerResult {
    Ok(single(
        "Role",
        find(context, &seen_by_name(context))?.whole(context),
    ))
}

pub(super) fn as_written(context: &Context<'_>) -> Result<Value, ApiError> {
    let iam = context.state.iam_now(&context.caller.account);
    Ok(find(context, &iam)?.whole(context))
}

fn tags(context: &Context<'_>) -> HandlerResult {
    list_tags(context, &find(context, &seen(context))?.tags)
}

fn inline_names(context: &Context<'_>) -> HandlerResult {
    let names = find(context, &seen(context))?.inline.into_keys();
    let rows = names.map(|name| (name.clone(), Value::from(name)));
    listed(context, rows.collect())
}

fn inline(context: &Context<'_>) -> HandlerResult {
    let role = find(context, &seen_by_name(context))?;
    let name = context.text("PolicyName");
    let document = role
        .inline
        .get(name)
        .ok_or_else(|| no_entity("role policy", name))?;
    Ok(Output::Members(json!({
        "RoleName": role.name, "PolicyName": name, "PolicyDocument": document,
    })))
}

fn attached(context: &Context<'_>) -> HandlerResult {
    let role = find(context, &seen(context))?;
    held::list_attached(context, &role.permissions.policies)
}
