//! Options of roles, as far as they are about access to accounts: people get there by Teleport's identity provider.

use hallpass_model::text::line;
use hallpass_rules::syntax::{Node, Value};

use super::role::{keys, part, says};
use crate::report::RowNote;

/// What is read otherwise, or is about servers, databases, desktops and clusters alone.
const OF_NO_MATTER: [&str; 26] = [
    "max_session_ttl",
    "idp",
    "request_prompt",
    "forward_agent",
    "port_forwarding",
    "ssh_port_forwarding",
    "ssh_file_copy",
    "client_idle_timeout",
    "disconnect_expired_cert",
    "max_sessions",
    "max_connections",
    "max_kubernetes_connections",
    "enhanced_recording",
    "permit_x11_forwarding",
    "lock",
    "record_session",
    "desktop_clipboard",
    "desktop_directory_sharing",
    "cert_format",
    "cert_extensions",
    "create_host_user",
    "create_host_user_mode",
    "create_host_user_default_shell",
    "create_db_user",
    "create_db_user_mode",
    "create_desktop_user",
];

const AT_ONCE: &str = "people ask when they need access, not when they sign in";
const SIGNED_IN: &str = "no rule has it: require it where people sign in to AWS";
const UNKNOWN: &str = "no rule has it, and it may keep people from their access";

/// What is to be known of the options that a role has: those that no rule says.
pub(super) fn otherwise(options: &Node) -> Vec<RowNote> {
    let is_said = |key: &&str| {
        let node = part(options, &[key]);
        !OF_NO_MATTER.contains(key) && !node.is_none_or(is_off)
    };
    let note = |key: &str| RowNote::LeftOut {
        what: "option",
        id: line(key, 80),
        why: match key {
            "request_access" => AT_ONCE,
            "require_session_mfa" | "device_trust_mode" | "pin_source_ip" => SIGNED_IN,
            _ => UNKNOWN,
        },
    };
    let found = keys(Some(options)).into_iter().filter(is_said);
    found.map(note).collect()
}

/// Whether an option asks for nothing.
fn is_off(node: &Node) -> bool {
    match &node.value {
        Value::Bool(is) => !is,
        Value::Text(text) => ["", "off", "no", "false", "optional"].contains(&text.as_str()),
        Value::Null | Value::Number(_) | Value::List(_) | Value::Map(_) => false,
    }
}

/// Whether holders of a role do not get to AWS by Teleport's identity provider: `idp.saml.enabled` is not true.
pub(super) fn cannot_sign_in(options: &Node) -> bool {
    let mut node = options;
    for key in ["idp", "saml", "enabled"] {
        let is_table = matches!(node.value, Value::Map(_));
        match part(node, &[key]) {
            Some(found) => node = found,
            None => return !is_table && says(node),
        }
    }
    match &node.value {
        Value::Bool(is) => !is,
        Value::Text(text) => !["true", "yes", "on"].contains(&text.as_str()),
        Value::Null | Value::Number(_) | Value::List(_) | Value::Map(_) => true,
    }
}
