//! AWS's denial details by authorization id (IAM Toolbox API Reference,
//! "`GetRequestAuthorizationDetails`").

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Denial, DenialKeys, DenialReason, DeniedAction, DenyingPolicy};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DenialDetails {
    pub authorization_id: String,
    pub region: String,
    pub context: Map<String, Value>,
    pub evaluations: Vec<DenialEvaluation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DenialEvaluation {
    /// `service:Name`.
    pub action: String,
    pub resource: String,
    /// Condition keys of this action only.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub context: Map<String, Value>,
    /// `ALLOW`, `EXPLICIT_DENY` or `IMPLICIT_DENY`, if reported.
    pub effect: Option<String>,
    /// Required checks, in AWS's order; none for a caller of another organization.
    pub checks: Vec<DenialCheck>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DenialCheck {
    /// AWS's name: `SERVICE_CONTROL_POLICY`, `PRINCIPAL` …
    pub check: String,
    /// `ALLOW`, `EXPLICIT_DENY`, `IMPLICIT_DENY` or `NO_IMPACT`.
    pub effect: String,
    /// Root, unit or account with the attached policies.
    pub target: Option<String>,
    /// Policies with matching statements: ARN, or `inline` with its owner.
    pub policies: Vec<String>,
}

impl DenialCheck {
    pub fn denies(&self) -> bool {
        matches!(self.effect.as_str(), "EXPLICIT_DENY" | "IMPLICIT_DENY")
    }

    /// None for an unknown kind.
    pub fn policy(&self) -> Option<DenyingPolicy> {
        match self.check.as_str() {
            "SERVICE_CONTROL_POLICY" => Some(DenyingPolicy::ServiceControl),
            "RESOURCE_CONTROL_POLICY" => Some(DenyingPolicy::ResourceControl),
            "VPC_ENDPOINT" => Some(DenyingPolicy::VpcEndpoint),
            "RESOURCE" => Some(DenyingPolicy::Resource),
            "PRINCIPAL" => Some(DenyingPolicy::Identity),
            "PERMISSIONS_BOUNDARY" => Some(DenyingPolicy::Boundary),
            "SESSION" => Some(DenyingPolicy::Session),
            _ => None,
        }
    }
}

impl DenialEvaluation {
    pub fn is_denied(&self) -> bool {
        self.effect.as_deref() != Some("ALLOW")
    }

    /// Explicit denials take precedence over missing allows.
    pub fn reason(&self) -> Option<DenialReason> {
        let denying = |effect: &str| {
            let mut checks = self.checks.iter();
            checks.find(|it| it.effect == effect)
        };
        let by = denying("EXPLICIT_DENY").or_else(|| denying("IMPLICIT_DENY"))?;
        Some(DenialReason {
            policy: by.policy()?,
            is_explicit: by.effect == "EXPLICIT_DENY",
        })
    }
}

impl DenialDetails {
    /// Parses response pages in order. Ignores missing and unknown fields.
    pub fn read(authorization_id: &str, region: &str, pages: &[Value]) -> Self {
        let first = pages.first();
        let context = first.and_then(|it| it.get("requestContext")?.as_object());
        let evaluations = pages.iter().flat_map(|page| {
            let policies: Vec<&Value> = items(page, "policies").collect();
            let read = items(page, "evaluations").map(|it| evaluation(it, &policies));
            read.collect::<Vec<_>>()
        });
        Self {
            authorization_id: authorization_id.to_owned(),
            region: region.to_owned(),
            context: context.cloned().unwrap_or_default(),
            evaluations: evaluations.collect(),
        }
    }

    /// Unique denied actions in message form, with condition keys; none without denial or caller.
    pub fn denied(&self) -> Vec<DeniedAction> {
        let principal = self.context.iter().find_map(|(key, value)| {
            let is_it = key.eq_ignore_ascii_case("aws:PrincipalArn");
            value.as_str().filter(|_| is_it)
        });
        let Some(principal) = principal else {
            return Vec::new();
        };
        let mut all: Vec<DeniedAction> = Vec::new();
        for it in self.evaluations.iter().filter(|it| it.is_denied()) {
            let denial = Denial {
                principal: principal.to_owned(),
                action: it.action.clone(),
                resource: Some(it.resource.clone()).filter(|it| !it.is_empty()),
                reason: it.reason(),
                authorization_id: Some(self.authorization_id.clone()),
                region: Some(self.region.clone()),
            };
            let mut keys = key_values(&self.context);
            keys.extend(key_values(&it.context));
            let denied = DeniedAction::new(denial, keys);
            if !all.contains(&denied) {
                all.push(denied);
            }
        }
        all
    }

    /// Lines for people: each action, denying checks first.
    pub fn words(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for it in &self.evaluations {
            let effect = match it.effect.as_deref() {
                Some("ALLOW") => "Allowed",
                Some("EXPLICIT_DENY") => "ExplicitlyDenied",
                Some("IMPLICIT_DENY") => "ImplicitlyDenied",
                Some(other) => other,
                None => "not said",
            };
            let resource = match it.resource.as_str() {
                "" => String::new(),
                arn => format!(" on {arn}"),
            };
            lines.push(format!("{effect}: {}{resource}", it.action));
            if let Some(reason) = it.reason() {
                lines.push(format!("because {reason}"));
            }
            lines.extend(it.checks.iter().map(check_words));
            if it.checks.is_empty() {
                lines.push(
                    "AWS names no checks: it does to callers of the same organization".to_owned(),
                );
            }
        }
        if self.evaluations.is_empty() {
            lines.push("AWS tells of no evaluation".to_owned());
        }
        lines
    }
}

fn check_words(it: &DenialCheck) -> String {
    let name = match it.policy() {
        Some(policy) => policy.as_str().to_owned(),
        None => it.check.clone(),
    };
    let at = it.target.as_ref();
    let at = at.map_or_else(String::new, |it| format!(" at {it}"));
    let by = match it.policies.as_slice() {
        [] => String::new(),
        some => format!(", by {}", some.join(", ")),
    };
    let effect = match it.effect.as_str() {
        "ALLOW" => "allows",
        "EXPLICIT_DENY" => "denies",
        "IMPLICIT_DENY" => "does not allow",
        "NO_IMPACT" => "has no say",
        other => other,
    };
    format!("  {name}{at}: {effect}{by}")
}

fn evaluation(it: &Value, policies: &[&Value]) -> DenialEvaluation {
    DenialEvaluation {
        action: text(it, "action").unwrap_or_default(),
        resource: text(it, "resource").unwrap_or_default(),
        context: { it.get("context").and_then(Value::as_object) }
            .cloned()
            .unwrap_or_default(),
        effect: text(it, "evaluatedEffect"),
        checks: items(it, "checks").map(|it| check(it, policies)).collect(),
    }
}

fn check(it: &Value, policies: &[&Value]) -> DenialCheck {
    DenialCheck {
        check: text(it, "checkType").unwrap_or_default(),
        effect: text(it, "evaluatedEffect").unwrap_or_default(),
        target: text(it, "targetArn"),
        policies: items(it, "matchedPolicies")
            .map(|it| matched(it, policies))
            .collect(),
    }
}

fn matched(it: &Value, policies: &[&Value]) -> String {
    let uri = text(it, "uri").unwrap_or_default();
    let policy = policies
        .iter()
        .find(|it| text(it, "uri").as_ref() == Some(&uri));
    let inline = policy.filter(|it| it.get("inline").and_then(Value::as_bool) == Some(true));
    let name = match inline.and_then(|it| text(items(it, "attachedTo").next()?, "arn")) {
        Some(arn) => format!("inline policy of {arn}"),
        None => uri,
    };
    let sids: Vec<String> = items(it, "matchedStatements")
        .filter_map(|it| text(it, "sid"))
        .collect();
    if sids.is_empty() {
        name
    } else {
        format!("{name} ({})", sids.join(", "))
    }
}

/// Condition keys as text, as AWS compares them; drops non-values.
fn key_values(keys: &Map<String, Value>) -> DenialKeys {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let all = keys.iter().filter_map(|(key, value)| {
        let values = match value {
            Value::Array(many) => many.iter().map(one).collect::<Option<Vec<_>>>()?,
            other => vec![one(other)?],
        };
        Some((key.clone(), values))
    });
    all.collect()
}

fn text(it: &Value, name: &str) -> Option<String> {
    it.get(name)?.as_str().map(str::to_owned)
}

fn items<'a>(it: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    it.get(name).and_then(Value::as_array).into_iter().flatten()
}
