use super::FactStanding::Read;
use super::{Fact, FactSource, facts, source};

const ACCOUNT: FactSource = source(
    "AWS Account Management Reference Guide, \"Quotas for AWS Account Management\"",
    "",
);
const LOOKUP: FactSource = source("AWS CloudTrail API Reference, \"LookupEvents\"", "");
const TRAILS: FactSource = source(
    "AWS CloudTrail User Guide, \"Quotas in AWS CloudTrail\"",
    "",
);
const TOWER: FactSource = source(
    "AWS Control Tower User Guide, \"Limitations and quotas in AWS Control Tower\"",
    "Quotas in AWS Control Tower",
);
const TOWER_QUOTAS: FactSource = source(
    "AWS General Reference, \"AWS Control Tower endpoints and quotas\"",
    "Service quotas",
);
const DETECTIVE: FactSource = source(
    "Amazon Detective User Guide, \"Amazon Detective Regions and quotas\"",
    "Detective quotas",
);
const CREATE_MEMBERS: FactSource = source(
    "Amazon Detective API Reference, \"CreateMembers\"",
    "Request Body",
);
const GURU: FactSource = source(
    "Amazon DevOps Guru User Guide, \"Quotas and limits for Amazon DevOps Guru\"",
    "Notifications",
);
const EVENTS: FactSource = source(
    "Amazon EventBridge User Guide, \"Amazon EventBridge quotas\"",
    "Custom Event Bus - Classic quotas",
);
const HUB: FactSource = source(
    "AWS Security Hub User Guide, \"How configuration policies work in Security Hub CSPM\"",
    "Types of configuration policies",
);
const HUB_QUOTAS: FactSource = source(
    "AWS General Reference, \"AWS Security Hub CSPM endpoints and quotas\"",
    "Service quotas",
);
const IMPORT: FactSource = source(
    "AWS Security Hub API Reference, \"BatchImportFindings\"",
    "",
);
const HUB_RATES: FactSource = source("AWS Security Hub API Reference, \"Welcome\"", "");
const FINDINGS: FactSource = source(
    "AWS Security Hub API Reference, \"BatchUpdateFindings\"",
    "Request Body",
);
const FOUND: FactSource = source(
    "AWS Security Hub API Reference, \"GetFindings\"",
    "Request Body",
);
const FINDING: FactSource = source(
    "AWS Security Hub API Reference, \"AwsSecurityFinding\"",
    "Contents",
);
const STANDARDS: FactSource = source(
    "AWS Security Hub API Reference, \"BatchEnableStandards\"",
    "Request Body",
);
const SELECT: FactSource = source(
    "AWS Config API Reference, \"SelectResourceConfig\"",
    "Request Parameters",
);
const PUT_EVENTS: FactSource = source("Amazon EventBridge API Reference, \"PutEvents\"", "");
const PUBLISH: FactSource = source(
    "Amazon SNS API Reference, \"Publish\"",
    "Request Parameters",
);
const VISIBILITY: FactSource = source("Amazon SQS API Reference, \"ChangeMessageVisibility\"", "");
const QUEUE: FactSource = source(
    "Amazon SQS API Reference, \"SetQueueAttributes\"",
    "Request Parameters",
);
const MESSAGES: FactSource = source(
    "Amazon SQS Developer Guide, \"Amazon SQS message quotas\"",
    "",
);

