//! What can be done about a deviation, and with which words it may be done (`organization.md` R-4).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// The finding is suppressed; no account is touched.
    Suppress,
    /// Rules of a security group that let everybody in to ports are revoked.
    SgRevokePublic,
    /// All rules of a default security group are revoked.
    SgDefaultClose,
    /// Public access to the buckets of an account is blocked.
    S3AccountBlock,
    /// Public access to a bucket is blocked.
    S3BucketBlock,
    /// Access keys of a user are made inactive.
    IamKeyDeactivate,
    /// The password policy is raised.
    IamPasswordPolicy,
    /// New volumes are encrypted.
    EbsDefaultEncrypt,
    /// A key is rotated.
    KmsRotate,
    /// Log files of a trail are validated.
    TrailValidation,
    /// What flows in a VPC is logged.
    FlowLogs,
    /// A database is not reached from outside.
    RdsPrivate,
    /// Code of somebody's own is called, which does what it does.
    Webhook,
    /// The same, where it is a function of Lambda.
    Lambda,
    /// People are told; no account is touched.
    Notify,
}

impl ActionKind {
    /// All of them.
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

    /// Its name in files.
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

    /// Whether it touches nothing but the finding.
    pub const fn leaves_accounts_alone(self) -> bool {
        matches!(self, Self::Suppress | Self::Notify)
    }

    /// Whether it is somebody's own code that knows what was done, and alone can take it back.
    pub const fn is_own_code(self) -> bool {
        matches!(self, Self::Webhook | Self::Lambda)
    }

    /// The action of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which code `webhook` calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookParams {
    /// The name of a table of `[[webhooks]]`, which has address and secret.
    pub(crate) name: String,
    /// What it is told besides, as it stands.
    #[serde(default)]
    with: Value,
}

/// Which function `lambda` calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LambdaParams {
    /// Its ARN, with a version or an alias where that is wanted.
    pub(crate) function: String,
    /// What it is told besides, as it stands.
    #[serde(default)]
    with: Value,
}

/// The Region of a function by its ARN, which may name a version or an alias; none where it is no such ARN.
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

/// The function that the params of `lambda` name.
pub fn named_function(params: &Value) -> Option<&str> {
    params.get("function")?.as_str()
}

/// Ports of `sg-revoke-public`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortParams {
    /// The ports that nobody outside may reach.
    pub(crate) ports: Vec<u16>,
}

/// Which keys `iam-key-deactivate` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct KeyParams {
    /// Keys made so many days ago.
    pub(crate) older_than_days: Option<u32>,
    /// Keys that were not used for so many days.
    pub(crate) unused_days: Option<u32>,
}

/// What a password may have to have in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CharacterKind {
    /// A symbol.
    Symbols,
    /// A digit.
    Numbers,
    /// An upper-case letter.
    UpperCase,
    /// A lower-case letter.
    LowerCase,
}

impl CharacterKind {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [
        Self::Symbols,
        Self::Numbers,
        Self::UpperCase,
        Self::LowerCase,
    ];

    /// The member of the policy that asks for it.
    pub(crate) const fn member(self) -> &'static str {
        match self {
            Self::Symbols => "RequireSymbols",
            Self::Numbers => "RequireNumbers",
            Self::UpperCase => "RequireUppercaseCharacters",
            Self::LowerCase => "RequireLowercaseCharacters",
        }
    }
}

/// What the password policy has to be at least; what is absent stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PasswordParams {
    /// The shortest password.
    pub(crate) min_length: u32,
    /// What has to be in it.
    pub(crate) characters: Vec<CharacterKind>,
    /// How many earlier ones may not come back.
    pub(crate) remembered: u32,
    /// After how many days it has to be another one.
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

/// Which traffic `flow-logs` logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum LoggedTraffic {
    /// What is let through.
    Accept,
    /// What is not, which is what control EC2.6 looks for.
    #[default]
    Reject,
    /// Both.
    All,
}

impl LoggedTraffic {
    /// As EC2 spells it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Reject => "REJECT",
            Self::All => "ALL",
        }
    }
}

/// Where `flow-logs` has them written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlowLogParams {
    /// The ARN of a bucket, with a folder where there is one, or of a log group; `{account}` and `{region}` stand for
    /// those of the VPC.
    pub(crate) destination: String,
    /// The role in the account that writes to a log group, by name.
    #[serde(default)]
    pub(crate) role: Option<String>,
    /// Which traffic.
    #[serde(default)]
    pub(crate) traffic: LoggedTraffic,
}

impl FlowLogParams {
    /// Whether they go to a bucket; else they go to a log group.
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

/// Checks the `params` of a rule for an action, and gives them back whole.
///
/// # Errors
/// What is wrong with them.
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
