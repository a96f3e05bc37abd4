//! Parses `permission_sets` and checks them without AWS (`inventory.md` A-2).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws_model::facts;
use hallpass_base::PermissionSetName;
use hallpass_iam::PolicyType;
use hallpass_iam::lint::{Options, Severity, lint};
use hallpass_iam::size::AttachmentPoint;
use hallpass_rules::syntax::{MapEntry, Node, Value};
use serde_json::Value as Json;

use super::fields::FileReader;
use super::front_door;
use crate::file::DeclaredSet;
use crate::finding::{FileFinding, Place};
use crate::managed_policies::{FoundPolicy, find};
use crate::state::{CustomerPolicy, PermissionSetContent, PermissionsBoundary, session_seconds};

const KEYS: [&str; 9] = [
    "description",
    "session_duration",
    "relay_state",
    "managed_policies",
    "customer_managed_policies",
    "inline_policy",
    "permissions_boundary",
    "tags",
    "protect",
];
const DESCRIPTION_MAX: usize = facts::PERMISSION_SET_DESCRIPTION_CHARACTERS.count();
const RELAY_STATE_MAX: usize = facts::PERMISSION_SET_RELAY_STATE_CHARACTERS.count();
/// Policies per role under IAM's default quota, and the most per permission set.
const POLICIES_USUAL: usize = facts::MANAGED_POLICIES_PER_ROLE.count();
const POLICIES_MAX: usize = facts::MANAGED_POLICIES_PER_PERMISSION_SET.count();
const INLINE_BYTES_MAX: usize = facts::PERMISSION_SET_POLICY_BYTES.count();
const SESSION_SECONDS: u64 = facts::PERMISSION_SET_SESSION_SECONDS.value as u64;
const TAGS_MAX: usize = facts::PERMISSION_SET_TAGS.count();

pub(super) fn read_all(
    reader: &mut FileReader<'_>,
    node: &Node,
    sets: &mut BTreeMap<PermissionSetName, DeclaredSet>,
) {
    for entry in reader.map(node, "permission_sets").unwrap_or_default() {
        let place = reader.place(entry.position);
        let name = match PermissionSetName::new(&*entry.key) {
            Ok(name) => name,
            Err(error) => {
                reader.error(&place, error.to_string());
                continue;
            }
        };
        if let Some(other) = sets.get(&name) {
            let message = format!(
                "permission set `{name}` is declared at {}, too",
                other.place
            );
            reader.error(&place, message);
        }
        if let Some(set) = read_set(reader, entry, place) {
            sets.insert(name, set);
        }
    }
}

fn read_set(reader: &mut FileReader<'_>, set: &MapEntry, place: Place) -> Option<DeclaredSet> {
    let mut protect = false;
    let mut content = PermissionSetContent {
        session_seconds: SESSION_SECONDS,
        ..PermissionSetContent::default()
    };
    for MapEntry { key, value, .. } in reader.object(&set.value, &set.key, &KEYS)? {
        match key.as_str() {
            "description" => content.description = limited(reader, key, value, DESCRIPTION_MAX),
            "relay_state" => content.relay_state = limited(reader, key, value, RELAY_STATE_MAX),
            "session_duration" => {
                let text = reader.text(key, value).unwrap_or_default();
                if let Some(seconds) = session_seconds(&text) {
                    content.session_seconds = seconds;
                } else {
                    let message = "`session_duration` lies between `PT1H` and `PT12H`";
                    reader.error(&reader.place(value.position), message);
                }
            }
            "managed_policies" => {
                let terms = reader.terms(key, value);
                let arns = terms
                    .iter()
                    .filter_map(|it| managed(reader, &it.text, &it.place));
                content.managed_policies = arns.collect();
            }
            "customer_managed_policies" => {
                let items = reader.list(value, key);
                let policies = items.iter().filter_map(|it| customer(reader, key, it));
                content.customer_managed_policies = policies.collect::<BTreeSet<_>>();
            }
            "inline_policy" => content.inline_policy = inline(reader, value),
            "permissions_boundary" => content.permissions_boundary = boundary(reader, value),
            "tags" => content.tags = tags(reader, value),
            "protect" => protect = reader.flag(key, value),
            _ => {}
        }
    }
    check_count(reader, &content, &place);
    for why in front_door::refused(&set.key, &content) {
        reader.error(&place, why);
    }
    Some(DeclaredSet {
        content,
        protect,
        place,
    })
}

fn limited(reader: &mut FileReader<'_>, key: &str, node: &Node, most: usize) -> Option<String> {
    let text = reader.text(key, node)?;
    let length = text.chars().count();
    if (1..=most).contains(&length) {
        return Some(text);
    }
    let message = format!("`{key}` has {length} characters; it may have 1 to {most}");
    reader.error(&reader.place(node.position), message);
    None
}

fn check_count(reader: &mut FileReader<'_>, content: &PermissionSetContent, place: &Place) {
    let count = content.managed_policies.len() + content.customer_managed_policies.len();
    if count > POLICIES_MAX {
        let message = format!("{count} managed policies; a role has at most {POLICIES_MAX}");
        reader.error(place, message);
    } else if count > POLICIES_USUAL {
        let message = format!(
            "{count} managed policies; a role has at most {POLICIES_USUAL} unless the quota of each \
             account was raised"
        );
        reader.warn(place, message);
    }
    if content.tags.len() > TAGS_MAX {
        reader.error(
            place,
            format!("a permission set has at most {TAGS_MAX} tags"),
        );
    }
}

