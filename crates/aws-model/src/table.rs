//! The typed form of one service table, and how the committed JSON becomes it.

use std::collections::HashMap;

use serde::Deserialize;

use crate::page_tokens::{Paging, told_by_names};
use crate::pattern::Pattern;

/// Version of the table format this crate reads; `xtask` writes the same.
const FORMAT: u32 = 1;

/// One AWS service: how it is spoken to and what it offers.
#[derive(Debug)]
pub struct ServiceModel {
    /// Name of the table, as in botocore and the AWS CLI: `sso-admin`.
    pub name: String,
    /// Service id of the model: `SSO Admin`.
    pub id: String,
    /// API version, a date: `2020-07-20`; the `Version` of a Query form.
    pub version: String,
    /// Wire protocols, the service's favourite first.
    pub protocols: Vec<Protocol>,
    /// Service part of the credential scope: `sso`.
    pub signing_name: String,
    /// First label of the endpoint's host name.
    pub endpoint_prefix: String,
    /// JSON protocols: `1.0` or `1.1`.
    pub json_version: Option<String>,
    /// JSON protocols: what stands before the dot in `X-Amz-Target`.
    pub target_prefix: Option<String>,
    /// XML protocols: namespace of the answer.
    pub xml_namespace: Option<String>,
    operations: HashMap<String, OperationModel>,
    shapes: HashMap<String, Shape>,
}

/// How requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// JSON bodies, the operation in `X-Amz-Target`.
    #[serde(rename = "json")]
    Json,
    /// Form in, XML out.
    #[serde(rename = "query")]
    Query,
    /// The Query dialect of EC2.
    #[serde(rename = "ec2")]
    Ec2,
    /// JSON bodies, the operation in method and path.
    #[serde(rename = "rest-json")]
    RestJson,
    /// XML bodies, the operation in method and path.
    #[serde(rename = "rest-xml")]
    RestXml,
    /// CBOR bodies.
    #[serde(rename = "smithy-rpc-v2-cbor")]
    Cbor,
}

/// One operation of a service.
#[derive(Debug)]
pub struct OperationModel {
    /// Name: `ListPermissionSets`.
    pub name: String,
    /// HTTP method.
    pub method: String,
    /// Path with `{Member}` places (REST), else `/`.
    pub path: String,
    /// Name of the input shape.
    pub input: Option<String>,
    /// Name of the output shape; none means an answer without a body.
    pub output: Option<String>,
    /// Query: the element around the result, `ListUsersResult`.
    pub wrapper: Option<String>,
    /// Names of the error shapes it may answer.
    pub errors: Vec<String>,
    /// The request carries no signature.
    pub unsigned: bool,
    /// What stands before the host name, with `{Member}` places: `{AccountId}.`.
    pub host_prefix: Option<String>,
    /// It answers with a stream of events, which never is one document.
    pub events: bool,
    /// How it is paged, where it is.
    pub page: Option<Paging>,
}

/// One named type.
#[derive(Debug)]
pub struct Shape {
    /// Its name in the model.
    pub name: String,
    /// What it is.
    pub kind: ShapeKind,
    /// Least value (numbers), length in characters (text), bytes (blob) or elements.
    pub min: Option<i64>,
    /// Greatest value or length, as `min`.
    pub max: Option<i64>,
    /// Never shown in messages or logs.
    pub sensitive: bool,
}

/// The types of the model.
#[derive(Debug)]
pub enum ShapeKind {
    /// Named members.
    Structure {
        /// In the order of the model.
        members: Vec<Member>,
        /// Exactly one member is set.
        union: bool,
        /// REST: the member that is the whole body, where one is.
        payload: Option<String>,
        /// Set on shapes that are errors.
        error: Option<ErrorFacts>,
    },
    /// A sequence.
    List {
        /// Shape of the elements.
        element: String,
        /// Wire name of an element where it is not `member`.
        element_wire: Option<String>,
        /// Elements stand directly under the list's name.
        flattened: bool,
    },
    /// Names and values.
    Map {
        /// Shape of the keys.
        key: String,
        /// Shape of the values.
        value: String,
        /// Wire name of a key where it is not `key`.
        key_wire: Option<String>,
        /// Wire name of a value where it is not `value`.
        value_wire: Option<String>,
        /// Entries stand directly under the map's name.
        flattened: bool,
    },
    /// Text.
    Text {
        /// Must match as a whole.
        pattern: Option<Pattern>,
        /// The allowed values; empty means any.
        values: Vec<String>,
    },
    /// 32 bits, signed.
    Integer,
    /// 64 bits, signed.
    Long,
    /// A number with a fraction.
    Double,
    /// True or false.
    Boolean,
    /// An instant; the format only where the model names one.
    Timestamp(Option<TimeFormat>),
    /// Bytes, base64 on the wire.
    Blob,
    /// Any JSON.
    Document,
}

