use hallpass_aws_model::facts;

use super::arn_pattern::{RequestAction, RequestResource};
use super::caller::{Caller, CallerKind};
use super::context::{Context, ContextValue};
use crate::error::{LoadError, LoadErrorCode};
use crate::language::Arn;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub(crate) caller: Caller,
    pub(crate) action: RequestAction,
    pub(crate) resource: RequestResource,
    pub(crate) context: Context,
    resource_account: Option<Box<str>>,
    management_account: bool,
    root_user: bool,
}

impl Request {
    /// Principal (an ARN, a service name, an identity provider), action (`service:Name`), resource
    /// (an ARN or `*`).
    pub fn new(
        principal: &str,
        action: &str,
        resource: &str,
        context: Context,
    ) -> Result<Self, LoadError> {
        let caller = Caller::parse(principal).ok_or_else(|| {
            let message = format!(
                "'{principal}' is no principal: write the ARN of a user, a role, a session or a \
                 root user, or the name of a service"
            );
            LoadError::new(LoadErrorCode::Arn, message, "/principal")
        })?;
        Self::of(caller, action, resource, context)
    }

    pub fn of(
        caller: Caller,
        action: &str,
        resource: &str,
        context: Context,
    ) -> Result<Self, LoadError> {
        let action = RequestAction::parse(action).ok_or_else(|| {
            let message = format!("'{action}' is no action: write service:Name, as s3:GetObject");
            LoadError::new(LoadErrorCode::Action, message, "/action")
        })?;
        let resource = RequestResource::parse(resource).ok_or_else(|| {
            let message = format!("'{resource}' is no resource: write an ARN with six parts or *");
            LoadError::new(LoadErrorCode::Arn, message, "/resource")
        })?;
        Ok(Self {
            caller,
            action,
            resource,
            context,
            resource_account: None,
            management_account: false,
            root_user: false,
        })
    }

    /// Overrides the ARN's owner.
    #[must_use]
    pub fn resource_account(mut self, account: &str) -> Self {
        self.resource_account = Some(account.into());
        self
    }

    #[must_use]
    pub fn management_account(mut self, is: bool) -> Self {
        self.management_account = is;
        self
    }

    #[must_use]
    pub fn root_user(mut self, is: bool) -> Self {
        self.root_user = is;
        self
    }

    pub fn with_action(mut self, action: &str) -> Result<Self, LoadError> {
        let other = Self::of(self.caller.clone(), action, "*", Context::new())?;
        self.action = other.action;
        Ok(self)
    }

