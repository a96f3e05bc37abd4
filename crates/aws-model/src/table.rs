use std::collections::HashMap;

use serde::Deserialize;

use crate::page_tokens::{Paging, told_by_names};
use crate::pattern::Pattern;

/// Version of the table format; `xtask` writes the same.
const FORMAT: u32 = 1;

#[derive(Debug)]
pub struct ServiceModel {
    pub name: String,
    pub id: String,
    pub version: String,
    /// The service's preferred protocol first.
    pub protocols: Vec<Protocol>,
    pub signing_name: String,
    pub endpoint_prefix: String,
    /// JSON protocols: `1.0` or `1.1`.
    pub json_version: Option<String>,
    /// JSON protocols: the part before the dot in `X-Amz-Target`.
    pub target_prefix: Option<String>,
    pub xml_namespace: Option<String>,
    operations: HashMap<String, OperationModel>,
    shapes: HashMap<String, Shape>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    #[serde(rename = "json")]
    Json,
    #[serde(rename = "query")]
    Query,
    #[serde(rename = "ec2")]
    Ec2,
    #[serde(rename = "rest-json")]
    RestJson,
    #[serde(rename = "rest-xml")]
    RestXml,
    #[serde(rename = "smithy-rpc-v2-cbor")]
    Cbor,
}

#[derive(Debug)]
pub struct OperationModel {
    pub name: String,
    pub method: String,
    /// Path with `{Member}` places (REST), else `/`.
    pub path: String,
    pub input: Option<String>,
    pub output: Option<String>,
    pub wrapper: Option<String>,
    pub errors: Vec<String>,
    pub unsigned: bool,
    /// With `{Member}` places: `{AccountId}.`.
    pub host_prefix: Option<String>,
    pub events: bool,
    pub page: Option<Paging>,
}

#[derive(Debug)]
pub struct Shape {
    pub name: String,
    pub kind: ShapeKind,
    /// Least value (numbers), length in characters (text), bytes (blob) or elements.
    pub min: Option<i64>,
    pub max: Option<i64>,
    /// Never in messages or logs.
    pub sensitive: bool,
}

