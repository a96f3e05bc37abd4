//! Keys and types of the organization file as a table: finds every problem in one pass, with a JSON
//! pointer.

mod assets;
mod event_rule;
mod iam;
mod slack;

use crate::base::Problem;
use serde_json::{Map, Value};

#[derive(Clone, Copy)]
enum FieldKind {
    Text,
    Whole,
    Number,
    Flag,
    Time,
    Any,
    OneOf(&'static [&'static str]),
    Map(&'static FieldKind),
    List(&'static FieldKind),
    Object(&'static [Field]),
}

#[derive(Clone, Copy, PartialEq)]
enum Need {
    Must,
    May,
}

type Field = (&'static str, Need, FieldKind);

use FieldKind::{Any, Flag, List, Number, Object, OneOf, Text, Time, Whole};
use Need::{May, Must};
use event_rule::EVENT_RULE;
use iam::IAM;
use slack::SLACK;

const TEXTS: FieldKind = List(&Text);
const TAGS: FieldKind = FieldKind::Map(&Text);
const STATES: FieldKind = OneOf(&[
    "ACTIVE",
    "SUSPENDED",
    "PENDING_CLOSURE",
    "CLOSED",
    "PENDING_ACTIVATION",
]);

const POLICY_TYPES: &[&str] = &[
    "SERVICE_CONTROL_POLICY",
    "RESOURCE_CONTROL_POLICY",
    "TAG_POLICY",
    "BACKUP_POLICY",
    "AISERVICES_OPT_OUT_POLICY",
    "CHATBOT_POLICY",
    "DECLARATIVE_POLICY_EC2",
    "SECURITYHUB_POLICY",
    "SECURITYHUB_CSPM_POLICY",
    "INSPECTOR_POLICY",
    "UPGRADE_ROLLOUT_POLICY",
    "BEDROCK_POLICY",
    "S3_POLICY",
    "NETWORK_SECURITY_DIRECTOR_POLICY",
    "GUARDDUTY_POLICY",
];
const ORGANIZATION: &[Field] = &[
    ("id", May, Text),
    ("root", May, Text),
    ("management_account", Must, Text),
    ("policy_types", May, List(&OneOf(POLICY_TYPES))),
    ("without_full_access", May, TEXTS),
    ("root_tags", May, TAGS),
    ("service_access", May, TEXTS),
    ("delegated_administrators", May, List(&Object(DELEGATION))),
    ("billing_transfers", May, List(&Object(assets::TRANSFER))),
    ("invitations", May, List(&Object(assets::INVITATION))),
    ("delegation_policy", May, Any),
];
const DELEGATION: &[Field] = &[
    ("account", Must, Text),
    ("service", Must, Text),
    ("since", May, Time),
];
const OU: &[Field] = &[
    ("id", May, Text),
    ("name", Must, Text),
    ("parent", May, Text),
    ("tags", May, TAGS),
];
const ACCOUNT: &[Field] = &[
    ("id", May, Text),
    ("name", Must, Text),
    ("email", May, Text),
    ("ou", May, Text),
    ("state", May, STATES),
    ("joined_method", May, OneOf(&["CREATED", "INVITED"])),
    ("joined", May, Time),
    ("tags", May, TAGS),
    ("regions", May, TEXTS),
    ("access_role", May, Text),
];
const IDENTITY_CENTER: &[Field] = &[
    ("instance_arn", May, Text),
    ("identity_store_id", May, Text),
    ("home_region", May, Text),
    ("additional_regions", May, TEXTS),
    ("permission_sets_enabled", May, Flag),
    ("network", May, Object(assets::NETWORK)),
    ("portal_url", May, Text),
    ("portal_session_seconds", May, Whole),
    ("portal_revocation_lag", May, Whole),
    ("name", May, Text),
    (
        "source",
        May,
        OneOf(&["identity_center", "external", "active_directory"]),
    ),
    ("users", May, List(&Object(USER))),
    ("groups", May, List(&Object(GROUP))),
    ("permission_sets", May, List(&Object(PERMISSION_SET))),
    ("assignments", May, List(&Object(ASSIGNMENT))),
    ("provisioned", May, List(&Object(PROVISIONED))),
];
const EXTERNAL_ID: &[Field] = &[("issuer", Must, Text), ("id", Must, Text)];
const USER: &[Field] = &[
    ("id", May, Text),
    ("user_name", Must, Text),
    ("given_name", May, Text),
    ("family_name", May, Text),
    ("display_name", May, Text),
    ("email", May, Text),
    ("title", May, Text),
    ("status", May, OneOf(&["ENABLED", "DISABLED"])),
    ("created", May, Time),
    ("revision", May, Whole),
    ("external_ids", May, List(&Object(EXTERNAL_ID))),
    ("attributes", May, FieldKind::Map(&Any)),
];
const GROUP: &[Field] = &[
    ("id", May, Text),
    ("name", Must, Text),
    ("description", May, Text),
    ("members", May, TEXTS),
    ("membership_ids", May, TAGS),
    ("created", May, Time),
    ("revision", May, Whole),
    ("external_ids", May, List(&Object(EXTERNAL_ID))),
];
const PERMISSION_SET: &[Field] = &[
    ("arn", May, Text),
    ("name", Must, Text),
    ("description", May, Text),
    ("session_duration", May, Text),
    ("relay_state", May, Text),
    ("managed_policies", May, TEXTS),
    ("inline", May, Any),
    (
        "customer_managed",
        May,
        List(&Object(&[("name", Must, Text), ("path", May, Text)])),
    ),
    (
        "boundary",
        May,
        Object(&[
            ("managed_policy", May, Text),
            ("name", May, Text),
            ("path", May, Text),
        ]),
    ),
    ("tags", May, TAGS),
    ("created", May, Time),
];
const ASSIGNMENT: &[Field] = &[
    ("account", Must, Text),
    ("permission_set", Must, Text),
    ("user", May, Text),
    ("group", May, Text),
    ("user_id", May, Text),
    ("group_id", May, Text),
    ("note", May, Text),
    ("since", May, Time),
];
const PROVISIONED: &[Field] = &[
    ("account", Must, Text),
    ("permission_set", Must, Text),
    ("suffix", May, Text),
    ("outdated", May, Flag),
    ("holds", May, Object(PERMISSION_SET)),
];
const CONTACTS: &[Field] = &[
    ("primary", May, TAGS),
    ("alternate", May, FieldKind::Map(&TAGS)),
];
const ACCESS_KEY: &[Field] = &[
    ("access_key_id", Must, Text),
    ("secret_access_key", Must, Text),
    ("principal", Must, Text),
];
const POLICY: &[Field] = &[
    ("id", May, Text),
    ("name", Must, Text),
    ("type", Must, OneOf(POLICY_TYPES)),
    ("description", May, Text),
    ("content", Must, Any),
    ("targets", May, TEXTS),
    ("tags", May, TAGS),
];
const CONTROL_TOWER: &[Field] = &[
    ("version", Must, Text),
    (
        "remediation_types",
        May,
        List(&OneOf(&["INHERITANCE_DRIFT"])),
    ),
    ("home_region", Must, Text),
    ("governed_regions", Must, TEXTS),
    ("log_archive", Must, Text),
    ("audit", Must, Text),
    ("units", Must, TEXTS),
    ("config_units", May, TEXTS),
    ("drifted_units", May, TEXTS),
    ("accounts", May, TEXTS),
    (
        "controls",
        May,
        List(&Object(&[("unit", Must, Text), ("control", Must, Text)])),
    ),
    ("account_operations", May, Whole),
    ("factory_principals", May, TEXTS),
];
const LIMIT: &[Field] = &[
    ("rate", May, Number),
    ("burst", May, Number),
    ("outstanding", May, Whole),
];
const FILE: &[Field] = &[
    ("version", Must, Whole),
    ("seed", May, Whole),
    ("clock", May, Time),
    ("organization", Must, Object(ORGANIZATION)),
    ("ous", May, List(&Object(OU))),
    ("accounts", Must, List(&Object(ACCOUNT))),
    ("identity_center", May, Object(IDENTITY_CENTER)),
    ("policies", May, List(&Object(POLICY))),
    ("iam", May, FieldKind::Map(&Object(IAM))),
    ("contacts", May, FieldKind::Map(&Object(CONTACTS))),
    (
        "config_aggregators",
        May,
        List(&Object(&[
            ("name", Must, Text),
            ("account", Must, Text),
            ("region", Must, Text),
        ])),
    ),
    ("event_rules", May, List(&Object(EVENT_RULE))),
    (
        "devops_guru_insights",
        May,
        List(&Object(&[
            ("id", Must, Text),
            ("account", Must, Text),
            ("region", Must, Text),
            ("kind", Must, OneOf(&["REACTIVE", "PROACTIVE"])),
            ("name", Must, Text),
            ("severity", Must, OneOf(&["LOW", "MEDIUM", "HIGH"])),
            ("start", Must, Time),
            ("end", May, Time),
            ("stacks", May, List(&Text)),
            ("resources", May, List(&Text)),
        ])),
    ),
    ("workloads", May, List(&Object(assets::WORKLOAD))),
    ("resource_shares", May, List(&Object(assets::SHARE))),
    ("commitments", May, List(&Object(assets::COMMITMENT))),
    ("quotas", May, List(&Object(assets::QUOTA))),
    ("config_evaluations", May, List(&Object(assets::EVALUATION))),
    ("functions", May, List(&Object(assets::FUNCTION))),
    (
        "trails",
        May,
        List(&Object(&[
            ("name", Must, Text),
            ("account", Must, Text),
            ("region", Must, Text),
            ("bucket", Must, Text),
            ("prefix", May, Text),
            ("organization", May, Flag),
            ("since", May, Time),
        ])),
    ),
    ("finding_aggregation", May, Text),
    ("control_tower", May, Object(CONTROL_TOWER)),
    (
        "config_recorders",
        May,
        List(&Object(&[("account", Must, Text), ("region", Must, Text)])),
    ),
    (
        "inventory",
        May,
        Object(&[("as_of", May, Time), ("people", May, TEXTS)]),
    ),
    ("credentials", May, List(&Object(ACCESS_KEY))),
    (
        "entitlements",
        May,
        List(&Object(&[
            ("id", May, Text),
            ("account", May, Text),
            ("role", Must, Text),
            ("user", May, Text),
            ("group", May, Text),
            ("user_id", May, Text),
            ("group_id", May, Text),
            ("since", May, Time),
        ])),
    ),
    ("behaviour", May, TAGS),
    ("limits", May, FieldKind::Map(&Object(LIMIT))),
    ("consistency", May, OneOf(&["strong", "typical", "hard"])),
    ("speed", May, OneOf(&["real", "fast", "instant"])),
    (
        "on_call",
        May,
        List(&Object(&[
            ("id", Must, Text),
            ("name", May, Text),
            ("policy", May, Text),
            ("level", May, Whole),
            ("people", May, TEXTS),
        ])),
    ),
    (
        "tickets",
        May,
        List(&Object(&[
            (
                "service",
                Must,
                OneOf(&["jira", "service_now", "github", "linear", "json"]),
            ),
            ("key", Must, Text),
            ("state", Must, Text),
            ("project", Must, Text),
            ("assignee", May, Text),
            ("comments", May, TEXTS),
        ])),
    ),
    ("slack", May, Object(SLACK)),
];

/// Checks a partial file, which may refer to existing names.
pub(crate) fn check_part(part: &Value) -> Vec<Problem> {
    let mut problems = check(part);
    problems.retain(|it| {
        let is_there = ["", "/organization", "/identity_center"].contains(&it.pointer.as_str());
        !(is_there && it.message.ends_with("is missing"))
    });
    problems
}

pub(super) fn check(file: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    visit(file, Object(FILE), "", &mut problems);
    if let Some(version) = file.get("version").and_then(Value::as_u64)
        && version != 1
    {
        problems.push(Problem::new(
            "/version",
            format!("version {version} is not known, only 1"),
        ));
    }
    problems
}

fn visit(value: &Value, kind: FieldKind, pointer: &str, problems: &mut Vec<Problem>) {
    let right = match kind {
        Text => value.is_string(),
        Whole => value.is_u64(),
        Number => value.is_number(),
        Flag => value.is_boolean(),
        Any => true,
        Time => value
            .as_str()
            .is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        OneOf(names) => value.as_str().is_some_and(|text| names.contains(&text)),
        FieldKind::Map(inner) => each_of_map(value, *inner, pointer, problems),
        List(inner) => each_of_list(value, *inner, pointer, problems),
        Object(fields) => value
            .as_object()
            .map(|object| visit_object(object, fields, pointer, problems))
            .is_some(),
    };
    if !right {
        problems.push(Problem::new(
            pointer,
            format!("expected {}", describe(kind)),
        ));
    }
}

fn each_of_map(
    value: &Value,
    inner: FieldKind,
    pointer: &str,
    problems: &mut Vec<Problem>,
) -> bool {
    let Some(object) = value.as_object() else {
        return false;
    };
    for (key, value) in object {
        visit(
            value,
            inner,
            &format!("{pointer}/{}", escape(key)),
            problems,
        );
    }
    true
}

fn each_of_list(
    value: &Value,
    inner: FieldKind,
    pointer: &str,
    problems: &mut Vec<Problem>,
) -> bool {
    let Some(items) = value.as_array() else {
        return false;
    };
    for (index, value) in items.iter().enumerate() {
        visit(value, inner, &format!("{pointer}/{index}"), problems);
    }
    true
}

fn visit_object(
    object: &Map<String, Value>,
    fields: &[Field],
    pointer: &str,
    problems: &mut Vec<Problem>,
) {
    for (name, need, kind) in fields {
        match object.get(*name) {
            Some(Value::Null) if *need == May => {}
            Some(value) => visit(value, *kind, &format!("{pointer}/{name}"), problems),
            None if *need == Must => {
                problems.push(Problem::new(pointer, format!("`{name}` is missing")));
            }
            None => {}
        }
    }
    for key in object
        .keys()
        .filter(|key| !fields.iter().any(|(name, ..)| name == key))
    {
        problems.push(Problem::new(
            format!("{pointer}/{}", escape(key)),
            "unknown key",
        ));
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn describe(kind: FieldKind) -> String {
    match kind {
        Text => "text".to_owned(),
        Whole => "a whole number".to_owned(),
        Number => "a number".to_owned(),
        Flag => "true or false".to_owned(),
        Time => "an instant such as 2026-03-02T10:05:00Z".to_owned(),
        Any => "any value".to_owned(),
        OneOf(names) => format!("one of {}", names.join(", ")),
        FieldKind::Map(_) | Object(_) => "an object".to_owned(),
        List(_) => "a list".to_owned(),
    }
}
