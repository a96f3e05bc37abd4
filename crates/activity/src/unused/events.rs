//! Maps event names to IAM actions, and lists actions that CloudTrail does not log by default.
//!
//! Most events are named like the action. The exceptions listed here come from: *Required
//! permissions for Amazon S3 API operations* (S3 user guide), *Actions, resources, and condition
//! keys for AWS services* (Service Authorization Reference), *Logging data events* (CloudTrail user
//! guide), and the services' pages on CloudTrail (Lambda and `CloudFront`: names with the API
//! version; KMS and RDS: calls that a trail may exclude; EFS, MSK, Neptune, Keyspaces: use without
//! logged calls).

use hallpass_iam::facts::{self, ActionFacts};

use super::uncalled::is_uncalled;

/// Event sources with a different policy prefix.
const PREFIXES: &[(&str, &str)] = &[
    ("monitoring", "cloudwatch"),
    ("email", "ses"),
    ("tagging", "tag"),
    ("models.lex", "lex"),
    ("runtime.lex", "lex"),
    ("runtime.sagemaker", "sagemaker"),
    ("elasticfilesystem", "elasticfilesystem"),
    ("amazonmq", "mq"),
    ("appmesh", "appmesh"),
    ("codestar-connections", "codestar-connections"),
    ("data.iot", "iot"),
    ("mobiletargeting", "mobiletargeting"),
    ("bedrock-runtime", "bedrock"),
];

const S3: &[(&str, &str)] = &[
    ("ListBuckets", "ListAllMyBuckets"),
    ("HeadBucket", "ListBucket"),
    ("ListObjects", "ListBucket"),
    ("ListObjectsV2", "ListBucket"),
    ("ListObjectVersions", "ListBucketVersions"),
    ("ListMultipartUploads", "ListBucketMultipartUploads"),
    ("ListParts", "ListMultipartUploadParts"),
    ("HeadObject", "GetObject"),
    ("SelectObjectContent", "GetObject"),
    ("CopyObject", "PutObject"),
    ("CreateMultipartUpload", "PutObject"),
    ("UploadPart", "PutObject"),
    ("UploadPartCopy", "PutObject"),
    ("CompleteMultipartUpload", "PutObject"),
    ("DeleteObjects", "DeleteObject"),
    ("DeleteBucketCors", "PutBucketCORS"),
    ("PutBucketCors", "PutBucketCORS"),
    ("GetBucketCors", "GetBucketCORS"),
    ("GetBucketEncryption", "GetEncryptionConfiguration"),
    ("PutBucketEncryption", "PutEncryptionConfiguration"),
    ("DeleteBucketEncryption", "PutEncryptionConfiguration"),
    ("GetBucketLifecycle", "GetLifecycleConfiguration"),
    ("PutBucketLifecycle", "PutLifecycleConfiguration"),
    ("DeleteBucketLifecycle", "PutLifecycleConfiguration"),
    ("GetBucketReplication", "GetReplicationConfiguration"),
    ("PutBucketReplication", "PutReplicationConfiguration"),
    ("DeleteBucketReplication", "PutReplicationConfiguration"),
    ("DeleteBucketTagging", "PutBucketTagging"),
    (
        "DeleteBucketPublicAccessBlock",
        "PutBucketPublicAccessBlock",
    ),
    ("GetAccountPublicAccessBlock", "GetAccountPublicAccessBlock"),
    (
        "DeleteAccountPublicAccessBlock",
        "PutAccountPublicAccessBlock",
    ),
    (
        "GetBucketInventoryConfiguration",
        "GetInventoryConfiguration",
    ),
    (
        "PutBucketInventoryConfiguration",
        "PutInventoryConfiguration",
    ),
    ("GetBucketMetricsConfiguration", "GetMetricsConfiguration"),
    ("PutBucketMetricsConfiguration", "PutMetricsConfiguration"),
    (
        "GetBucketAnalyticsConfiguration",
        "GetAnalyticsConfiguration",
    ),
    (
        "PutBucketAnalyticsConfiguration",
        "PutAnalyticsConfiguration",
    ),
    ("GetAccelerateConfiguration", "GetAccelerateConfiguration"),
];

