//! A connection event as Client VPN sends it; what is unknown in it is passed over.

use serde_json::Value;

/// The largest event that is read, in bytes.
pub(super) const EVENT_BYTES_MAX: usize = 64 * 1024;

/// The version of event and response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Schema {
    /// The first; its message has a name of its own.
    #[default]
    V1,
    /// With groups.
    V2,
    /// As v2, with the AWS client's version.
    V3,
}

impl Schema {
    /// Reads `v1`, `v2` or `v3`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "v1" => Some(Self::V1),
            "v2" => Some(Self::V2),
            "v3" => Some(Self::V3),
            _ => None,
        }
    }

    /// As it stands in events and responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }
}

/// What the handler looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// `connection-id`
    pub connection: String,
    /// `endpoint-id`
    pub endpoint: String,
    /// `username`; empty with mutual authentication.
    pub user: String,
    /// `common-name`
    pub common_name: String,
    /// `groups`, from a list or from text parted by commas.
    pub groups: Vec<String>,
    /// `public-ip` as it was sent; `None` when it is missing or no text.
    pub public_ip: Option<String>,
    /// `schema-version`; `None` when missing or unknown.
    pub schema: Option<Schema>,
}

impl Event {
    /// Reads an event; `None` when the text is no JSON object or too large.
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
