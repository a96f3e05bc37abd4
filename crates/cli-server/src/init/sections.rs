//! Sections of `hallpass.toml`, also parsed alone to check an answer.

use std::fmt::Write as _;

use super::toml_text::quoted;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FoundInstance {
    pub(super) region: String,
    pub(super) instance_arn: String,
    pub(super) encryption_key: Option<String>,
    pub(super) role_arn: Option<String>,
    pub(super) external_id: Option<String>,
}

pub(super) fn server(public_url: &str, listen: Option<&str>) -> String {
    let listen = listen
        .map(|it| format!("listen = {}\n", quoted(it)))
        .unwrap_or_default();
    format!("[server]\n{listen}public_url = {}\n", quoted(public_url))
}

pub(super) fn aws(found: &FoundInstance) -> String {
    let mut text = format!(
        "[aws]\n# The home Region of IAM Identity Center.\nregion = {}\n",
        quoted(&found.region)
    );
    let optional = [
        ("role_arn", &found.role_arn),
        ("external_id", &found.external_id),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            let _ = writeln!(text, "{key} = {}", quoted(value));
        }
    }
    text
}

pub(super) fn oidc(issuer: &str, client_id: &str, secret: Option<&str>) -> String {
    let secret = secret
        .map(|it| format!("client_secret = {}\n", quoted(it)))
        .unwrap_or_default();
    format!(
        "[oidc]\nissuer = {}\nclient_id = {}\n{secret}",
        quoted(issuer),
        quoted(client_id)
    )
}