const OTHERS: &[(&str, &[(&str, &str)])] = &[
    ("lambda", &[("Invoke", "InvokeFunction")]),
    (
        "dynamodb",
        &[
            ("TransactGetItems", "GetItem"),
            ("TransactWriteItems", "PutItem"),
        ],
    ),
    (
        "sqs",
        &[
            ("SendMessageBatch", "SendMessage"),
            ("DeleteMessageBatch", "DeleteMessage"),
            ("ChangeMessageVisibilityBatch", "ChangeMessageVisibility"),
        ],
    ),
    ("sns", &[("PublishBatch", "Publish")]),
];

/// Data operations, logged only if a trail enables them.
const DATA: &[(&str, &[&str])] = &[
    (
        "s3",
        &[
            "GetObject",
            "PutObject",
            "DeleteObject",
            "ListBucket",
            "ListBucketVersions",
            "GetObjectAcl",
            "PutObjectAcl",
            "GetObjectTagging",
            "PutObjectTagging",
            "DeleteObjectTagging",
            "GetObjectVersion",
            "GetObjectVersionAcl",
            "GetObjectVersionTagging",
            "PutObjectVersionAcl",
            "PutObjectVersionTagging",
            "DeleteObjectVersion",
            "DeleteObjectVersionTagging",
            "GetObjectAttributes",
            "GetObjectVersionAttributes",
            "GetObjectTorrent",
            "GetObjectVersionTorrent",
            "RestoreObject",
            "AbortMultipartUpload",
            "ListMultipartUploadParts",
            "ListBucketMultipartUploads",
            "GetObjectRetention",
            "PutObjectRetention",
            "GetObjectLegalHold",
            "PutObjectLegalHold",
            "BypassGovernanceRetention",
        ],
    ),
    ("lambda", &["InvokeFunction", "InvokeFunctionUrl"]),
    (
        "dynamodb",
        &[
            "GetItem",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "Query",
            "Scan",
            "BatchGetItem",
            "BatchWriteItem",
            "ConditionCheckItem",
            "PartiQLSelect",
            "PartiQLInsert",
            "PartiQLUpdate",
            "PartiQLDelete",
            "GetRecords",
            "GetShardIterator",
        ],
    ),
    (
        "sqs",
        &[
            "SendMessage",
            "ReceiveMessage",
            "DeleteMessage",
            "ChangeMessageVisibility",
        ],
    ),
    ("sns", &["Publish"]),
    (
        "kinesis",
        &[
            "PutRecord",
            "PutRecords",
            "GetRecords",
            "GetShardIterator",
            "SubscribeToShard",
        ],
    ),
    ("firehose", &["PutRecord", "PutRecordBatch"]),
    (
        "ebs",
        &[
            "GetSnapshotBlock",
            "ListChangedBlocks",
            "ListSnapshotBlocks",
            "PutSnapshotBlock",
            "StartSnapshot",
            "CompleteSnapshot",
        ],
    ),
    (
        "cloudwatch",
        &[
            "PutMetricData",
            "GetMetricData",
            "GetMetricStatistics",
            "ListMetrics",
            "GetMetricWidgetImage",
        ],
    ),
    ("logs", &["PutLogEvents", "GetLogEvents", "FilterLogEvents"]),
    (
        "ssmmessages",
        &[
            "CreateControlChannel",
            "CreateDataChannel",
            "OpenControlChannel",
            "OpenDataChannel",
        ],
    ),
    ("execute-api", &["Invoke", "ManageConnections"]),
    (
        "xray",
        &[
            "PutTraceSegments",
            "PutTelemetryRecords",
            "GetTraceGraph",
            "BatchGetTraces",
            "GetTraceSummaries",
        ],
    ),
    ("rds-data", &["ExecuteStatement", "BatchExecuteStatement"]),
    ("iot", &["Publish", "Subscribe", "Connect", "Receive"]),
    // A trail may exclude these calls, like those of the RDS Data API.
    (
        "kms",
        &[
            "Decrypt",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyPair",
            "GenerateDataKeyPairWithoutPlaintext",
            "GenerateDataKeyWithoutPlaintext",
            "ReEncryptFrom",
            "ReEncryptTo",
        ],
    ),
    ("s3express", &["CreateSession"]),
    (
        "cassandra",
        &[
            "Select",
            "Modify",
            "SelectMultiRegionResource",
            "ModifyMultiRegionResource",
        ],
    ),
    (
        "timestream",
        &["Select", "SelectValues", "WriteRecords", "ListMeasures"],
    ),
    (
        "sagemaker",
        &[
            "InvokeEndpoint",
            "InvokeEndpointAsync",
            "PutRecord",
            "GetRecord",
            "BatchGetRecord",
        ],
    ),
    (
        "appsync",
        &["GraphQL", "EventConnect", "EventPublish", "EventSubscribe"],
    ),
    ("states", &["StartSyncExecution"]),
    (
        "qldb",
        &[
            "SendCommand",
            "PartiQLSelect",
            "PartiQLInsert",
            "PartiQLUpdate",
            "PartiQLDelete",
        ],
    ),
];

