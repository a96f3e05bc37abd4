//! Actions that AWS authorizes differently from others.

use super::FactStanding::Read;
use super::{ActionFact, source};

pub const NO_PERMISSION: ActionFact = ActionFact {
    id: "actions.no-permission",
    actions: &["sts:GetCallerIdentity"],
    what: "actions that need no permission and that no policy can deny",
    decides: "what `policy eval` and the simulator answer; what `policy shrink` leaves out",
    source: source("AWS STS API Reference, \"GetCallerIdentity\"", ""),
    standing: Read("2026-11-29"),
};

/// Calls of users and root users that need no permission; AWS refuses them to sessions.
pub const NO_PERMISSION_OF_USERS: ActionFact = ActionFact {
    id: "actions.no-permission.users",
    actions: &["sts:GetSessionToken"],
    what: "the same for IAM users and root users; AWS refuses these to sessions",
    decides: "what `policy eval` and the simulator answer; what `policy shrink` leaves out",
    source: source(
        "IAM User Guide, \"Permissions for GetSessionToken\"",
        "Permissions required for GetSessionToken",
    ),
    standing: Read("2026-11-29"),
};

pub const ROOT_OVER_BUCKET_POLICY: ActionFact = ActionFact {
    id: "actions.root.bucket-policy",
    actions: &[
        "s3:GetBucketPolicy",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
    ],
    what: "actions that a bucket's own policy cannot deny to the root user of its account",
    decides: "what `policy eval` and the simulator answer",
    source: source("Amazon S3 API Reference, \"DeleteBucketPolicy\"", ""),
    standing: Read("2026-11-29"),
};

pub const ROOT_OVER_QUEUE_POLICY: ActionFact = ActionFact {
    id: "actions.root.queue-policy",
    actions: &["sqs:GetQueueAttributes", "sqs:SetQueueAttributes"],
    what: "actions that a queue's own policy cannot deny to the root user of its account",
    decides: "what `policy eval` and the simulator answer",
    source: source(
        "IAM User Guide, \"AWS account root user\"",
        "Tasks that require root user credentials",
    ),
    standing: Read("2026-11-29"),
};

pub const NO_RCP: ActionFact = ActionFact {
    id: "actions.no-rcp",
    actions: &["kms:RetireGrant"],
    what: "actions that no resource control policy limits",
    decides: "what `policy eval` and the simulator answer",
    source: source(
        "AWS KMS Developer Guide, \"Resource control policies in AWS KMS\"",
        "",
    ),
    standing: Read("2026-11-29"),
};

pub const ACTIONS: &[ActionFact] = &[
    NO_PERMISSION,
    NO_PERMISSION_OF_USERS,
    ROOT_OVER_BUCKET_POLICY,
    ROOT_OVER_QUEUE_POLICY,
    NO_RCP,
];