facts! {
    OF_SERVICES;
    ACCOUNT_CALLS = 5 "calls a second", "account.calls",
        "calls of `ListRegions`, and as many of `GetRegionOptStatus`, of one account",
        "call rate to Account Management; limit of the simulator",
        ACCOUNT, Read("2026-11-28");
    CONTACT_CALLS = 10 "calls a second", "account.contact.calls",
        "calls of `GetAlternateContact`, and as many of `GetContactInformation`, of one account",
        "call rate for contacts",
        ACCOUNT, Read("2026-11-28");
    LOOKUP_CALLS = 2 "calls a second", "cloudtrail.lookup.calls",
        "calls of `LookupEvents` of an account in a Region",
        "how often events are looked up; limit of the simulator",
        LOOKUP, Read("2026-11-28");
    LOOKUP_DAYS = 90 "days", "cloudtrail.lookup.reach",
        "how far back events can be looked up",
        "how far back `pci` looks without a trail; limit of the simulator",
        LOOKUP, Read("2026-11-27");
    LOOKUP_PAGE = 50 "events", "cloudtrail.lookup.page",
        "events of one page of `LookupEvents`",
        "page size of `pci`; page size of the simulator",
        LOOKUP, Read("2026-11-27");
    TRAILS_PER_REGION = 5 "trails", "cloudtrail.trail.count",
        "trails of an account in a Region",
        "limit of the simulator",
        TRAILS, Read("2026-11-27");
    UNIT_ACCOUNTS = 1_000 "accounts", "controltower.unit.accounts",
        "accounts directly in a unit that Control Tower can govern",
        "which units `org enroll` registers; limit of the simulator",
        TOWER, Read("2026-11-27");
    TOWER_ACCOUNTS_AT_ONCE = 5 "operations", "controltower.account.at-once",
        "account operations under way at a time, unless the quota was changed",
        "`--concurrency` of `org vend` and `org enroll`",
        TOWER_QUOTAS, Read("2026-11-27");
    GRAPH_ACCOUNTS = 1_200 "accounts", "detective.graph.accounts",
        "accounts of a behavior graph",
        "which rows of `org delegate` are refused; limit of the simulator",
        DETECTIVE, Read("2026-11-27");
    DETECTIVE_MEMBERS_PER_CALL = 50 "accounts", "detective.member.per-call",
        "accounts that one call invites or enables",
        "how many calls `org delegate` plans",
        CREATE_MEMBERS, Read("2026-11-28");
    GURU_CHANNELS = 2 "channels", "devops-guru.channel.count",
        "notification channels of an account in a Region",
        "which rows of `insights channels` are blocked; limit of the simulator",
        GURU, Read("2026-11-27");
    RULES_PER_BUS = 300 "rules", "events.rule.count",
        "rules of an event bus; 100 in `af-south-1` and `eu-south-1`",
        "limit of the simulator",
        EVENTS, Read("2026-11-27");
    TARGETS_PER_RULE = 5 "targets", "events.target.count",
        "targets of one rule",
        "limit of the simulator",
        EVENTS, Read("2026-11-27");
    EVENT_ENTRIES = 10 "entries", "events.entries",
        "entries of one `PutEvents`, and targets of one `PutTargets`",
        "limit of the simulator",
        PUT_EVENTS, Read("2026-11-27");
    EVENTS_BYTES = 1_048_576 "bytes", "events.request.bytes",
        "all entries of one `PutEvents`",
        "limit of the simulator",
        PUT_EVENTS, Read("2026-11-26");
    CONFIG_PAGE = 100 "results", "config.select.page",
        "results of one page of a query",
        "page size of `public-ips`",
        SELECT, Read("2026-11-26");
    STANDARDS_PER_CALL = 25 "standards", "securityhub.standard.per-call",
        "standards that one call turns on or off",
        "how many calls `org standards` plans",
        STANDARDS, Read("2026-11-26");
    HUB_POLICIES = 20 "policies", "securityhub.policy.count",
        "configuration policies of an organization",
        "limit of the simulator",
        HUB, Read("2026-11-27");
    HUB_INSIGHTS = 100 "insights", "securityhub.insight.count",
        "custom insights of an account in a Region",
        "limit of the simulator",
        HUB_QUOTAS, Read("2026-11-27");
    FINDING_UPDATE_CALLS = 10 "calls a second", "securityhub.update.calls",
        "calls of `BatchUpdateFindings`, and as many of most other operations, of an account in a Region",
        "how often `findings enrich` writes; limit of the simulator",
        HUB_RATES, Read("2026-11-28");
    FINDING_UPDATE_BURST = 30 "calls", "securityhub.update.burst",
        "burst of the same",
        "burst of updates of `findings enrich`; limit of the simulator",
        HUB_RATES, Read("2026-11-28");
    FINDING_READ_CALLS = 3 "calls a second", "securityhub.read.calls",
        "calls of `GetFindings` of an account in a Region",
        "how often `findings enrich` reads",
        HUB_RATES, Read("2026-11-28");
    FINDING_READ_BURST = 6 "calls", "securityhub.read.burst",
        "burst of the same",
        "burst of reads of `findings enrich`",
        HUB_RATES, Read("2026-11-28");
    FINDING_BYTES = 245_760 "bytes", "securityhub.finding.bytes",
        "one finding",
        "limit of the simulator",
        IMPORT, Read("2026-11-27");
    FINDINGS_PER_CALL = 100 "findings", "securityhub.finding.per-call",
        "findings of one import or update",
        "limit of the simulator",
        FINDINGS, Read("2026-11-27");
    FINDINGS_PAGE = 100 "findings", "securityhub.finding.page",
        "findings of one page of `GetFindings`",
        "page size of `findings enrich`",
        FOUND, Read("2026-11-26");
    FINDING_FILTER_VALUES = 20 "values", "securityhub.finding.filter-values",
        "values of one attribute of a filter",
        "findings per call",
        FOUND, Read("2026-11-26");
    FINDING_TITLE_CHARACTERS = 256 "characters", "securityhub.finding.title",
        "the title of a finding",
        "what alerts as findings are called",
        FINDING, Read("2026-11-26");
    FINDING_DESCRIPTION_CHARACTERS = 1_024 "characters", "securityhub.finding.description",
        "the description of a finding",
        "what alerts as findings say",
        FINDING, Read("2026-11-26");
    FINDING_NOTE_CHARACTERS = 512 "characters", "securityhub.finding.note",
        "the note of a finding",
        "what `findings enrich` writes; limit of the simulator",
        FINDINGS, Read("2026-11-27");
    FINDING_FIELDS = 50 "fields", "securityhub.finding.fields",
        "fields of a finding that its users define",
        "which findings `findings enrich` leaves alone; limit of the simulator",
        FINDINGS, Read("2026-11-27");
    FINDING_FIELD_KEY_CHARACTERS = 128 "characters", "securityhub.finding.field-key",
        "the name of a field that users define",
        "which fields `findings enrich` writes; limit of the simulator",
        FINDING, Read("2026-11-26");
    FINDING_FIELD_VALUE_CHARACTERS = 1_024 "characters", "securityhub.finding.field-value",
        "the value of a field that users define",
        "which fields `findings enrich` writes; limit of the simulator",
        FINDING, Read("2026-11-26");
    TOPIC_SUBJECT_CHARACTERS = 99 "characters", "sns.subject",
        "the subject of a message: less than 100",
        "subjects of alerts to topics",
        PUBLISH, Read("2026-11-26");
    TOPIC_MESSAGE_BYTES = 262_144 "bytes", "sns.message.bytes",
        "one message with its attributes, unless its topic takes larger ones",
        "when an alert to a topic or a queue has its rows left out",
        PUBLISH, Read("2026-11-27");
    QUEUE_HIDDEN_SECONDS = 43_200 "seconds", "sqs.message.hidden",
        "the longest time that a received message is hidden",
        "limit of the simulator",
        VISIBILITY, Read("2026-11-26");
    QUEUE_KEPT_SECONDS = 1_209_600 "seconds", "sqs.message.kept",
        "the longest time that a queue keeps a message",
        "how long queues of the template of `findings` keep messages; limit of the simulator",
        QUEUE, Read("2026-11-28");
    QUEUE_MESSAGE_BYTES = 1_048_576 "bytes", "sqs.message.bytes",
        "one message, and all messages of one batch",
        "limit of the simulator",
        MESSAGES, Read("2026-11-27");
    QUEUE_BATCH = 10 "messages", "sqs.batch",
        "messages of one batch",
        "messages deleted per call; limit of the simulator",
        MESSAGES, Read("2026-11-27");
}