#[derive(Debug)]
pub enum ShapeKind {
    Structure {
        members: Vec<Member>,
        /// Exactly one member is set.
        union: bool,
        /// REST: the member that is the whole body.
        payload: Option<String>,
        error: Option<ErrorFacts>,
    },
    List {
        element: String,
        element_wire: Option<String>,
        flattened: bool,
    },
    Map {
        key: String,
        value: String,
        key_wire: Option<String>,
        value_wire: Option<String>,
        flattened: bool,
    },
    Text {
        /// Must match as a whole.
        pattern: Option<Pattern>,
        /// The allowed values; empty means any.
        values: Vec<String>,
    },
    Integer,
    Long,
    Double,
    Boolean,
    Timestamp(Option<TimeFormat>),
    /// Base64 on the wire.
    Blob,
    Document,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent marks of the model, not states"
)]
pub struct Member {
    pub name: String,
    pub shape: String,
    wire: Option<String>,
    query: Option<String>,
    pub location: Option<Location>,
    #[serde(default)]
    pub required: bool,
    pub time: Option<TimeFormat>,
    #[serde(default)]
    pub flattened: bool,
    /// XML: an attribute of its structure's element.
    #[serde(default)]
    pub attribute: bool,
    /// Clients fill a missing value with a random one.
    #[serde(default)]
    pub token: bool,
    #[serde(default)]
    pub deprecated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Location {
    Uri,
    #[serde(rename = "querystring")]
    QueryString,
    Header,
    Headers,
    StatusCode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum TimeFormat {
    /// `2026-11-20T07:27:43Z`.
    #[serde(rename = "iso8601")]
    Iso8601,
    /// Seconds since 1970, with milliseconds.
    #[serde(rename = "unixTimestamp")]
    Unix,
    /// `Fri, 20 Nov 2026 07:27:43 GMT`.
    #[serde(rename = "rfc822")]
    Rfc822,
}

#[derive(Debug)]
pub struct ErrorFacts {
    /// The code on the wire: `NoSuchEntity`.
    pub code: String,
    /// HTTP status; 400 or 500 where the model names none.
    pub status: u16,
    pub sender: bool,
    pub retry: Option<Retry>,
    /// `Message` or `message`.
    pub message_member: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retry {
    Throttling,
    Transient,
}

#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("the service table cannot be read")]
    Parse(#[from] serde_json::Error),
    /// Written by another version of `xtask`.
    #[error("the service table has format {0}, not {FORMAT}")]
    Format(u32),
    #[error("shape `{shape}` has the unknown type `{kind}`")]
    Kind { shape: String, kind: String },
    #[error("shape `{0}` does not name its elements")]
    Elements(String),
}

impl ServiceModel {
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let raw: RawService = serde_json::from_str(text)?;
        if raw.format != FORMAT {
            return Err(TableError::Format(raw.format));
        }
        let mut shapes = HashMap::with_capacity(raw.shapes.len());
        for (name, shape) in raw.shapes {
            shapes.insert(name.clone(), shape.typed(name)?);
        }
        let operations = raw.operations.into_iter();
        let operations = operations
            .map(|(name, it)| {
                let mut operation = it.typed(name.clone());
                operation.page = operation.page.or_else(|| {
                    let members = |shape: &Option<String>| {
                        let shape = shape.as_ref().and_then(|it| shapes.get(it));
                        shape.map_or(&[][..], Shape::members)
                    };
                    let (input, output) = (members(&operation.input), members(&operation.output));
                    told_by_names(
                        |name| input.iter().any(|it| it.name == name),
                        |name| output.iter().any(|it| it.name == name),
                    )
                });
                (name, operation)
            })
            .collect();
        Ok(Self {
            name: raw.name,
            id: raw.id,
            version: raw.version,
            protocols: raw.protocols,
            signing_name: raw.signing,
            endpoint_prefix: raw.endpoint,
            json_version: raw.json_version,
            target_prefix: raw.target,
            xml_namespace: raw.xmlns,
            operations,
            shapes,
        })
    }

    pub fn operation(&self, name: &str) -> Option<&OperationModel> {
        self.operations.get(name)
    }

    /// The client's choice: the first protocol that is not CBOR, if any.
    pub fn protocol(&self) -> Option<Protocol> {
        let mut spoken = self.protocols.iter().copied();
        let other = spoken.find(|it| *it != Protocol::Cbor);
        other.or_else(|| self.protocols.first().copied())
    }

    pub fn operations(&self) -> impl Iterator<Item = &OperationModel> {
        self.operations.values()
    }

    pub fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }

    pub fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.shapes.values()
    }

    pub fn error(&self, name: &str) -> Option<(&Shape, &ErrorFacts)> {
        let named = self
            .shapes
            .get(name)
            .and_then(|shape| Some((shape, shape.error()?)));
        named.or_else(|| {
            let mut all = self
                .shapes
                .values()
                .filter_map(|it| Some((it, it.error()?)));
            all.find(|(_, facts)| facts.code == name)
        })
    }

    pub fn input(&self, operation: &OperationModel) -> Option<&Shape> {
        self.shape(operation.input.as_deref()?)
    }

    pub fn output(&self, operation: &OperationModel) -> Option<&Shape> {
        self.shape(operation.output.as_deref()?)
    }
}

impl Shape {
    /// REST: the member that is the whole body.
    pub fn payload(&self) -> Option<&Member> {
        match &self.kind {
            ShapeKind::Structure {
                payload: Some(payload),
                members,
                ..
            } => members.iter().find(|it| it.name == *payload),
            _ => None,
        }
    }

    pub fn members(&self) -> &[Member] {
        match &self.kind {
            ShapeKind::Structure { members, .. } => members,
            _ => &[],
        }
    }

    pub fn error(&self) -> Option<&ErrorFacts> {
        match &self.kind {
            ShapeKind::Structure { error, .. } => error.as_ref(),
            _ => None,
        }
    }
}

impl Member {
    pub fn wire(&self) -> &str {
        self.wire.as_deref().unwrap_or(&self.name)
    }