/// Services without management events: their actions are permissions on another service's
/// resources, or their pages name no events.
const WITHOUT_EVENTS: &[&str] = &[
    "arsenal",
    "aws-portal",
    "awsconnector",
    "ec2messages",
    "execute-api",
    "importexport",
    "kafka-cluster",
    "mobileanalytics",
    "neptune-db",
    "pricing",
    "rds-db",
    "s3-object-lambda",
    "sdb",
    "ssmmessages",
    "vpc-lattice-svcs",
    "wam",
];

/// Permissions without an event of their name.
const WITHOUT_EVENT: &[(&str, &[&str])] = &[
    ("iam", &["PassRole"]),
    ("aoss", &["APIAccessAll", "DashboardsAccessAll"]),
    ("cloudsearch", &["document", "search", "suggest"]),
    ("dsql", &["DbConnect", "DbConnectAdmin"]),
    (
        "elasticfilesystem",
        &["ClientMount", "ClientRootAccess", "ClientWrite"],
    ),
    ("elasticache", &["Connect"]),
    (
        "es",
        &[
            "ESHttpDelete",
            "ESHttpGet",
            "ESHttpHead",
            "ESHttpPatch",
            "ESHttpPost",
            "ESHttpPut",
        ],
    ),
    (
        "logs",
        &[
            "CreateLogDelivery",
            "DeleteLogDelivery",
            "GetLogDelivery",
            "ListLogDeliveries",
            "UpdateLogDelivery",
        ],
    ),
    ("memorydb", &["Connect"]),
    ("sts", &["SetContext", "SetSourceIdentity", "TagSession"]),
    ("states", &["InvokeHTTPEndpoint", "RevealSecrets"]),
    (
        "s3",
        &[
            "ReplicateObject",
            "ReplicateDelete",
            "ReplicateTags",
            "ObjectOwnerOverrideToBucketOwner",
            "InitiateReplication",
        ],
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    Logged,
    /// Logged only if a trail enables it.
    DataEvent,
    NoEvent,
}

fn others() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let all = OTHERS.iter();
    all.flat_map(|(service, events)| {
        events
            .iter()
            .map(|(event, action)| (*service, *event, *action))
    })
}

/// `None` if unknown.
pub fn iam_action(service: &str, event: &str) -> Option<&'static ActionFacts> {
    let prefix = prefix_of(service);
    let s3 = S3
        .iter()
        .filter(|_| prefix == "s3")
        .find(|(name, _)| *name == event);
    let other = others().find(|(of, name, _)| *of == prefix && *name == event);
    let listed = s3
        .map(|(_, action)| *action)
        .or(other.map(|(_, _, action)| action));
    let find = |name: &str| facts::action(&format!("{prefix}:{name}"));
    match listed {
        Some(name) => find(name),
        None if prefix == "apigateway" => find(event).or_else(|| find(method_of(event)?)),
        None => find(event).or_else(|| find(without_version(event))),
    }
}

pub(crate) fn prefix_of(service: &str) -> &str {
    let listed = PREFIXES.iter().find(|(source, _)| *source == service);
    listed.map_or(service, |(_, prefix)| *prefix)
}

/// API Gateway's actions are HTTP methods (API Gateway developer guide: *How Amazon API Gateway
/// works with IAM*). Only verbs with one method everywhere.
const METHODS: [(&str, &str); 4] = [
    ("Create", "POST"),
    ("Get", "GET"),
    ("Delete", "DELETE"),
    ("Update", "PATCH"),
];