/// One member of a structure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent marks of the model, not states"
)]
pub struct Member {
    /// Name in the model and, without `wire`, on the wire.
    pub name: String,
    /// Name of its shape.
    pub shape: String,
    wire: Option<String>,
    query: Option<String>,
    /// REST: where it stands, if not in the body.
    pub location: Option<Location>,
    /// Must be present.
    #[serde(default)]
    pub required: bool,
    /// Format of this timestamp, where the model names one here.
    pub time: Option<TimeFormat>,
    /// This list or map is written flattened.
    #[serde(default)]
    pub flattened: bool,
    /// XML: it is an attribute of its structure's element.
    #[serde(default)]
    pub attribute: bool,
    /// Clients fill it in with a random value when it is left out.
    #[serde(default)]
    pub token: bool,
    /// AWS advises against it.
    #[serde(default)]
    pub deprecated: bool,
}

/// Where a REST member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Location {
    /// In the path.
    Uri,
    /// In the query string.
    #[serde(rename = "querystring")]
    QueryString,
    /// In one header.
    Header,
    /// In all headers with a prefix.
    Headers,
    /// The HTTP status.
    StatusCode,
}

/// How an instant is written.
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

/// What the model says about an error.
#[derive(Debug)]
pub struct ErrorFacts {
    /// The code on the wire: `NoSuchEntity`.
    pub code: String,
    /// HTTP status; 400 or 500 where the model names none.
    pub status: u16,
    /// The caller's fault, not the service's.
    pub sender: bool,
    /// Whether clients may try again.
    pub retry: Option<Retry>,
    /// How the message member is spelled: `Message` or `message`.
    pub message_member: Option<String>,
}

/// Why an error may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retry {
    /// Too many calls.
    Throttling,
    /// A passing failure of the service.
    Transient,
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not JSON, or not of our form.
    #[error("the service table cannot be read")]
    Parse(#[from] serde_json::Error),
    /// Written by another version of `xtask`.
    #[error("the service table has format {0}, not {FORMAT}")]
    Format(u32),
    /// A type this crate does not know.
    #[error("shape `{shape}` has the unknown type `{kind}`")]
    Kind {
        /// The shape.
        shape: String,
        /// Its type.
        kind: String,
    },
    /// A list or map that does not say of what.
    #[error("shape `{0}` does not name its elements")]
    Elements(String),
}

impl ServiceModel {
    /// Reads one table.
    ///
    /// # Errors
    /// The text is not a table of this format.
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

    /// The operation of that name.
    pub fn operation(&self, name: &str) -> Option<&OperationModel> {
        self.operations.get(name)
    }

    /// How we speak to it: the first of its protocols that is not CBOR, where it has another.
    pub fn protocol(&self) -> Option<Protocol> {
        let mut spoken = self.protocols.iter().copied();
        let other = spoken.find(|it| *it != Protocol::Cbor);
        other.or_else(|| self.protocols.first().copied())
    }

    /// Every operation, in no particular order.
    pub fn operations(&self) -> impl Iterator<Item = &OperationModel> {
        self.operations.values()
    }

    /// The shape of that name.
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }

    /// Every shape, in no particular order.
    pub fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.shapes.values()
    }

    /// The error shape of that name (`NoSuchEntityException`) or wire code (`NoSuchEntity`).
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

    /// The shape of the operation's input; none where it takes nothing.
    pub fn input(&self, operation: &OperationModel) -> Option<&Shape> {
        self.shape(operation.input.as_deref()?)
    }

    /// The shape of the operation's output; none where it answers nothing.
    pub fn output(&self, operation: &OperationModel) -> Option<&Shape> {
        self.shape(operation.output.as_deref()?)
    }
}

impl Shape {
    /// REST: the member that is the whole body, where one is.
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

    /// The members of a structure; nothing for any other kind.
    pub fn members(&self) -> &[Member] {
        match &self.kind {
            ShapeKind::Structure { members, .. } => members,
            _ => &[],
        }
    }

    /// What the model says of this error; none where it is not one.
    pub fn error(&self) -> Option<&ErrorFacts> {
        match &self.kind {
            ShapeKind::Structure { error, .. } => error.as_ref(),
            _ => None,
        }
    }
}

impl Member {
    /// The name on the wire.
    pub fn wire(&self) -> &str {
        self.wire.as_deref().unwrap_or(&self.name)
    }

    /// The name in a form of EC2, which begins with a capital.
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
