//! Parses a Client VPN connection event; unknown fields are ignored.

use serde_json::Value;

pub(super) const EVENT_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Schema {
    #[default]
    V1,
    V2,
    V3,
}

impl Schema {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "v1" => Some(Self::V1),
            "v2" => Some(Self::V2),
            "v3" => Some(Self::V3),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    pub connection: String,
    pub endpoint: String,
    /// `username`; empty with mutual authentication.
    pub user: String,
    pub common_name: String,
    /// `groups`, a list or comma-separated text.
    pub groups: Vec<String>,
    /// `public-ip` as sent; `None` if missing or no text.
    pub public_ip: Option<String>,
    /// `schema-version`; `None` if missing or unknown.
    pub schema: Option<Schema>,
}

impl Event {
    /// Returns `None` if the text is no JSON object or too large.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > EVENT_BYTES_MAX {
            return None;
        }
        let value: Value = serde_json::from_str(text).ok()?;
        let value = value.as_object()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let plain = |key: &str| text(key).unwrap_or_default().to_owned();
        Some(Self {
            connection: plain("connection-id"),
            endpoint: plain("endpoint-id"),
            user: plain("username"),
            common_name: plain("common-name"),
            groups: groups(value.get("groups")),
            public_ip: text("public-ip").map(str::to_owned),
            schema: text("schema-version").and_then(Schema::parse),
        })
    }
}

fn groups(value: Option<&Value>) -> Vec<String> {
    let named = |text: &str| {
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    match value {
        Some(Value::String(text)) => text.split(',').filter_map(named).collect(),
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .filter_map(named)
            .collect(),
        _ => Vec::new(),
    }
}
