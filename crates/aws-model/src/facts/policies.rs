use super::FactStanding::{Lower, Read};
use super::{Fact, FactSource, facts, source};

const IAM: FactSource = source(
    "IAM User Guide, \"IAM and AWS STS quotas\"",
    "IAM and STS character limits",
);
const CENTER: FactSource = source(
    "IAM Identity Center API Reference, \"PutInlinePolicyToPermissionSet\"",
    "Request Parameters",
);
const S3: FactSource = source(
    "Amazon S3 User Guide, \"Adding a bucket policy by using the Amazon S3 console\"",
    "",
);
const KMS: FactSource = source(
    "AWS KMS Developer Guide, \"Creating a key policy\"",
    "Key policy format",
);
const SECRETS: FactSource = source(
    "AWS Secrets Manager User Guide, \"AWS Secrets Manager quotas\"",
    "Secrets Manager quotas",
);
const SQS: FactSource = source(
    "Amazon SQS Developer Guide, \"Amazon SQS policy quotas\"",
    "",
);
const SNS: FactSource = source(
    "Amazon SNS Developer Guide, \"Amazon SNS API permissions: Actions and resources reference\"",
    "Policy quotas",
);
const LAMBDA: FactSource = source(
    "AWS Lambda Developer Guide, \"Lambda quotas\"",
    "Function configuration, deployment, and execution",
);
const ENDPOINT: FactSource = source(
    "Amazon VPC User Guide, \"Amazon VPC quotas\"",
    "VPC endpoints",
);

const POLICY_TEXT: FactSource = source("IAM API Reference, \"CreatePolicy\"", "Request Parameters");

facts! {
    OF_POLICIES;
    MANAGED_POLICY_CHARACTERS = 6_144 "characters", "iam.policy.managed",
        "one managed policy or permissions boundary, without white space",
        "size errors of `policy lint`, `policy size` and generators; into how many policies `policy shrink` cuts",
        IAM, Read("2026-11-27");
    USER_POLICY_CHARACTERS = 2_048 "characters", "iam.policy.inline-user",
        "all inline policies of one user, without white space",
        "size errors of `policy lint` and `policy size`",
        IAM, Read("2026-11-27");
    GROUP_POLICY_CHARACTERS = 5_120 "characters", "iam.policy.inline-group",
        "all inline policies of one group, without white space",
        "size errors of `policy lint` and `policy size`",
        IAM, Read("2026-11-27");
    ROLE_POLICY_CHARACTERS = 10_240 "characters", "iam.policy.inline-role",
        "all inline policies of one role, without white space; of a permission set's, too, because a role is behind it",
        "size errors of `policy lint` and `policy size`; when `policy shrink` cuts; limit of the simulator \
         for permission sets",
        IAM, Read("2026-11-27");
    POLICY_TEXT_CHARACTERS = 131_072 "characters", "iam.policy.text",
        "the text of one policy as its API takes it, white space included",
        "size errors of `policy lint`",
        POLICY_TEXT, Read("2026-11-29");
    PERMISSION_SET_POLICY_BYTES = 32_768 "bytes", "sso.policy.inline",
        "the inline policy of a permission set, as its API takes it",
        "what `policy size` says of permission sets",
        CENTER, Read("2026-11-26");
    TRUST_POLICY_CHARACTERS = 2_048 "characters", "iam.policy.trust",
        "the trust policy of a role, without white space",
        "size errors of `policy lint` and `policy size`",
        IAM, Read("2026-11-27");
    TRUST_POLICY_CHARACTERS_MOST = 4_096 "characters", "iam.policy.trust.most",
        "the same where the account's quota was raised",
        "what `policy size` says of trust policies",
        IAM, Lower { says: "8,192", read: "2026-11-27" };
    SESSION_POLICY_CHARACTERS = 2_048 "characters", "sts.policy.session",
        "one session policy, as sent",
        "size errors of `policy lint` and `policy size`",
        IAM, Read("2026-11-26");
    BUCKET_POLICY_BYTES = 20_480 "bytes", "s3.policy",
        "the policy of a bucket, as sent",
        "size errors of `policy lint` and `policy size`",
        S3, Read("2026-11-27");
    KEY_POLICY_BYTES = 32_768 "bytes", "kms.policy",
        "the policy of a key, as sent",
        "size errors of `policy lint` and `policy size`",
        KMS, Read("2026-11-27");
    SECRET_POLICY_CHARACTERS = 20_480 "characters", "secretsmanager.policy",
        "the policy of a secret, as sent",
        "size errors of `policy lint` and `policy size`",
        SECRETS, Read("2026-11-26");
    QUEUE_POLICY_BYTES = 8_192 "bytes", "sqs.policy",
        "the policy of a queue, as sent",
        "size errors of `policy lint` and `policy size`",
        SQS, Read("2026-11-26");
    TOPIC_POLICY_BYTES = 30_720 "bytes", "sns.policy",
        "the policy of a topic, as sent",
        "size errors of `policy lint` and `policy size`",
        SNS, Read("2026-11-27");
    FUNCTION_POLICY_BYTES = 20_480 "bytes", "lambda.policy",
        "the policy of a function, as sent",
        "size errors of `policy lint` and `policy size`",
        LAMBDA, Read("2026-11-26");
    ENDPOINT_POLICY_CHARACTERS = 20_480 "characters", "vpc.policy.endpoint",
        "the policy of a VPC endpoint, as sent, white space included",
        "size errors of `policy lint` and `policy size`",
        ENDPOINT, Read("2026-11-26");
}