    pub fn ec2_name(&self) -> String {
        if let Some(name) = &self.query {
            return name.clone();
        }
        let mut chars = self.wire().chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawService {
    format: u32,
    name: String,
    id: String,
    version: String,
    protocols: Vec<Protocol>,
    signing: String,
    endpoint: String,
    json_version: Option<String>,
    target: Option<String>,
    xmlns: Option<String>,
    operations: HashMap<String, RawOperation>,
    shapes: HashMap<String, RawShape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOperation {
    method: Option<String>,
    path: Option<String>,
    input: Option<String>,
    output: Option<String>,
    wrapper: Option<String>,
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    unsigned: bool,
    host_prefix: Option<String>,
    #[serde(default)]
    events: bool,
    page: Option<Paging>,
}

impl RawOperation {
    fn typed(self, name: String) -> OperationModel {
        OperationModel {
            name,
            method: self.method.unwrap_or_else(|| "POST".to_owned()),
            path: self.path.unwrap_or_else(|| "/".to_owned()),
            input: self.input,
            output: self.output,
            wrapper: self.wrapper,
            errors: self.errors,
            unsigned: self.unsigned,
            host_prefix: self.host_prefix,
            events: self.events,
            page: self.page,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the JSON form; `Kind` is the typed one"
)]
struct RawShape {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    members: Vec<Member>,
    element: Option<String>,
    key: Option<String>,
    value: Option<String>,
    element_wire: Option<String>,
    key_wire: Option<String>,
    value_wire: Option<String>,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<String>,
    #[serde(default, rename = "enum")]
    values: Vec<String>,
    #[serde(default)]
    sensitive: bool,
    #[serde(default)]
    flattened: bool,
    #[serde(default)]
    union: bool,
    #[serde(default)]
    document: bool,
    payload: Option<String>,
    time: Option<TimeFormat>,
    error: Option<RawError>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawError {
    code: Option<String>,
    status: Option<u16>,
    sender: bool,
    retry: Option<Retry>,
}

impl RawShape {
    fn typed(self, name: String) -> Result<Shape, TableError> {
        let (min, max, sensitive) = (self.min, self.max, self.sensitive);
        let kind = self.typed_kind(&name)?;
        Ok(Shape {
            name,
            kind,
            min,
            max,
            sensitive,
        })
    }

    fn typed_kind(self, name: &str) -> Result<ShapeKind, TableError> {
        let lost = || TableError::Elements(name.to_owned());
        Ok(match self.kind.as_str() {
            "structure" if self.document => ShapeKind::Document,
            "structure" => ShapeKind::Structure {
                error: self.error.map(|error| error.typed(name, &self.members)),
                members: self.members,
                union: self.union,
                payload: self.payload,
            },
            "list" => ShapeKind::List {
                element: self.element.ok_or_else(lost)?,
                element_wire: self.element_wire,
                flattened: self.flattened,
            },
            "map" => ShapeKind::Map {
                key: self.key.ok_or_else(lost)?,
                value: self.value.ok_or_else(lost)?,
                key_wire: self.key_wire,
                value_wire: self.value_wire,
                flattened: self.flattened,
            },
            "string" | "character" => ShapeKind::Text {
                pattern: self.pattern.map(Pattern::new),
                values: self.values,
            },
            "integer" => ShapeKind::Integer,
            "long" => ShapeKind::Long,
            "float" | "double" => ShapeKind::Double,
            "boolean" => ShapeKind::Boolean,
            "timestamp" => ShapeKind::Timestamp(self.time),
            "blob" => ShapeKind::Blob,
            kind => {
                return Err(TableError::Kind {
                    shape: name.to_owned(),
                    kind: kind.to_owned(),
                });
            }
        })
    }
}

impl RawError {
    fn typed(self, shape: &str, members: &[Member]) -> ErrorFacts {
        let message = members
            .iter()
            .find(|it| it.name.eq_ignore_ascii_case("message"));
        ErrorFacts {
            code: self.code.unwrap_or_else(|| shape.to_owned()),
            status: self.status.unwrap_or(if self.sender { 400 } else { 500 }),
            sender: self.sender,
            retry: self.retry,
            message_member: message.map(|it| it.wire().to_owned()),
        }
    }
}