/// Returns the ARN of an AWS managed policy, in AWS's spelling (`inventory.md` A-15).
fn managed(reader: &mut FileReader<'_>, written: &str, place: &Place) -> Option<String> {
    if written.starts_with("arn:") && !written.contains(":iam::aws:policy/") {
        let message = format!("`{written}` is no policy of AWS");
        let finding = FileFinding::error(place, message);
        reader.push(finding.help("policies of accounts stand below `customer_managed_policies`"));
        return None;
    }
    match find(written) {
        FoundPolicy::Exact(arn) => Some(arn),
        FoundPolicy::OtherCase(arn) => {
            let message = format!("AWS spells `{written}` as `{arn}`; that is used");
            reader.warn(place, message);
            Some(arn)
        }
        FoundPolicy::Unknown(arn) => {
            let message =
                format!("`{written}` is not among the known policies of AWS; taken as `{arn}`");
            reader.warn(place, message);
            Some(arn)
        }
    }
}

fn customer(reader: &mut FileReader<'_>, key: &str, node: &Node) -> Option<CustomerPolicy> {
    if let Value::Text(name) = &node.value {
        return Some(CustomerPolicy {
            path: "/".to_owned(),
            name: name.clone(),
        });
    }
    let (mut path, mut name) = ("/".to_owned(), None);
    for entry in reader.object(node, key, &["name", "path"])? {
        let text = reader.text(&entry.key, &entry.value);
        match entry.key.as_str() {
            "name" => name = text,
            "path" => path = text.unwrap_or(path),
            _ => {}
        }
    }
    let place = reader.place(node.position);
    let Some(name) = name else {
        reader.error(&place, "a policy without a `name`");
        return None;
    };
    if !path.starts_with('/') || !path.ends_with('/') {
        reader.error(
            &place,
            format!("a path begins and ends with `/`, not `{path}`"),
        );
        return None;
    }
    Some(CustomerPolicy { path, name })
}

fn boundary(reader: &mut FileReader<'_>, node: &Node) -> Option<PermissionsBoundary> {
    let key = "permissions_boundary";
    let entries = reader.object(node, key, &["managed", "customer_managed"])?;
    let place = reader.place(node.position);
    let [entry] = entries else {
        let message = "`permissions_boundary` names one policy: `managed` or `customer_managed`";
        reader.error(&place, message);
        return None;
    };
    match entry.key.as_str() {
        "managed" => {
            let written = reader.text(&entry.key, &entry.value)?;
            managed(reader, &written, &place).map(PermissionsBoundary::Managed)
        }
        "customer_managed" => {
            customer(reader, &entry.key, &entry.value).map(PermissionsBoundary::Customer)
        }
        _ => None,
    }
}

fn tags(reader: &mut FileReader<'_>, node: &Node) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for entry in reader.map(node, "tags").unwrap_or_default() {
        if let Some(value) = reader.text(&entry.key, &entry.value) {
            tags.insert(entry.key.clone(), value);
        }
    }
    tags
}

fn inline(reader: &mut FileReader<'_>, node: &Node) -> Option<Json> {
    let place = reader.place(node.position);
    let entries = reader.map(node, "inline_policy")?;
    let (policy, text, place) = match entries {
        [entry] if entry.key == "file" => {
            let path = reader.text("file", &entry.value)?;
            let text = match (reader.policy_file)(reader.file(), &path) {
                Ok(text) => text,
                Err(why) => {
                    reader.error(&place, format!("`{path}` cannot be read: {why}"));
                    return None;
                }
            };
            let place = Place {
                file: path,
                position: hallpass_rules::Position { line: 1, column: 1 },
            };
            // The linter reports invalid JSON with its place.
            (serde_json::from_str(&text).unwrap_or_default(), text, place)
        }
        _ => {
            let policy = json(node);
            let text = serde_json::to_string_pretty(&policy).unwrap_or_default();
            (policy, text, place)
        }
    };
    check_policy(reader, &policy, &text, &place).then_some(policy)
}

fn check_policy(reader: &mut FileReader<'_>, policy: &Json, text: &str, place: &Place) -> bool {
    let sent = policy.to_string();
    if sent.len() > INLINE_BYTES_MAX {
        let message = format!(
            "the policy has {} bytes; {INLINE_BYTES_MAX} are allowed",
            sent.len()
        );
        reader.error(place, message);
        return false;
    }
    let options = Options {
        limit: Some(AttachmentPoint::PermissionSet.about().limit),
        ..Options::new(PolicyType::Identity)
    };
    let mut is_clean = true;
    for found in lint(text, &options) {
        let message = format!(
            "inline policy{}: {} ({})",
            found.pointer, found.message, found.code
        );
        let mut place = place.clone();
        if place.file != reader.file() {
            place.position.line = u32::try_from(found.region.line).unwrap_or(u32::MAX);
            place.position.column = u32::try_from(found.region.column).unwrap_or(u32::MAX);
        }
        match found.severity {
            Severity::Error => {
                is_clean = false;
                reader.error(&place, message);
            }
            Severity::Warning => reader.warn(&place, message),
            Severity::Info => {}
        }
    }
    is_clean
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        // A TOML date becomes text.
        Value::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| text.clone().into()),
        Value::Text(text) => text.clone().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => {
            let members = entries.iter().map(|it| (it.key.clone(), json(&it.value)));
            Json::Object(members.collect())
        }
    }
}
