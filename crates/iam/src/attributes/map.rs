use hallpass_aws_model::facts;
use hallpass_base::TimeSpan;
use serde::Deserialize;

use super::{KEY_MAX, TAGS_MAX, is_tag_char};
use crate::input::BadInput;
use crate::language::json::line_and_column;

/// Identity store attributes for `${path:…}` (IAM Identity Center, "Attribute mappings"). SCIM does
/// not carry custom ones: they must be in the assertion.
const PATHS: &[&str] = &[
    "userName",
    "name.givenName",
    "name.familyName",
    "name.formatted",
    "name.middleName",
    "displayName",
    "nickName",
    "emails[primary eq true].value",
    "addresses[type eq \"work\"].streetAddress",
    "addresses[type eq \"work\"].locality",
    "addresses[type eq \"work\"].region",
    "addresses[type eq \"work\"].postalCode",
    "addresses[type eq \"work\"].country",
    "phoneNumbers[type eq \"work\"].value",
    "userType",
    "title",
    "preferredLanguage",
    "locale",
    "timezone",
    "enterprise.employeeNumber",
    "enterprise.costCenter",
    "enterprise.organization",
    "enterprise.division",
    "enterprise.department",
    "enterprise.manager.value",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeMap {
    pub provider: Option<String>,
    /// OIDC client of the tokens.
    pub audience: Option<String>,
    pub roles: Vec<String>,
    pub session_name: Option<String>,
    pub source_identity: Option<String>,
    /// IAM session duration: 15 minutes to 12 hours.
    pub session_duration: Option<TimeSpan>,
    /// Additional keys allowed on a new secret.
    pub other_tag_keys: Vec<String>,
    pub tags: Vec<TagLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagLine {
    pub key: String,
    pub from: String,
    /// Identity store attribute; `None`: assertions only.
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    pub transitive: bool,
    /// Whether resources need a matching tag.
    #[serde(default = "yes")]
    pub on_resources: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    provider: Option<String>,
    audience: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    session_name: Option<String>,
    source_identity: Option<String>,
    session_duration: Option<String>,
    #[serde(default)]
    other_tag_keys: Vec<String>,
    #[serde(default)]
    tag: Vec<TagLine>,
}

impl AttributeMap {
    /// # Errors
    /// `E_TOML`, `E_TAG`, `E_DUP_TAG`, `E_LIMIT`, `E_PATH`, `E_DURATION`, `E_ARN`; `E_ARG` without
    /// a tag.
    pub fn parse(text: &str) -> Result<Self, BadInput> {
        let file: File = toml::from_str(text).map_err(|error| {
            let place = error.span().map(|span| {
                let (line, column) = line_and_column(text, span.start);
                format!("{line}:{column}")
            });
            let message = error
                .message()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            BadInput::new("E_TOML", message, place.unwrap_or_default())
        })?;
        let duration = file.session_duration.as_deref();
        let duration = duration.map(|text| crate::residual::span(text, "/session_duration"));
        let map = Self {
            provider: file.provider,
            audience: file.audience,
            roles: file.roles,
            session_name: file.session_name,
            source_identity: file.source_identity,
            session_duration: duration.transpose()?,
            other_tag_keys: file.other_tag_keys,
            tags: file.tag,
        };
        map.check()?;
        Ok(map)
    }

    fn check(&self) -> Result<(), BadInput> {
        if self.tags.is_empty() {
            return Err(BadInput::new("E_ARG", "the map has no `[[tag]]`", "/tag"));
        }
        if self.tags.len() > TAGS_MAX {
            let message = format!("{} tags are more than {TAGS_MAX}", self.tags.len());
            return Err(BadInput::new("E_LIMIT", message, "/tag"));
        }
        for (number, tag) in self.tags.iter().enumerate() {
            let at = |key: &str| format!("/tag/{number}/{key}");
            check_key(&tag.key, &at("key"))?;
            let earlier = self.tags.iter().take(number);
            if let Some(other) = earlier.into_iter().find(|it| same_key(&it.key, &tag.key)) {
                let message = format!("`{}` and `{}` are one key", other.key, tag.key);
                return Err(BadInput::new("E_DUP_TAG", message, at("key")));
            }
            let path = tag.path.as_deref();
            if let Some(path) = path.filter(|path| !PATHS.contains(path)) {
                let message = format!(
                    "the identity store has no `{path}`: leave `path` out and send the attribute \
                     in the assertion"
                );
                return Err(BadInput::new("E_PATH", message, at("path")));
            }
        }
        if let Some(length) = self.session_duration {
            check_duration(length.as_seconds(), "/session_duration")?;
        }
        for (number, role) in self.roles.iter().enumerate() {
            check_arn(role, "role/", &format!("/roles/{number}"))?;
        }
        for (number, key) in self.other_tag_keys.iter().enumerate() {
            check_key(key, &format!("/other_tag_keys/{number}"))?;
        }
        Ok(())
    }

    /// Case-insensitive.
    pub fn tag(&self, key: &str) -> Option<&TagLine> {
        self.tags.iter().find(|tag| same_key(&tag.key, key))
    }
}

/// Session tag keys ignore case.
pub(super) fn same_key(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// # Errors
/// `E_TAG` for a key that STS refuses.
pub(super) fn check_key(key: &str, pointer: &str) -> Result<(), BadInput> {
    let length = key.chars().count();
    let why = if length == 0 || length > KEY_MAX {
        format!("has {length} characters, not 1 to {KEY_MAX}")
    } else if key.to_lowercase().starts_with("aws:") {
        "begins with `aws:`, which is AWS's own".to_owned()
    } else if let Some(c) = key.chars().find(|c| !is_tag_char(*c)) {
        format!("holds {c:?}: letters, digits, space and _ . : / = + - @ are taken")
    } else {
        return Ok(());
    };
    Err(BadInput::new(
        "E_TAG",
        format!("the key `{key}` {why}"),
        pointer,
    ))
}

/// # Errors
/// `E_DURATION` outside STS's range.
pub(super) fn check_duration(seconds: u64, pointer: &str) -> Result<(), BadInput> {
    let least = u64::from(facts::SESSION_SECONDS_LEAST.value);
    let most = u64::from(facts::SESSION_HOURS.value) * 3_600;
    if (least..=most).contains(&seconds) {
        return Ok(());
    }
    let message = format!("a session lasts {least} to {most} seconds, not {seconds}");
    Err(BadInput::new("E_DURATION", message, pointer))
}

/// # Errors
/// `E_ARN` unless an IAM ARN of this resource type.
pub(super) fn check_arn(arn: &str, resource: &str, pointer: &str) -> Result<(), BadInput> {
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (scheme, partition, service, region, account, name) =
        (next(), next(), next(), next(), next(), next());
    let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let named = name.strip_prefix(resource).is_some_and(|it| !it.is_empty());
    let known = ["aws", "aws-cn", "aws-us-gov"].contains(&partition);
    if scheme == "arn" && known && service == "iam" && region.is_empty() && digits && named {
        return Ok(());
    }
    let message = format!("`{arn}` is no ARN of the form arn:aws:iam::ACCOUNT:{resource}NAME");
    Err(BadInput::new("E_ARN", message, pointer))
}
