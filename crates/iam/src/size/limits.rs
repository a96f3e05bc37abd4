//! Policy size limits from AWS's facts (`aws_model::facts`), which name the pages.

use std::fmt;
use std::str::FromStr;

use hallpass_aws_model::facts::{self, Fact};

use crate::language::{Document, PolicyType};

/// Last change of the table; each fact has the date its page was read.
pub const LIMITS_DATE: &str = "2026-11-25";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    WithoutWhitespace,
    AsSent,
}

impl Counted {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WithoutWhitespace => "characters without whitespace",
            Self::AsSent => "bytes as sent",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentPointFacts {
    /// Name on the command line.
    pub name: &'static str,
    pub what: &'static str,
    pub limit: usize,
    pub counted: Counted,
    pub note: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttachmentPoint {
    Managed,
    Boundary,
    InlineUser,
    InlineGroup,
    InlineRole,
    PermissionSet,
    Trust,
    Session,
    Scp,
    Rcp,
    S3Bucket,
    KmsKey,
    Secret,
    Queue,
    Topic,
    Function,
    VpcEndpoint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentCount {
    pub what: &'static str,
    pub usual: usize,
    pub most: usize,
}

pub const ATTACHED: [AttachmentCount; 3] = [
    AttachmentCount {
        what: "managed policies of a role",
        usual: facts::MANAGED_POLICIES_PER_ROLE.count(),
        most: facts::MANAGED_POLICIES_PER_ROLE_MOST.count(),
    },
    AttachmentCount {
        what: "service control policies of a target, FullAWSAccess included",
        usual: facts::SCPS_PER_TARGET.count(),
        most: facts::SCPS_PER_TARGET.count(),
    },
    AttachmentCount {
        what: "resource control policies of a target, RCPFullAWSAccess included",
        usual: facts::RCPS_PER_TARGET.count(),
        most: facts::RCPS_PER_TARGET.count(),
    },
];

const fn row(
    name: &'static str,
    what: &'static str,
    limit: Fact,
    counted: Counted,
    note: &'static str,
) -> AttachmentPointFacts {
    AttachmentPointFacts {
        name,
        what,
        limit: limit.count(),
        counted,
        note,
    }
}

const SUM: &str = "the sum over the inline policies of one";
const MINIFY: &str = "whitespace counts: send it minified";

static MANAGED: AttachmentPointFacts = row(
    "managed",
    "a managed policy",
    facts::MANAGED_POLICY_CHARACTERS,
    Counted::WithoutWhitespace,
    "",
);
static BOUNDARY: AttachmentPointFacts = row(
    "boundary",
    "a permissions boundary",
    facts::MANAGED_POLICY_CHARACTERS,
    Counted::WithoutWhitespace,
    "a managed policy",
);
static USER: AttachmentPointFacts = row(
    "inline-user",
    "a user",
    facts::USER_POLICY_CHARACTERS,
    Counted::WithoutWhitespace,
    SUM,
);
static GROUP: AttachmentPointFacts = row(
    "inline-group",
    "a group",
    facts::GROUP_POLICY_CHARACTERS,
    Counted::WithoutWhitespace,
    SUM,
);
static ROLE: AttachmentPointFacts = row(
    "inline-role",
    "a role",
    facts::ROLE_POLICY_CHARACTERS,
    Counted::WithoutWhitespace,
    SUM,
);
static SET: AttachmentPointFacts = row(
    "permission-set",
    "the inline policy of a permission set",
    facts::ROLE_POLICY_CHARACTERS,
    Counted::WithoutWhitespace,
    "the API takes 32,768, the role behind it does not",
);
static TRUST: AttachmentPointFacts = row(
    "trust",
    "a role trust policy",
    facts::TRUST_POLICY_CHARACTERS,
    Counted::WithoutWhitespace,
    "up to 4,096 by quota",
);
static SESSION: AttachmentPointFacts = row(
    "session",
    "a session policy",
    facts::SESSION_POLICY_CHARACTERS,
    Counted::AsSent,
    "STS also limits a packed size, which it reports",
);
static SCP: AttachmentPointFacts = row(
    "scp",
    "a service control policy",
    facts::SCP_CHARACTERS,
    Counted::AsSent,
    MINIFY,
);
static RCP: AttachmentPointFacts = row(
    "rcp",
    "a resource control policy",
    facts::RCP_CHARACTERS,
    Counted::AsSent,
    MINIFY,
);
static S3: AttachmentPointFacts = row(
    "s3",
    "a bucket policy",
    facts::BUCKET_POLICY_BYTES,
    Counted::AsSent,
    "",
);
static KMS: AttachmentPointFacts = row(
    "kms",
    "a key policy",
    facts::KEY_POLICY_BYTES,
    Counted::AsSent,
    "",
);
static SECRET: AttachmentPointFacts = row(
    "secretsmanager",
    "a secret's policy",
    facts::SECRET_POLICY_CHARACTERS,
    Counted::AsSent,
    "",
);
static SQS: AttachmentPointFacts = row(
    "sqs",
    "a queue's policy",
    facts::QUEUE_POLICY_BYTES,
    Counted::AsSent,
    "",
);
static SNS: AttachmentPointFacts = row(
    "sns",
    "a topic's policy",
    facts::TOPIC_POLICY_BYTES,
    Counted::AsSent,
    "",
);
static LAMBDA: AttachmentPointFacts = row(
    "lambda",
    "a function's policy",
    facts::FUNCTION_POLICY_BYTES,
    Counted::AsSent,
    "",
);
static ENDPOINT: AttachmentPointFacts = row(
    "vpc-endpoint",
    "an endpoint policy",
    facts::ENDPOINT_POLICY_CHARACTERS,
    Counted::AsSent,
    "",
);

impl AttachmentPoint {
    pub const ALL: &'static [Self] = &[
        Self::Managed,
        Self::Boundary,
        Self::InlineUser,
        Self::InlineGroup,
        Self::InlineRole,
        Self::PermissionSet,
        Self::Trust,
        Self::Session,
        Self::Scp,
        Self::Rcp,
        Self::S3Bucket,
        Self::KmsKey,
        Self::Secret,
        Self::Queue,
        Self::Topic,
        Self::Function,
        Self::VpcEndpoint,
    ];

    pub fn about(self) -> &'static AttachmentPointFacts {
        match self {
            Self::Managed => &MANAGED,
            Self::Boundary => &BOUNDARY,
            Self::InlineUser => &USER,
            Self::InlineGroup => &GROUP,
            Self::InlineRole => &ROLE,
            Self::PermissionSet => &SET,
            Self::Trust => &TRUST,
            Self::Session => &SESSION,
            Self::Scp => &SCP,
            Self::Rcp => &RCP,
            Self::S3Bucket => &S3,
            Self::KmsKey => &KMS,
            Self::Secret => &SECRET,
            Self::Queue => &SQS,
            Self::Topic => &SNS,
            Self::Function => &LAMBDA,
            Self::VpcEndpoint => &ENDPOINT,
        }
    }

    pub fn kind(self) -> PolicyType {
        match self {
            Self::Managed
            | Self::InlineUser
            | Self::InlineGroup
            | Self::InlineRole
            | Self::PermissionSet => PolicyType::Identity,
            Self::Boundary => PolicyType::Boundary,
            Self::Trust => PolicyType::Trust,
            Self::Session => PolicyType::Session,
            Self::Scp => PolicyType::Scp,
            Self::Rcp => PolicyType::Rcp,
            Self::S3Bucket
            | Self::KmsKey
            | Self::Secret
            | Self::Queue
            | Self::Topic
            | Self::Function
            | Self::VpcEndpoint => PolicyType::Resource,
        }
    }

    /// The usual attachment point of a kind; for a resource policy by the service of its actions.
    pub fn of(document: &Document<'_>, kind: PolicyType) -> Self {
        match kind {
            PolicyType::Identity => Self::Managed,
            PolicyType::Boundary => Self::Boundary,
            PolicyType::Trust => Self::Trust,
            PolicyType::Session => Self::Session,
            PolicyType::Scp => Self::Scp,
            PolicyType::Rcp => Self::Rcp,
            PolicyType::Resource => {
                let mut actions = document.statements.iter().flat_map(|it| &it.actions.items);
                let service = actions.find_map(|it| it.text.split_once(':'));
                match service
                    .map(|(prefix, _)| prefix.to_ascii_lowercase())
                    .as_deref()
                {
                    Some("kms") => Self::KmsKey,
                    Some("secretsmanager") => Self::Secret,
                    Some("sqs") => Self::Queue,
                    Some("sns") => Self::Topic,
                    Some("lambda") => Self::Function,
                    _ => Self::S3Bucket,
                }
            }
        }
    }
}

impl fmt::Display for AttachmentPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.about().name)
    }
}

impl FromStr for AttachmentPoint {
    type Err = String;

    /// Parses the name; `identity` is a managed policy.
    fn from_str(text: &str) -> Result<Self, String> {
        let name = if text == "identity" { "managed" } else { text };
        Self::ALL
            .iter()
            .find(|it| it.about().name == name)
            .copied()
            .ok_or_else(|| {
                let names: Vec<&str> = Self::ALL.iter().map(|it| it.about().name).collect();
                format!("`{text}` is not one of identity, {}", names.join(", "))
            })
    }
}