fn method_of(event: &str) -> Option<&'static str> {
    let found = METHODS.iter().find(|(verb, _)| event.starts_with(verb));
    found.map(|(_, method)| *method)
}

/// Strips the API version of `ListFunctions20150331` and `UpdateFunctionCode20150331v2`.
fn without_version(event: &str) -> &str {
    let is_version = |it: &str| {
        let bare = it.replace('_', "");
        let (date, rest) = bare.split_at_checked(8).unwrap_or_default();
        let is_rest = rest.is_empty() || rest.strip_prefix('v').is_some_and(is_digits);
        is_digits(date) && is_rest
    };
    let at = event.find(|it: char| it.is_ascii_digit());
    let cut = at.and_then(|at| event.split_at_checked(at));
    cut.filter(|(_, version)| is_version(version))
        .map_or(event, |(name, _)| name)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

pub fn visibility(action: &ActionFacts) -> Visibility {
    let is_in = |list: &[(&str, &[&str])]| {
        let mut of_service = list
            .iter()
            .filter(|(service, _)| *service == action.service);
        of_service.any(|(_, names)| names.iter().any(|it| it.eq_ignore_ascii_case(action.name)))
    };
    if is_in(DATA) {
        Visibility::DataEvent
    } else if is_in(WITHOUT_EVENT)
        || WITHOUT_EVENTS.contains(&action.service)
        || (is_uncalled(action) && !is_listed(action))
    {
        Visibility::NoEvent
    } else {
        Visibility::Logged
    }
}

fn is_listed(action: &ActionFacts) -> bool {
    let of_s3 = S3
        .iter()
        .any(|(_, name)| action.service == "s3" && action.name == *name);
    let of_others =
        others().any(|(service, _, name)| action.service == service && action.name == name);
    let is_method =
        action.service == "apigateway" && METHODS.iter().any(|(_, it)| action.name == *it);
    of_s3 || of_others || is_method
}

#[cfg(test)]
mod tests {
    use hallpass_base::testing::rows;

    use super::*;

    #[test]
    fn events_are_actions_under_whatever_name() {
        let table = "
            ec2         RunInstances                  ec2:RunInstances
            s3          ListBuckets                   s3:ListAllMyBuckets
            s3          HeadObject                    s3:GetObject
            s3          GetBucketAcl                  s3:GetBucketAcl
            lambda      ListFunctions20150331         lambda:ListFunctions
            lambda      UpdateFunctionCode20150331v2  lambda:UpdateFunctionCode
            cloudfront  CreateDistribution2020_05_31  cloudfront:CreateDistribution
            monitoring  PutMetricAlarm                cloudwatch:PutMetricAlarm
            lambda      Invoke                        lambda:InvokeFunction
            ec2         NoSuchThing                   -
            signin      ConsoleLogin                  -
            s3          ListObjectsV2                 s3:ListBucket
            apigateway  CreateRestApi                 apigateway:POST
            apigateway  UpdateStage                   apigateway:PATCH
            apigateway  ImportRestApi                 -
        ";
        for [service, event, wanted] in rows(table) {
            let found = iam_action(service, event).map(ActionFacts::full_name);
            assert_eq!(found.unwrap_or_default(), wanted, "{service}:{event}");
        }
    }

    /// An unknown name would make its action unused forever.
    #[test]
    fn every_listed_action_is_known() {
        let of_s3 = S3.iter().map(|(_, action)| format!("s3:{action}"));
        let of_others = others().map(|(service, _, action)| format!("{service}:{action}"));
        let listed = DATA.iter().chain(WITHOUT_EVENT);
        let listed = listed
            .flat_map(|(service, names)| names.iter().map(move |it| format!("{service}:{it}")));
        let unknown: Vec<String> = of_s3
            .chain(of_others)
            .chain(listed)
            .filter(|it| facts::action(it).is_none())
            .collect();
        assert_eq!(unknown, Vec::<String>::new());
        let prefixes = PREFIXES.iter().map(|(_, prefix)| prefix);
        let unknown = prefixes
            .chain(WITHOUT_EVENTS)
            .filter(|prefix| facts::service(prefix).is_none());
        assert_eq!(unknown.count(), 0);
    }
}
