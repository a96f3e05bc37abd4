//! Remediation actions and their parameters (`organization.md` R-4).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    Suppress,
    SgRevokePublic,
    SgDefaultClose,
    S3AccountBlock,
    S3BucketBlock,
    IamKeyDeactivate,
    IamPasswordPolicy,
    EbsDefaultEncrypt,
    KmsRotate,
    TrailValidation,
    FlowLogs,
    RdsPrivate,
    Webhook,
    Lambda,
    Notify,
}

impl ActionKind {
    pub const ALL: [Self; 15] = [
        Self::Suppress,
        Self::SgRevokePublic,
        Self::SgDefaultClose,
        Self::S3AccountBlock,
        Self::S3BucketBlock,
        Self::IamKeyDeactivate,
        Self::IamPasswordPolicy,
        Self::EbsDefaultEncrypt,
        Self::KmsRotate,
        Self::TrailValidation,
        Self::FlowLogs,
        Self::RdsPrivate,
        Self::Webhook,
        Self::Lambda,
        Self::Notify,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Suppress => "suppress",
            Self::SgRevokePublic => "sg-revoke-public",
            Self::SgDefaultClose => "sg-default-close",
            Self::S3AccountBlock => "s3-account-block",
            Self::S3BucketBlock => "s3-bucket-block",
            Self::IamKeyDeactivate => "iam-key-deactivate",
            Self::IamPasswordPolicy => "iam-password-policy",
            Self::EbsDefaultEncrypt => "ebs-default-encrypt",
            Self::KmsRotate => "kms-rotate",
            Self::TrailValidation => "trail-validation",
            Self::FlowLogs => "flow-logs",
            Self::RdsPrivate => "rds-private",
            Self::Webhook => "webhook",
            Self::Lambda => "lambda",
            Self::Notify => "notify",
        }
    }

    pub const fn leaves_accounts_alone(self) -> bool {
        matches!(self, Self::Suppress | Self::Notify)
    }

    /// Returns whether customer code does the change. Only that code can undo it.
    pub const fn is_own_code(self) -> bool {
        matches!(self, Self::Webhook | Self::Lambda)
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookParams {
    /// Name of a `[[webhooks]]` table, which has address and secret.
    pub(crate) name: String,
    #[serde(default)]
    with: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LambdaParams {
    /// The ARN, with an optional version or alias.
    pub(crate) function: String,
    #[serde(default)]
    with: Value,
}

/// Returns the Region of a function ARN, with or without version or alias.
pub fn function_region(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    let [
        "arn",
        _,
        "lambda",
        region,
        account,
        "function",
        name,
        rest @ ..,
    ] = parts.as_slice()
    else {
        return None;
    };
    let is_account = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
    let is_name = |it: &&str| {
        let fits = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'$');
        !it.is_empty() && it.bytes().all(fits)
    };
    let is_whole = rest.len() <= 1 && is_name(name) && rest.iter().all(is_name);
    (is_account && !region.is_empty() && is_whole).then_some(*region)
}

pub fn named_function(params: &Value) -> Option<&str> {
    params.get("function")?.as_str()
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortParams {
    pub(crate) ports: Vec<u16>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct KeyParams {
    /// Minimum age of the key.
    pub(crate) older_than_days: Option<u32>,
    /// Minimum time without use.
    pub(crate) unused_days: Option<u32>,
}

/// Required character kinds of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CharacterKind {
    Symbols,
    Numbers,
    UpperCase,
    LowerCase,
}

impl CharacterKind {
    pub(crate) const ALL: [Self; 4] = [
        Self::Symbols,
        Self::Numbers,
        Self::UpperCase,
        Self::LowerCase,
    ];

    pub(crate) const fn member(self) -> &'static str {
        match self {
            Self::Symbols => "RequireSymbols",
            Self::Numbers => "RequireNumbers",
            Self::UpperCase => "RequireUppercaseCharacters",
            Self::LowerCase => "RequireLowercaseCharacters",
        }
    }
}

/// Minimum password policy; absent members stay unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PasswordParams {
    pub(crate) min_length: u32,
    pub(crate) characters: Vec<CharacterKind>,
    /// Number of earlier passwords that cannot be reused.
    pub(crate) remembered: u32,
    pub(crate) max_age_days: Option<u32>,
}

