//! Builds the configuration: identity provider statements, Identity Center attributes, role trust
//! policies.

use serde::Serialize;
use serde_json::{Value, json};

use super::map::{AttributeMap, TagLine, check_arn};
use super::permission_set::{Tagging, permission_set};
use super::{ACCESS_CONTROL, PRINCIPAL_TAG, SAML, SOURCE_CLAIM, TAGS_CLAIM};
use crate::generate::{Draft, DraftStatement, Many, Unprintable, checked};
use crate::input::BadInput;
use crate::language::{Effect, PolicyType};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProduceMode {
    /// IAM Identity Center, from its store or a SAML assertion.
    IdentityCenter,
    IamSaml,
    IamOidc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Idp {
    /// "Attribute Statements", name format "URI Reference".
    Okta,
    /// Microsoft Entra ID: "Attributes & Claims", separate name and namespace.
    Entra,
    /// The raw assertion attribute.
    Generic,
}

#[derive(Debug, Clone, Serialize)]
pub struct Produced {
    pub mode: ProduceMode,
    pub idp: Idp,
    pub identity_provider: Value,
    /// `InstanceAccessControlAttributeConfiguration`, for Identity Center.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control_attributes: Option<Value>,
    /// For the IAM modes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_policy: Option<Draft>,
    pub permission_set: Draft,
    pub notes: Vec<String>,
}

/// Name format URI (SAML 2.0 core, 8.2.2).
const URI_FORMAT: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";

/// # Errors
/// `E_ARG` and `E_ARN` for missing inputs of the mode; `E_SIZE`.
pub fn produce(
    map: &AttributeMap,
    mode: ProduceMode,
    idp: Idp,
    tagging: Tagging,
) -> Result<Produced, Unprintable> {
    let access_control = map.tags.iter().filter_map(|tag| {
        let source = format!("${{path:{}}}", tag.path.as_ref()?);
        Some(json!({"Key": tag.key, "Value": {"Source": [source]}}))
    });
    let (identity_provider, trust_policy) = match mode {
        ProduceMode::IdentityCenter => {
            let tags = map.tags.iter();
            let lines = tags.map(|tag| (format!("{ACCESS_CONTROL}{}", tag.key), tag.from.clone()));
            (saml(lines.collect(), idp), None)
        }
        ProduceMode::IamSaml => (saml(saml_lines(map)?, idp), Some(trust_saml(map)?)),
        ProduceMode::IamOidc => (claims(map), Some(trust_oidc(map)?)),
    };
    Ok(Produced {
        mode,
        idp,
        identity_provider,
        access_control_attributes: (mode == ProduceMode::IdentityCenter)
            .then(|| json!({"AccessControlAttributes": access_control.collect::<Vec<_>>()})),
        trust_policy,
        permission_set: permission_set(map, tagging)?.draft().clone(),
        notes: notes(map, mode, tagging),
    })
}

fn notes(map: &AttributeMap, mode: ProduceMode, tagging: Tagging) -> Vec<String> {
    let mut notes = vec![
        "a missing attribute makes no tag: equality with it fails closed, and every negated \
         condition on it holds"
            .to_owned(),
        "a changed attribute takes effect with the next role session, not in running ones \
         (`hallpass people sessions residual --event attribute-changed`)"
            .to_owned(),
    ];
    if mode == ProduceMode::IdentityCenter {
        notes.push("an attribute in the assertion wins over the identity store's".to_owned());
        let only = map.tags.iter().filter(|tag| tag.path.is_none());
        let only: Vec<&str> = only.map(|tag| tag.key.as_str()).collect();
        if !only.is_empty() {
            notes.push(format!("only the assertion can carry: {}", only.join(", ")));
        }
        if map.tags.iter().any(|tag| tag.transitive) {
            notes.push(
                "Identity Center has no transitive tags: `transitive` does nothing".to_owned(),
            );
        }
    }
    notes.push(match tagging {
        Tagging::Left => "creating a secret with tags also asks for secretsmanager:TagResource, \
             which is omitted because an owner could transfer a secret with it; \
             `--allow-tagging` adds it with the tags bound"
            .to_owned(),
        Tagging::Allowed => {
            "tags can be changed, those that decide only to one's own values".to_owned()
        }
    });
    notes
}

fn saml(lines: Vec<(String, String)>, idp: Idp) -> Value {
    let lines = lines.into_iter().map(|(name, from)| match idp {
        Idp::Okta => json!({"name": name, "name_format": "URI Reference", "value": from}),
        Idp::Entra => {
            let (namespace, name) = name.rsplit_once('/').unwrap_or(("", &name));
            json!({"namespace": namespace, "name": name, "name_format": "URI", "source_attribute": from})
        }
        Idp::Generic => json!({"Name": name, "NameFormat": URI_FORMAT, "value": from}),
    });
    json!({"saml_attributes": lines.collect::<Vec<_>>()})
}

fn saml_lines(map: &AttributeMap) -> Result<Vec<(String, String)>, BadInput> {
    let provider = provider(map, "saml-provider/")?;
    if map.roles.is_empty() {
        let message = "`roles` is missing: the assertion has to offer at least one role";
        return Err(BadInput::new("E_ARG", message, "/roles"));
    }
    let Some(name) = &map.session_name else {
        let message = "`session_name` is missing: IAM asks for RoleSessionName";
        return Err(BadInput::new("E_ARG", message, "/session_name"));
    };
    let mut lines: Vec<(String, String)> = map
        .roles
        .iter()
        .map(|role| (format!("{SAML}Role"), format!("{role},{provider}")))
        .collect();
    lines.push((format!("{SAML}RoleSessionName"), name.clone()));
    if let Some(from) = &map.source_identity {
        lines.push((format!("{SAML}SourceIdentity"), from.clone()));
    }
    if let Some(length) = map.session_duration {
        lines.push((
            format!("{SAML}SessionDuration"),
            length.as_seconds().to_string(),
        ));
    }
    for tag in &map.tags {
        lines.push((format!("{PRINCIPAL_TAG}{}", tag.key), tag.from.clone()));
    }
    for tag in transitive(map) {
        lines.push((format!("{SAML}TransitiveTagKeys"), tag.key.clone()));
    }
    Ok(lines)
}

fn transitive(map: &AttributeMap) -> impl Iterator<Item = &TagLine> {
    map.tags.iter().filter(|tag| tag.transitive)
}

fn claims(map: &AttributeMap) -> Value {
    let tags: serde_json::Map<String, Value> = map
        .tags
        .iter()
        .map(|tag| (tag.key.clone(), json!([tag.from])))
        .collect();
    let keys: Vec<&str> = transitive(map).map(|tag| tag.key.as_str()).collect();
    let mut claims = json!({TAGS_CLAIM: {"principal_tags": tags, "transitive_tag_keys": keys}});
    if let (Some(from), Some(claims)) = (&map.source_identity, claims.as_object_mut()) {
        claims.insert(SOURCE_CLAIM.to_owned(), json!(from));
    }
    json!({"claims": claims})
}

fn provider<'a>(map: &'a AttributeMap, kind: &str) -> Result<&'a str, BadInput> {
    let Some(provider) = map.provider.as_deref() else {
        let message = format!("`provider` is missing: the ARN of the {kind}NAME in IAM");
        return Err(BadInput::new("E_ARG", message, "/provider"));
    };
    check_arn(provider, kind, "/provider")?;
    Ok(provider)
}

