//! Parses a SAML assertion, or OIDC claims.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use serde_json::Value;

use super::{SOURCE_CLAIM, TAGS_CLAIM};
use crate::input::BadInput;

/// Bytes. STS accepts a hundred thousand characters.
const BYTES_MAX: usize = 1024 * 1024;

/// Signature not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assertion {
    /// Ordered SAML attributes with values.
    Saml(Vec<(String, Vec<String>)>),
    Oidc {
        /// `principal_tags`
        tags: Vec<(String, Vec<String>)>,
        /// `transitive_tag_keys`
        transitive: Vec<String>,
        /// `https://aws.amazon.com/source_identity`
        source_identity: Option<String>,
    },
}

impl Assertion {
    /// Parses XML (also Base64, as browsers send it), a JSON object of claims, or a three-part
    /// token. Does not verify signatures: for inspection only.
    ///
    /// # Errors
    /// `E_ASSERTION` for other text, `E_LIMIT` if too large.
    pub fn parse(text: &str) -> Result<Self, BadInput> {
        if text.len() > BYTES_MAX {
            let message = format!("an assertion of more than {BYTES_MAX} bytes");
            return Err(BadInput::new("E_LIMIT", message, ""));
        }
        let text = text.trim().trim_start_matches('\u{feff}');
        if text.starts_with('<') {
            return saml(text);
        }
        if text.starts_with('{') {
            return oidc(text);
        }
        let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let mut parts = packed.split('.');
        if let (Some(_), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        {
            let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok();
            let claims = claims.and_then(|bytes| String::from_utf8(bytes).ok());
            return oidc(&claims.ok_or_else(neither)?);
        }
        let decoded = STANDARD.decode(&packed).ok();
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        saml(decoded.ok_or_else(neither)?.trim())
    }
}

fn neither() -> BadInput {
    let message = "neither a SAML assertion (XML, or Base64 of it) nor OIDC claims (JSON, or a \
                   token of three parts)";
    BadInput::new("E_ASSERTION", message, "")
}

fn oidc(text: &str) -> Result<Assertion, BadInput> {
    let bad = |message: String, pointer: &str| BadInput::new("E_ASSERTION", message, pointer);
    let claims: Value = serde_json::from_str(text)
        .map_err(|error| bad(format!("the claims are not JSON: {error}"), ""))?;
    let place = format!("/{}", TAGS_CLAIM.replace('/', "~1"));
    let at = |claim: Option<&Value>| match claim {
        None => Vec::new(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => {
            let texts = items.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        Some(other) => vec![other.to_string()],
    };
    let mut tags = Vec::new();
    if let Some(claim) = claims.get(TAGS_CLAIM) {
        let listed = claim.get("principal_tags").and_then(Value::as_object);
        let Some(listed) = listed else {
            let message = "the claim has no `principal_tags`, an object of lists".to_owned();
            return Err(bad(message, &place));
        };
        for (key, values) in listed {
            if !values.is_array() {
                let message = format!("`{key}` is no list: write [\"value\"]");
                return Err(bad(message, &format!("{place}/principal_tags")));
            }
            tags.push((key.clone(), at(Some(values))));
        }
    }
    let transitive = claims
        .get(TAGS_CLAIM)
        .and_then(|it| it.get("transitive_tag_keys"));
    let source = claims.get(SOURCE_CLAIM).and_then(Value::as_str);
    Ok(Assertion::Oidc {
        tags,
        transitive: at(transitive),
        source_identity: source.map(str::to_owned),
    })
}

/// Text counts only inside an `AttributeValue`.
#[derive(Default)]
struct AttributesFound {
    attributes: Vec<(String, Vec<String>)>,
    value: Option<String>,
}

fn saml(text: &str) -> Result<Assertion, BadInput> {
    let mut reader = Reader::from_str(text);
    let mut found = AttributesFound::default();
    let mut seen_root = false;
    loop {
        let place = reader.buffer_position();
        let bad = |message: String| BadInput::new("E_ASSERTION", message, format!("byte {place}"));
        let event = reader
            .read_event()
            .map_err(|error| bad(format!("the assertion is not XML: {error}")))?;
        match event {
            Event::Start(start) => {
                seen_root = true;
                found.begin(&start).map_err(bad)?;
            }
            Event::Empty(start) => {
                seen_root = true;
                found.begin(&start).map_err(bad)?;
                found.end(start.local_name().as_ref());
            }
            Event::End(end) => found.end(end.local_name().as_ref()),
            Event::Text(text) => found.say(&text.xml10_content()),
            Event::CData(text) => found.say(&text.xml10_content()),
            Event::GeneralRef(name) => {
                let c = character(&name);
                found.say(&c.ok_or_else(|| bad("an entity that XML does not have".to_owned()))?);
            }
            // custom entities do not belong in an assertion
            Event::DocType(_) => return Err(bad("a document type is not taken".to_owned())),
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    if seen_root {
        Ok(Assertion::Saml(found.attributes))
    } else {
        Err(neither())
    }
}

fn character(name: &BytesRef<'_>) -> Option<String> {
    if name.is_char_ref() {
        return name.resolve_char_ref().ok().flatten().map(String::from);
    }
    let text: &str = name;
    let c = match text {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    };
    Some(c.to_string())
}

impl AttributesFound {
    fn begin(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        match start.local_name().as_ref() {
            "Attribute" => {
                let name = start
                    .attributes()
                    .flatten()
                    .find(|it| it.key.as_ref() == "Name");
                let name = name.ok_or("an Attribute without a Name")?;
                let name = name
                    .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                    .map_err(|error| error.to_string())?;
                self.attributes.push((name.into_owned(), Vec::new()));
            }
            "AttributeValue" => self.value = Some(String::new()),
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, text: &str) {
        if let Some(value) = &mut self.value {
            value.push_str(text);
        }
    }

    fn end(&mut self, name: &str) {
        if name == "AttributeValue"
            && let (Some(value), Some((_, values))) =
                (self.value.take(), self.attributes.last_mut())
        {
            values.push(value);
        }
    }
}