impl Default for PasswordParams {
    /// CIS AWS Foundations Benchmark: 14 characters, 24 remembered.
    fn default() -> Self {
        Self {
            min_length: 14,
            characters: CharacterKind::ALL.to_vec(),
            remembered: 24,
            max_age_days: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum LoggedTraffic {
    Accept,
    /// Rejected traffic, which control EC2.6 checks.
    #[default]
    Reject,
    All,
}

impl LoggedTraffic {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Reject => "REJECT",
            Self::All => "ALL",
        }
    }
}

/// Destination of `flow-logs`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlowLogParams {
    /// ARN of a bucket, with optional folder, or of a log group; `{account}` and `{region}` are
    /// those of the VPC.
    pub(crate) destination: String,
    /// Name of the role in the account that writes to a log group.
    #[serde(default)]
    pub(crate) role: Option<String>,
    #[serde(default)]
    pub(crate) traffic: LoggedTraffic,
}

impl FlowLogParams {
    pub(crate) fn to_bucket(&self) -> bool {
        self.destination.split(':').nth(2) == Some("s3")
    }

    fn check(&self) -> Result<(), &'static str> {
        let mut parts = self.destination.split(':');
        let (start, _, service) = (parts.next(), parts.next(), parts.next());
        match (start, service, &self.role) {
            (Some("arn"), Some("s3"), None) => Ok(()),
            (Some("arn"), Some("s3"), Some(_)) => {
                Err("`role` is for log groups: a bucket's policy lets the logs in")
            }
            (Some("arn"), Some("logs"), Some(role)) if !role.contains([':', '/']) => Ok(()),
            (Some("arn"), Some("logs"), _) => {
                Err("`role` is the name of the role in each account that writes to the log group")
            }
            _ => Err("`destination` is the ARN of a bucket or of a log group"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParams {}

pub(crate) fn check_params(action: ActionKind, params: Value) -> Result<Value, String> {
    let params = if params.is_null() { json!({}) } else { params };
    let wrong = |error: serde_json::Error| format!("`params` of `{action}`: {error}");
    match action {
        ActionKind::SgRevokePublic => {
            let read: PortParams = serde_json::from_value(params.clone()).map_err(wrong)?;
            if read.ports.is_empty() {
                return Err(format!("`params` of `{action}`: `ports` names none"));
            }
        }
        ActionKind::IamKeyDeactivate => {
            let read: KeyParams = serde_json::from_value(params.clone()).map_err(wrong)?;
            if read.older_than_days.is_none() && read.unused_days.is_none() {
                return Err(format!(
                    "`params` of `{action}`: give `older_than_days` or `unused_days`, which say which keys"
                ));
            }
        }
        ActionKind::IamPasswordPolicy => {
            let _: PasswordParams = serde_json::from_value(params.clone()).map_err(wrong)?;
        }
        ActionKind::Webhook => {
            let _: WebhookParams = serde_json::from_value(params.clone()).map_err(wrong)?;
        }
        ActionKind::Lambda => {
            let read: LambdaParams = serde_json::from_value(params.clone()).map_err(wrong)?;
            if function_region(&read.function).is_none() {
                let function = &read.function;
                return Err(format!(
                    "`params` of `{action}`: `{function}` is not the ARN of a function (arn:aws:lambda:REGION:ACCOUNT:function:NAME)"
                ));
            }
        }
        ActionKind::FlowLogs => {
            let read: FlowLogParams = serde_json::from_value(params.clone()).map_err(wrong)?;
            let wrong = |why| format!("`params` of `{action}`: {why}");
            read.check().map_err(wrong)?;
        }
        ActionKind::Suppress
        | ActionKind::RdsPrivate
        | ActionKind::Notify
        | ActionKind::SgDefaultClose
        | ActionKind::S3AccountBlock
        | ActionKind::S3BucketBlock
        | ActionKind::EbsDefaultEncrypt
        | ActionKind::KmsRotate
        | ActionKind::TrailValidation => {
            let _: NoParams = serde_json::from_value(params.clone()).map_err(wrong)?;
        }
    }
    Ok(params)
}