/// `audience` is the required key and value of tokens.
fn trust(
    map: &AttributeMap,
    provider: &str,
    assume: &str,
    audience: (&str, &str),
) -> Result<Draft, Unprintable> {
    // tags and source identity are separate actions
    let mut actions = vec![assume, "sts:TagSession"];
    if map.source_identity.is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    let mut statement = DraftStatement::new("TrustProvider", Effect::Allow, Many::list(actions))
        .when("StringEquals", audience.0, Many::one(audience.1));
    statement.principal = Some(Some(("Federated".to_owned(), Many::one(provider))));
    statement.resources = None;
    Ok(checked(statement.into(), PolicyType::Trust)?
        .draft()
        .clone())
}

fn trust_saml(map: &AttributeMap) -> Result<Draft, Unprintable> {
    let provider = provider(map, "saml-provider/")?;
    let sign_in = match provider.split(':').nth(1) {
        Some("aws-cn") => "https://signin.amazonaws.cn/saml",
        Some("aws-us-gov") => "https://signin.amazonaws-us-gov.com/saml",
        _ => "https://signin.aws.amazon.com/saml",
    };
    trust(
        map,
        provider,
        "sts:AssumeRoleWithSAML",
        ("SAML:aud", sign_in),
    )
}

fn trust_oidc(map: &AttributeMap) -> Result<Draft, Unprintable> {
    let kind = "oidc-provider/";
    let provider = provider(map, kind)?;
    let Some(audience) = &map.audience else {
        let message = "`audience` is missing: without it every client of the provider is trusted";
        return Err(BadInput::new("E_ARG", message, "/audience").into());
    };
    let issuer = provider.split_once(kind).map_or("", |(_, issuer)| issuer);
    let key = format!("{issuer}:aud");
    trust(
        map,
        provider,
        "sts:AssumeRoleWithWebIdentity",
        (&key, audience),
    )
}
