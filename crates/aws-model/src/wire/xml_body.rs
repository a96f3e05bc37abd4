//! XML request bodies (`inventory.md` F-1), for S3, S3 Control, Route 53 and `CloudFront`.

use std::fmt::{Arguments, Write as _};

use crate::{Member, ServiceModel, Shape, ShapeKind, TimeFormat};
use serde_json::{Map, Value};

use crate::wire::json;
use crate::wire::plain::text;

const NAMESPACES: [(&str, &str); 4] = [
    (
        "cloudfront",
        "http://cloudfront.amazonaws.com/doc/2020-05-31/",
    ),
    ("route53", "https://route53.amazonaws.com/doc/2013-04-01/"),
    ("s3", "http://s3.amazonaws.com/doc/2006-03-01/"),
    (
        "s3control",
        "http://awss3control.amazonaws.com/doc/2018-08-20/",
    ),
];
/// For `xsi:type`.
const INSTANCES: &str = "http://www.w3.org/2001/XMLSchema-instance";

pub(crate) fn namespace(service: &str) -> Option<&'static str> {
    let found = NAMESPACES.iter().find(|(name, _)| *name == service);
    found.map(|(_, namespace)| *namespace)
}

pub(crate) fn document<'a>(
    service: &ServiceModel,
    root: &str,
    namespace: &str,
    members: impl Iterator<Item = &'a Member>,
    all: &Map<String, Value>,
) -> Vec<u8> {
    let mut out = format!("<{root} xmlns=\"{}\"", escaped(namespace));
    inside(service, root, members, all, &mut out);
    out.into_bytes()
}

fn inside<'a>(
    service: &ServiceModel,
    name: &str,
    members: impl Iterator<Item = &'a Member>,
    all: &Map<String, Value>,
    out: &mut String,
) {
    let given = |member: &&Member| all.get(&member.name).is_some_and(|it| !it.is_null());
    let (attributes, elements): (Vec<&Member>, Vec<&Member>) =
        members.filter(given).partition(|it| it.attribute);
    for member in attributes {
        if member.wire().starts_with("xsi:") {
            put(out, format_args!(" xmlns:xsi=\"{INSTANCES}\""));
        }
        let value = all.get(&member.name).map(text).unwrap_or_default();
        put(
            out,
            format_args!(" {}=\"{}\"", member.wire(), escaped(&value)),
        );
    }
    out.push('>');
    for member in elements {
        if let (Some(shape), Some(value)) = (service.shape(&member.shape), all.get(&member.name)) {
            element(service, member.wire(), (shape, Some(member)), value, out);
        }
    }
    put(out, format_args!("</{name}>"));
}

fn element(
    service: &ServiceModel,
    name: &str,
    (shape, member): (&Shape, Option<&Member>),
    value: &Value,
    out: &mut String,
) {
    let flat = member.is_some_and(|it| it.flattened);
    match (&shape.kind, value) {
        (ShapeKind::Structure { members, .. }, Value::Object(all)) => {
            put(out, format_args!("<{name}"));
            let in_body = members.iter().filter(|it| it.location.is_none());
            inside(service, name, in_body, all, out);
        }
        (
            ShapeKind::List {
                element: of,
                element_wire,
                flattened,
            },
            Value::Array(items),
        ) => {
            let Some(inner) = service.shape(of) else {
                return;
            };
            let is_flat = flat || *flattened;
            let each = match element_wire {
                _ if is_flat => name,
                Some(wire) => wire,
                None => "member",
            };
            within(name, is_flat, out, |out| {
                for item in items {
                    element(service, each, (inner, None), item, out);
                }
            });
        }
        (
            ShapeKind::Map {
                key,
                value: of,
                key_wire,
                value_wire,
                flattened,
            },
            Value::Object(all),
        ) => {
            let (Some(key), Some(of)) = (service.shape(key), service.shape(of)) else {
                return;
            };
            let is_flat = flat || *flattened;
            let key = (key_wire.as_deref().unwrap_or("key"), key);
            let of = (value_wire.as_deref().unwrap_or("value"), of);
            within(name, is_flat, out, |out| {
                let entry = if is_flat { name } else { "entry" };
                entries(service, entry, (key, of), all, out);
            });
        }
        (ShapeKind::Timestamp(own), _) => {
            let format = member.and_then(|it| it.time).or(*own);
            let at = json::instant(value, format.unwrap_or(TimeFormat::Iso8601));
            leaf(name, &at, out);
        }
        _ => leaf(name, value, out),
    }
}

fn leaf(name: &str, value: &Value, out: &mut String) {
    let text = text(value);
    put(out, format_args!("<{name}>{}</{name}>", escaped(&text)));
}

fn entries(
    service: &ServiceModel,
    entry: &str,
    (key, of): ((&str, &Shape), (&str, &Shape)),
    all: &Map<String, Value>,
    out: &mut String,
) {
    for (name, value) in all {
        within(entry, false, out, |out| {
            let name = Value::from(name.as_str());
            element(service, key.0, (key.1, None), &name, out);
            element(service, of.0, (of.1, None), value, out);
        });
    }
}

/// Wraps non-empty content in tags.
fn within(name: &str, is_flat: bool, out: &mut String, write: impl FnOnce(&mut String)) {
    if !is_flat {
        put(out, format_args!("<{name}>"));
    }
    write(out);
    if !is_flat {
        put(out, format_args!("</{name}>"));
    }
}

fn put(out: &mut String, text: Arguments<'_>) {
    // writing to a `String` cannot fail
    let _ = out.write_fmt(text);
}

/// Preserves line ends.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            '\n' => out.push_str("&#xA;"),
            c => out.push(c),
        }
    }
    out
}
