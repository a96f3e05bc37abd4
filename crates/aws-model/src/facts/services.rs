//! CloudTrail, Control Tower, Detective, DevOps Guru, `EventBridge`, Security Hub, SQS.

use super::FactStanding::NotVerified;
use super::{Fact, FactSource, facts, source};

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
    "Amazon Detective User Guide, \"Amazon Detective quotas\"",
    "",
);
const GURU: FactSource = source(
    "Amazon DevOps Guru User Guide, \"Quotas and limits for Amazon DevOps Guru\"",
    "Notifications",
);
const EVENTS: FactSource = source(
    "Amazon EventBridge User Guide, \"Amazon EventBridge quotas\"",
    "EventBridge quotas",
);
const HUB: FactSource = source(
    "AWS Security Hub User Guide, \"Quotas for Security Hub\"",
    "Maximum quotas",
);
const FINDINGS: FactSource = source(
    "AWS Security Hub API Reference, \"BatchUpdateFindings\"",
    "Request Body",
);
const MESSAGES: FactSource = source(
    "Amazon SQS Developer Guide, \"Amazon SQS message quotas\"",
    "",
);

facts! {
    OF_SERVICES;
    LOOKUP_DAYS = 90 "days", "cloudtrail.lookup.reach",
        "how far back events can be looked up",
        "how far back `pci` looks without a trail; what the simulator answers",
        LOOKUP, NotVerified;
    LOOKUP_PAGE = 50 "events", "cloudtrail.lookup.page",
        "events of one page of `LookupEvents`",
        "the pages that `pci` asks for; what the simulator answers",
        LOOKUP, NotVerified;
    TRAILS_PER_REGION = 5 "trails", "cloudtrail.trail.count",
        "trails of an account in a Region",
        "what the simulator takes",
        TRAILS, NotVerified;
    UNIT_ACCOUNTS = 300 "accounts", "controltower.unit.accounts",
        "accounts directly in a unit that Control Tower can govern",
        "which units `org enroll` registers; what the simulator takes",
        TOWER, NotVerified;
    TOWER_ACCOUNTS_AT_ONCE = 5 "operations", "controltower.account.at-once",
        "account operations under way at a time, unless the quota was changed",
        "`--concurrency` of `org vend` and `org enroll`",
        TOWER_QUOTAS, NotVerified;
    GRAPH_ACCOUNTS = 1_200 "accounts", "detective.graph.accounts",
        "accounts of a behavior graph",
        "which rows of `org delegate` are refused; what the simulator takes",
        DETECTIVE, NotVerified;
    GURU_CHANNELS = 2 "channels", "devops-guru.channel.count",
        "notification channels of an account in a Region",
        "which rows of `insights channels` are blocked; what the simulator takes",
        GURU, NotVerified;
    RULES_PER_BUS = 300 "rules", "events.rule.count",
        "rules of an event bus",
        "what the simulator takes",
        EVENTS, NotVerified;
    TARGETS_PER_RULE = 5 "targets", "events.target.count",
        "targets of one rule",
        "what the simulator takes",
        EVENTS, NotVerified;
    EVENT_ENTRIES = 10 "entries", "events.entries",
        "entries of one `PutEvents`, and targets of one `PutTargets`",
        "what the simulator takes",
        EVENTS, NotVerified;
    HUB_POLICIES = 20 "policies", "securityhub.policy.count",
        "configuration policies of an organization",
        "what the simulator takes",
        HUB, NotVerified;
    HUB_INSIGHTS = 100 "insights", "securityhub.insight.count",
        "custom insights of an account in a Region",
        "what the simulator takes",
        HUB, NotVerified;
    FINDING_BYTES = 245_760 "bytes", "securityhub.finding.bytes",
        "one finding",
        "what the simulator takes",
        HUB, NotVerified;
    FINDINGS_PER_CALL = 100 "findings", "securityhub.finding.per-call",
        "findings of one import or update",
        "what the simulator takes",
        FINDINGS, NotVerified;
    FINDING_NOTE_CHARACTERS = 512 "characters", "securityhub.finding.note",
        "the note of a finding",
        "what `findings enrich` writes; what the simulator takes",
        FINDINGS, NotVerified;
    FINDING_FIELDS = 50 "fields", "securityhub.finding.fields",
        "fields of a finding that its users define",
        "which findings `findings enrich` leaves alone; what the simulator takes",
        FINDINGS, NotVerified;
    QUEUE_MESSAGE_BYTES = 1_048_576 "bytes", "sqs.message.bytes",
        "one message, and all messages of one batch",
        "what the simulator takes",
        MESSAGES, NotVerified;
    QUEUE_BATCH = 10 "messages", "sqs.batch",
        "messages of one batch",
        "what is deleted with one call; what the simulator takes",
        MESSAGES, NotVerified;
}
