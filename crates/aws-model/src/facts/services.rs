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
        "how often Account Management is asked; what the simulator takes",
        ACCOUNT, Read("2026-11-28");
    CONTACT_CALLS = 10 "calls a second", "account.contact.calls",
        "calls of `GetAlternateContact`, and as many of `GetContactInformation`, of one account",
        "how often contacts are asked for",
        ACCOUNT, Read("2026-11-28");
    LOOKUP_CALLS = 2 "calls a second", "cloudtrail.lookup.calls",
        "calls of `LookupEvents` of an account in a Region",
        "how often events are looked up; what the simulator takes",
        LOOKUP, Read("2026-11-28");
    LOOKUP_DAYS = 90 "days", "cloudtrail.lookup.reach",
        "how far back events can be looked up",
        "how far back `pci` looks without a trail; what the simulator answers",
        LOOKUP, Read("2026-11-27");
    LOOKUP_PAGE = 50 "events", "cloudtrail.lookup.page",
        "events of one page of `LookupEvents`",
        "the pages that `pci` asks for; what the simulator answers",
        LOOKUP, Read("2026-11-27");
    TRAILS_PER_REGION = 5 "trails", "cloudtrail.trail.count",
        "trails of an account in a Region",
        "what the simulator takes",
        TRAILS, Read("2026-11-27");
    UNIT_ACCOUNTS = 1_000 "accounts", "controltower.unit.accounts",
        "accounts directly in a unit that Control Tower can govern",
        "which units `org enroll` registers; what the simulator takes",
        TOWER, Read("2026-11-27");
    TOWER_ACCOUNTS_AT_ONCE = 5 "operations", "controltower.account.at-once",
        "account operations under way at a time, unless the quota was changed",
        "`--concurrency` of `org vend` and `org enroll`",
        TOWER_QUOTAS, Read("2026-11-27");
    GRAPH_ACCOUNTS = 1_200 "accounts", "detective.graph.accounts",
        "accounts of a behavior graph",
        "which rows of `org delegate` are refused; what the simulator takes",
        DETECTIVE, Read("2026-11-27");
    DETECTIVE_MEMBERS_PER_CALL = 50 "accounts", "detective.member.per-call",
        "accounts that one call invites or enables",
        "how many calls `org delegate` plans",
        CREATE_MEMBERS, Read("2026-11-28");
    GURU_CHANNELS = 2 "channels", "devops-guru.channel.count",
        "notification channels of an account in a Region",
        "which rows of `insights channels` are blocked; what the simulator takes",
        GURU, Read("2026-11-27");
    RULES_PER_BUS = 300 "rules", "events.rule.count",
        "rules of an event bus; 100 in `af-south-1` and `eu-south-1`",
        "what the simulator takes",
        EVENTS, Read("2026-11-27");
    TARGETS_PER_RULE = 5 "targets", "events.target.count",
        "targets of one rule",
        "what the simulator takes",
        EVENTS, Read("2026-11-27");
    EVENT_ENTRIES = 10 "entries", "events.entries",
        "entries of one `PutEvents`, and targets of one `PutTargets`",
        "what the simulator takes",
        PUT_EVENTS, Read("2026-11-27");
    EVENTS_BYTES = 1_048_576 "bytes", "events.request.bytes",
        "all entries of one `PutEvents`",
        "what the simulator takes",
        PUT_EVENTS, Read("2026-11-26");
    CONFIG_PAGE = 100 "results", "config.select.page",
        "results of one page of a query",
        "the pages that `public-ips` asks for",
        SELECT, Read("2026-11-26");
    STANDARDS_PER_CALL = 25 "standards", "securityhub.standard.per-call",
        "standards that one call turns on or off",
        "how many calls `org standards` plans",
        STANDARDS, Read("2026-11-26");
    HUB_POLICIES = 20 "policies", "securityhub.policy.count",
        "configuration policies of an organization",
        "what the simulator takes",
        HUB, Read("2026-11-27");
    HUB_INSIGHTS = 100 "insights", "securityhub.insight.count",
        "custom insights of an account in a Region",
        "what the simulator takes",
        HUB_QUOTAS, Read("2026-11-27");
    FINDING_UPDATE_CALLS = 10 "calls a second", "securityhub.update.calls",
        "calls of `BatchUpdateFindings`, and as many of most other operations, of an account in a Region",
        "how often `findings enrich` writes; what the simulator takes",
        HUB_RATES, Read("2026-11-28");
    FINDING_UPDATE_BURST = 30 "calls", "securityhub.update.burst",
        "the same at once after a pause",
        "how many updates `findings enrich` sends at once; what the simulator takes",
        HUB_RATES, Read("2026-11-28");
    FINDING_READ_CALLS = 3 "calls a second", "securityhub.read.calls",
        "calls of `GetFindings` of an account in a Region",
        "how often `findings enrich` reads",
        HUB_RATES, Read("2026-11-28");
    FINDING_READ_BURST = 6 "calls", "securityhub.read.burst",
        "the same at once after a pause",
        "how many reads `findings enrich` sends at once",
        HUB_RATES, Read("2026-11-28");
    FINDING_BYTES = 245_760 "bytes", "securityhub.finding.bytes",
        "one finding",
        "what the simulator takes",
        IMPORT, Read("2026-11-27");
    FINDINGS_PER_CALL = 100 "findings", "securityhub.finding.per-call",
        "findings of one import or update",
        "what the simulator takes",
        FINDINGS, Read("2026-11-27");
    FINDINGS_PAGE = 100 "findings", "securityhub.finding.page",
        "findings of one page of `GetFindings`",
        "the pages that `findings enrich` asks for",
        FOUND, Read("2026-11-26");
    FINDING_FILTER_VALUES = 20 "values", "securityhub.finding.filter-values",
        "values of one attribute of a filter",
        "how many findings are asked for at a time",
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
        "what `findings enrich` writes; what the simulator takes",
        FINDINGS, Read("2026-11-27");
    FINDING_FIELDS = 50 "fields", "securityhub.finding.fields",
        "fields of a finding that its users define",
        "which findings `findings enrich` leaves alone; what the simulator takes",
        FINDINGS, Read("2026-11-27");
    FINDING_FIELD_KEY_CHARACTERS = 128 "characters", "securityhub.finding.field-key",
        "the name of a field that users define",
        "which fields `findings enrich` writes; what the simulator takes",
        FINDING, Read("2026-11-26");
    FINDING_FIELD_VALUE_CHARACTERS = 1_024 "characters", "securityhub.finding.field-value",
        "the value of a field that users define",
        "which fields `findings enrich` writes; what the simulator takes",
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
        "what the simulator takes",
        VISIBILITY, Read("2026-11-26");
    QUEUE_KEPT_SECONDS = 1_209_600 "seconds", "sqs.message.kept",
        "the longest time that a queue keeps a message",
        "how long queues of the template of `findings` keep messages; what the simulator takes",
        QUEUE, Read("2026-11-28");
    QUEUE_MESSAGE_BYTES = 1_048_576 "bytes", "sqs.message.bytes",
        "one message, and all messages of one batch",
        "what the simulator takes",
        MESSAGES, Read("2026-11-27");
    QUEUE_BATCH = 10 "messages", "sqs.batch",
        "messages of one batch",
        "what is deleted with one call; what the simulator takes",
        MESSAGES, Read("2026-11-27");
}
