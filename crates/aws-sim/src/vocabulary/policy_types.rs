use hallpass_aws_model::facts;
use hallpass_iam::language::{PolicyJson, PolicyType, ScpLanguage};
use serde_json::Value;

use super::Behaviour;

pub(crate) const SCP: &str = "SERVICE_CONTROL_POLICY";
pub(crate) const RCP: &str = "RESOURCE_CONTROL_POLICY";
/// Attached everywhere when service control policies are enabled.
pub(crate) const FULL_ACCESS: &str = "p-FullAWSAccess";
/// The same for resource control policies.
pub(crate) const RCP_FULL_ACCESS: &str = "p-RCPFullAWSAccess";

pub(crate) const DEFAULTS: [(&str, &str, &str, &str, &str); 2] = [
    (
        SCP,
        FULL_ACCESS,
        "FullAWSAccess",
        "Allows access to every operation",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        RCP,
        RCP_FULL_ACCESS,
        "RCPFullAWSAccess",
        "Allow access to every resource",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
    ),
];

pub(crate) fn default_of(kind: &str) -> Option<&'static str> {
    let found = DEFAULTS.iter().find(|(of, ..)| *of == kind);
    found.map(|(_, id, ..)| *id)
}

pub(crate) fn longest(kind: &str, behaviour: &Behaviour) -> usize {
    let fact = match kind {
        SCP if is_before(behaviour) => facts::SCP_CHARACTERS_BEFORE,
        SCP => facts::SCP_CHARACTERS,
        RCP => facts::RCP_CHARACTERS,
        "AISERVICES_OPT_OUT_POLICY" => facts::AI_OPT_OUT_CHARACTERS,
        _ => facts::MANAGEMENT_POLICY_CHARACTERS,
    };
    fact.count()
}

pub(crate) fn most_attached(kind: &str, behaviour: &Behaviour) -> usize {
    let fact = match kind {
        SCP if is_before(behaviour) => facts::SCPS_PER_TARGET_BEFORE,
        SCP => facts::SCPS_PER_TARGET,
        RCP => facts::RCPS_PER_TARGET,
        "AISERVICES_OPT_OUT_POLICY" | "CHATBOT_POLICY" => facts::FEW_POLICIES_PER_TARGET,
        _ => facts::MANAGEMENT_POLICIES_PER_TARGET,
    };
    fact.count()
}

pub(crate) fn most(kind: &str) -> usize {
    if kind == SCP {
        facts::SCPS.count()
    } else {
        facts::POLICIES_OF_OTHER_TYPES.count()
    }
}

/// Whether service control policies have the quotas before 2026-05-15 (`simulator.md` §2.9).
fn is_before(behaviour: &Behaviour) -> bool {
    behaviour.is("scp_quotas", "before")
}

/// Writes JSON as one line.
pub(crate) fn text(content: &Value) -> String {
    let written = content.as_str().map(str::to_owned);
    written.unwrap_or_else(|| content.to_string())
}

/// Validates a policy: the policy language for service and resource control policies, a JSON object
/// for the others.
///
/// # Errors
/// The problem, in one sentence.
pub(crate) fn check_content(kind: &str, content: &str) -> Result<(), String> {
    let language = match kind {
        SCP => PolicyType::Scp,
        RCP => PolicyType::Rcp,
        _ => {
            let value = serde_json::from_str::<Value>(content);
            let is_object = value.is_ok_and(|value| value.is_object());
            return is_object
                .then_some(())
                .ok_or("not a JSON object".to_owned());
        }
    };
    let source = PolicyJson::new(content).map_err(|error| error.to_string())?;
    let read = source.strict(language, ScpLanguage::Full);
    read.map(|_| ()).map_err(|error| error.to_string())
}
