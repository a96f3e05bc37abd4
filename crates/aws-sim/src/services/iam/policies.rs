use serde_json::{Map, Value, json};

use super::{ApiError, Context, HandlerResult, escaped, listed, roles, seen, seen_by_name, single};
use crate::services::{OperationHandler::Reads, OperationRow};
use crate::{
    core::{
        authorize::{aws_managed, aws_managed_arn as arn},
        instants::instant,
        issue::{unique_id, whole_seconds},
    },
    organization::{Iam, IamManagedPolicy, IamPolicies},
    vocabulary::policy_types,
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListPolicies", Reads(list)),
    ("GetPolicy", Reads(get)),
    ("GetPolicyVersion", Reads(version)),
    ("ListPolicyVersions", Reads(versions)),
];

/// 2015-02-06, 18:40:58 UTC: when AWS made most of its managed policies.
const AWS_CREATED: i64 = 1_423_248_058_000;
const VERSION: &str = "v1";

pub(super) struct ManagedPolicy {
    pub arn: String,
    pub aws: bool,
    description: Option<String>,
    created: String,
    text: String,
}

impl ManagedPolicy {
    fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    fn path(&self) -> String {
        let path = self.arn.split_once(":policy").map_or("/", |(_, path)| path);
        path.strip_suffix(self.name()).unwrap_or(path).to_owned()
    }

    fn row(&self, context: &Context<'_>, uses: &PolicyUses) -> Map<String, Value> {
        let row = json!({
            "PolicyName": self.name(),
            "PolicyId": unique_id(context.state.seed, "ANPA", &self.arn),
            "Arn": self.arn,
            "Path": self.path(),
            "DefaultVersionId": VERSION,
            "AttachmentCount": uses.attached(&self.arn),
            "PermissionsBoundaryUsageCount": uses.bounding(&self.arn),
            "IsAttachable": true,
            "CreateDate": self.created,
            "UpdateDate": self.created,
        });
        row.as_object().cloned().unwrap_or_default()
    }

    fn version(&self, with_document: bool) -> Value {
        let mut row = json!({
            "VersionId": VERSION, "IsDefaultVersion": true, "CreateDate": self.created,
        });
        if let (true, Some(members)) = (with_document, row.as_object_mut()) {
            members.insert("Document".to_owned(), escaped(&self.text).into());
        }
        row
    }

    pub(super) fn details(&self, context: &Context<'_>, uses: &PolicyUses) -> Value {
        let mut row = self.row(context, uses);
        row.extend(
            self.description
                .clone()
                .map(|text| ("Description".to_owned(), text.into())),
        );
        row.insert("PolicyVersionList".to_owned(), json!([self.version(true)]));
        Value::Object(row)
    }
}

/// Counts of attachments and of boundaries.
pub(super) struct PolicyUses {
    attached: Vec<String>,
    bounding: Vec<String>,
}

impl PolicyUses {
    pub(super) fn of(context: &Context<'_>, iam: &Iam) -> Self {
        let users = iam.users.iter().map(|user| user.permissions.clone());
        let groups = iam.groups.iter().map(|group| group.permissions.clone());
        let roles = roles::all(context, iam)
            .into_iter()
            .map(|role| role.permissions);
        let all: Vec<IamPolicies> = users.chain(groups).chain(roles).collect();
        let attached = all.iter().flat_map(|held| &held.policies);
        let bounding = all.iter().filter_map(|held| held.boundary.as_ref());
        Self {
            attached: attached.map(|name| arn(name)).collect(),
            bounding: bounding.map(|name| arn(name)).collect(),
        }
    }

    pub(super) fn attached(&self, arn: &str) -> usize {
        self.attached.iter().filter(|one| *one == arn).count()
    }

    fn bounding(&self, arn: &str) -> usize {
        self.bounding.iter().filter(|one| *one == arn).count()
    }
}

pub(super) fn all(context: &Context<'_>, iam: &Iam) -> Vec<ManagedPolicy> {
    let own = iam.managed.iter().map(|policy| own(context, policy));
    let aws = aws_managed().map(|(arn, text)| ManagedPolicy {
        arn,
        aws: true,
        description: None,
        created: whole_seconds(AWS_CREATED),
        text: text.to_owned(),
    });
    own.chain(aws).collect()
}

fn own(context: &Context<'_>, policy: &IamManagedPolicy) -> ManagedPolicy {
    let account = context.caller.account.as_str();
    let path = policy.path.as_deref().unwrap_or("/");
    let joined = context.state.joined(account);
    let created = instant(policy.created.as_ref()).unwrap_or(joined);
    ManagedPolicy {
        arn: format!("arn:aws:iam::{account}:policy{path}{}", policy.name),
        aws: false,
        description: policy.description.clone(),
        created: whole_seconds(created),
        text: policy_types::text(&policy.document),
    }
}

fn list(context: &Context<'_>) -> HandlerResult {
    let iam = seen(context);
    let uses = PolicyUses::of(context, &iam);
    let flag = |name: &str| context.call.input.get(name) == Some(&Value::Bool(true));
    let (scope, prefix) = (
        context.text("Scope"),
        context.optional("PathPrefix").unwrap_or("/"),
    );
    let wanted = |policy: &ManagedPolicy| {
        let counts = match context.text("PolicyUsageFilter") {
            "PermissionsPolicy" => uses.attached(&policy.arn) > 0,
            "PermissionsBoundary" => uses.bounding(&policy.arn) > 0,
            _ if flag("OnlyAttached") => uses.attached(&policy.arn) > 0,
            _ => true,
        };
        let in_scope = match scope {
            "AWS" => policy.aws,
            "Local" => !policy.aws,
            _ => true,
        };
        counts && in_scope && policy.path().starts_with(prefix)
    };
    let rows = all(context, &iam).into_iter().filter(wanted);
    let rows = rows.map(|policy| {
        let row = policy.row(context, &uses);
        (policy.arn, Value::Object(row))
    });
    listed(context, rows.collect())
}

fn find(context: &Context<'_>, iam: &Iam) -> Result<ManagedPolicy, ApiError> {
    let arn = context.text("PolicyArn");
    let mut rows = all(context, iam).into_iter();
    rows.find(|policy| policy.arn == arn).ok_or_else(|| {
        let text = format!("Policy {arn} does not exist or is not attachable.");
        ApiError::new("NoSuchEntity", text)
    })
}

fn get(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    let policy = find(context, &iam)?;
    let mut row = policy.row(context, &PolicyUses::of(context, &iam));
    row.extend(
        policy
            .description
            .map(|text| ("Description".to_owned(), text.into())),
    );
    Ok(single("Policy", Value::Object(row)))
}

fn version(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    let policy = find(context, &iam)?;
    let version = context.text("VersionId");
    if version != VERSION {
        let text = format!("Policy {} version {version} does not exist.", policy.arn);
        return Err(ApiError::new("NoSuchEntity", text));
    }
    Ok(single("PolicyVersion", policy.version(true)))
}

fn versions(context: &Context<'_>) -> HandlerResult {
    let iam = seen(context);
    let policy = find(context, &iam)?;
    let row = (VERSION.to_owned(), policy.version(false));
    listed(context, vec![row])
}