    pub fn with_resource(mut self, resource: &str) -> Result<Self, LoadError> {
        let other = Self::of(Caller::anonymous(), "a:b", resource, Context::new())?;
        self.resource = other.resource;
        Ok(self)
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    pub fn context(&self) -> &Context {
        &self.context
    }

    pub fn context_mut(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Lower case.
    pub fn action(&self) -> &str {
        self.action.lower()
    }

    pub fn action_as_written(&self) -> &str {
        self.action.written()
    }

    pub fn resource(&self) -> &str {
        self.resource.as_str()
    }

    /// Sets missing keys from the principal: `aws:PrincipalArn`, `aws:PrincipalAccount`,
    /// `aws:PrincipalType`, `aws:username` (`policies.md` §3).
    pub fn derive_keys(&mut self) {
        let derived = [
            ("aws:PrincipalArn", self.caller.principal_arn()),
            (
                "aws:PrincipalAccount",
                self.caller.account().map(str::to_owned),
            ),
            (
                "aws:PrincipalType",
                self.caller.principal_type().map(str::to_owned),
            ),
            ("aws:username", self.caller.user_name().map(str::to_owned)),
        ];
        for (key, value) in derived {
            if let Some(value) = value {
                self.set_if_absent(key, value);
            }
        }
    }

    pub fn set_if_absent(&mut self, key: &str, value: String) {
        if self.context.get(key).is_none() {
            self.context.set(key, ContextValue::One(value));
        }
    }

    fn resource_parts(&self) -> Option<Arn<'_>> {
        let [_, partition, service, region, account, rest] = self.resource.parts()?;
        Some(Arn {
            partition,
            service,
            region,
            account,
            rest,
        })
    }

    /// Resource owner: explicit, else the ARN's, else the principal's.
    pub(crate) fn owner(&self) -> Option<&str> {
        if let Some(account) = &self.resource_account {
            return Some(account);
        }
        self.resource_parts()
            .map(|arn| arn.account)
            .filter(|account| account.len() == 12)
            .or_else(|| self.caller.account())
    }

    pub(crate) fn same_account(&self) -> bool {
        self.caller.account().is_some() && self.caller.account() == self.owner()
    }

    pub(crate) fn is_root(&self) -> bool {
        self.caller.kind() == CallerKind::Root
            || (self.root_user && self.caller.account().is_some())
    }

    pub(crate) fn is_service_linked_role(&self) -> bool {
        let linked = |arn: &str| {
            Arn::parse(arn).is_some_and(|it| {
                it.service == "iam" && it.rest.starts_with("role/aws-service-role/")
            })
        };
        let stated = self.context.lower("aws:principalarn");
        linked(self.caller.as_str())
            || matches!(stated, Some(ContextValue::One(arn)) if linked(arn))
    }

    /// Service control policies limit principals of member accounts (AWS: "Service control
    /// policies": "SCP effects on permissions").
    pub(crate) fn under_scps(&self) -> bool {
        let principal =
            self.caller.has_identity_policies() || self.caller.kind() == CallerKind::Root;
        principal && !self.management_account && !self.is_service_linked_role()
    }

    /// Resource control policies limit resources of member accounts (AWS: "Resource control
    /// policies").
    pub(crate) fn under_rcps(&self) -> bool {
        self.resource_is_under_rcps() && !self.escapes_rcps()
    }

    /// Ignores actions exempt from resource control policies.
    pub(crate) fn resource_is_under_rcps(&self) -> bool {
        let management = self.management_account && self.same_account();
        !management && !self.on_aws_managed_key() && !self.is_service_linked_role()
    }

    /// An AWS managed KMS key. A key ARN does not show it; an alias does, by its reserved prefix
    /// (AWS: "Create aliases"): as the resource or in the request context. Without one it counts as
    /// a customer key.
    fn on_aws_managed_key(&self) -> bool {
        let is_reserved = |alias: &str| alias.starts_with("alias/aws/");
        let says = |key: &str| {
            let said = self.context.lower(key).map(ContextValue::values);
            said.is_some_and(|it| it.iter().any(|alias| is_reserved(alias)))
        };
        self.resource_parts().is_some_and(|arn| {
            let is_said = || says("kms:resourcealiases") || says("kms:requestalias");
            arn.service == "kms"
                && (is_reserved(arn.rest) || (arn.rest.starts_with("key/") && is_said()))
        })
    }

    /// A customer KMS key: requires its key policy (AWS: "Key policies in AWS KMS").
    pub(crate) fn on_kms_key(&self) -> bool {
        self.resource_parts()
            .is_some_and(|arn| arn.service == "kms" && arn.rest.starts_with("key/"))
    }

    /// An IAM role; its resource policy is a trust policy.
    pub(crate) fn on_role(&self) -> bool {
        self.resource_parts()
            .is_some_and(|arn| arn.service == "iam" && arn.rest.starts_with("role/"))
    }

    /// Assumes a role: its trust policy decides.
    pub(crate) fn takes_role(&self) -> bool {
        self.action.takes_roles() && self.on_role()
    }

    /// Needs no permission and cannot be denied.
    pub(crate) fn is_always_allowed(&self) -> bool {
        let kind = self.caller.kind();
        self.needs_no_permission(if self.is_root() {
            CallerKind::Root
        } else {
            kind
        })
    }

    pub(crate) fn needs_no_permission(&self, caller: CallerKind) -> bool {
        let is_long_term = matches!(caller, CallerKind::User | CallerKind::Root);
        facts::NO_PERMISSION.names(self.action())
            || (is_long_term && facts::NO_PERMISSION_OF_USERS.names(self.action()))
    }

    pub(crate) fn escapes_rcps(&self) -> bool {
        facts::NO_RCP.names(self.action())
    }

    /// Only AWS writes roles under `aws-reserved/` and its policies.
    pub(crate) fn writes_reserved(&self) -> bool {
        self.action.writes_iam() && self.on_reserved() && self.caller.kind() != CallerKind::Service
    }

    /// Only AWS writes it. Identity Center writes roles of the management account with its caller's
    /// permissions, so there they decide.
    pub(crate) fn on_reserved(&self) -> bool {
        let via = self.context.lower("aws:calledvia");
        let via = via.map(ContextValue::values).unwrap_or_default();
        let is_identity_center = via.iter().any(|it| it == "sso.amazonaws.com");
        self.resource_parts().is_some_and(|arn| {
            let is_its_role = arn.rest.starts_with("role/aws-reserved/sso.amazonaws.com/");
            arn.service == "iam"
                && !(is_its_role && is_identity_center)
                && (arn.rest.starts_with("role/aws-reserved/")
                    || (arn.account == "aws" && arn.rest.starts_with("policy/")))
        })
    }

    /// The root user may repair a bucket or queue policy that denies every principal.
    pub(crate) fn escapes_resource_policy(&self) -> bool {
        self.is_root()
            && self.same_account()
            && [
                facts::ROOT_OVER_BUCKET_POLICY,
                facts::ROOT_OVER_QUEUE_POLICY,
            ]
            .iter()
            .any(|it| it.names(self.action.lower()))
    }
}
