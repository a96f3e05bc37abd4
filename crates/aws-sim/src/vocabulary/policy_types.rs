//! Types of organization policies: their names, AWS's own policies, what a document may be.

use hallpass_aws_model::facts;
use hallpass_iam::language::{PolicyJson, PolicyType, ScpLanguage};
use serde_json::Value;

use super::Behaviour;

/// Service control policies.
pub(crate) const SCP: &str = "SERVICE_CONTROL_POLICY";
/// Resource control policies.
pub(crate) const RCP: &str = "RESOURCE_CONTROL_POLICY";
/// The policy that AWS attaches to everything when service control policies are switched on.
pub(crate) const FULL_ACCESS: &str = "p-FullAWSAccess";
/// The same for resource control policies.
pub(crate) const RCP_FULL_ACCESS: &str = "p-RCPFullAWSAccess";

/// A type of policy, AWS's default policy of it, its name, its description and its content.
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

/// The default policy of a type.
pub(crate) fn default_of(kind: &str) -> Option<&'static str> {
    let found = DEFAULTS.iter().find(|(of, ..)| *of == kind);
    found.map(|(_, id, ..)| *id)
}

/// The longest content of a policy of this type, in bytes.
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

/// How many policies of a type one target holds.
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

/// How many policies of a type an organization has.
pub(crate) fn most(kind: &str) -> usize {
    if kind == SCP {
        facts::SCPS.count()
    } else {
        facts::POLICIES_OF_OTHER_TYPES.count()
    }
}

/// Whether service control policies have the quotas of before 2026-05-15 (`simulator.md` §2.9).
fn is_before(behaviour: &Behaviour) -> bool {
    behaviour.is("scp_quotas", "before")
}

/// The document of an organization file: JSON is written as one line.
pub(crate) fn text(content: &Value) -> String {
    let written = content.as_str().map(str::to_owned);
    written.unwrap_or_else(|| content.to_string())
}

/// Whether a text is a policy of this type: the policy language for service and resource control
/// policies, a JSON object for the others.
///
/// # Errors
/// What is wrong with it, in one sentence.
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
