use serde_json::Value;

use crate::table::{Member, OperationModel, ServiceModel, Shape, ShapeKind};
use crate::time::iso8601;

/// Writes the result element: `<ListUsersResult><Users><member>…`. Empty without an output shape.
/// Members in model order, times as ISO 8601 with whole seconds; omits unknown members.
pub fn json_to_query_xml(
    service: &ServiceModel,
    operation: &OperationModel,
    output: &Value,
) -> String {
    let mut out = String::new();
    let Some(shape) = service.output(operation) else {
        return out;
    };
    match &operation.wrapper {
        Some(wrapper) => element(&mut out, wrapper, |out| {
            members(service, shape, output, out);
        }),
        None => members(service, shape, output, &mut out),
    }
    out
}

pub fn query_response(
    service: &ServiceModel,
    operation: &OperationModel,
    output: &Value,
    request_id: &str,
) -> String {
    let mut out = format!("<{}Response{}>", operation.name, namespace(service));
    out.push_str(&json_to_query_xml(service, operation, output));
    element(&mut out, "ResponseMetadata", |out| {
        text_element(out, "RequestId", request_id);
    });
    out.push_str("</");
    out.push_str(&operation.name);
    out.push_str("Response>");
    out
}

/// The response to a failed call. `code` may be missing in the model, as for signature errors;
/// fault comes from the model, else from `status`.
pub fn query_error(
    service: &ServiceModel,
    code: &str,
    status: u16,
    message: &str,
    request_id: &str,
) -> String {
    let sender = service
        .error(code)
        .map_or(status < 500, |(_, facts)| facts.sender);
    let mut out = format!("<ErrorResponse{}>", namespace(service));
    element(&mut out, "Error", |out| {
        text_element(out, "Type", if sender { "Sender" } else { "Receiver" });
        text_element(out, "Code", code);
        text_element(out, "Message", message);
    });
    text_element(&mut out, "RequestId", request_id);
    out.push_str("</ErrorResponse>");
    out
}

fn namespace(service: &ServiceModel) -> String {
    let name = service.xml_namespace.as_deref();
    name.map(|name| format!(" xmlns=\"{name}\""))
        .unwrap_or_default()
}

fn members(service: &ServiceModel, shape: &Shape, value: &Value, out: &mut String) {
    for member in shape.members() {
        let inner = service.shape(&member.shape);
        if let (Some(inner), Some(value)) = (inner, value.get(member.wire())) {
            write(service, inner, Some(member), (member.wire(), value), out);
        }
    }
}

fn write(
    service: &ServiceModel,
    shape: &Shape,
    member: Option<&Member>,
    (name, value): (&str, &Value),
    out: &mut String,
) {
    let flat = member.is_some_and(|member| member.flattened);
    match (&shape.kind, value) {
        (_, Value::Null) => {}
        (ShapeKind::Structure { .. }, _) => {
            element(out, name, |out| members(service, shape, value, out));
        }
        (
            ShapeKind::List {
                element: inner,
                element_wire,
                flattened,
            },
            Value::Array(all),
        ) => {
            let Some(inner) = service.shape(inner) else {
                return;
            };
            if *flattened || flat {
                let name = element_wire.as_deref().unwrap_or(name);
                for it in all {
                    write(service, inner, None, (name, it), out);
                }
            } else {
                let step = element_wire.as_deref().unwrap_or("member");
                element(out, name, |out| {
                    for it in all {
                        write(service, inner, None, (step, it), out);
                    }
                });
            }
        }
        (ShapeKind::Map { flattened, .. }, Value::Object(all)) => {
            let step = if *flattened || flat { name } else { "entry" };
            let write_all = |out: &mut String| {
                for (key, value) in all {
                    entry(service, shape, step, (key, value), out);
                }
            };
            if *flattened || flat {
                write_all(out);
            } else {
                element(out, name, write_all);
            }
        }
        (ShapeKind::Timestamp(_), _) => {
            text_element(out, name, &iso8601(value).unwrap_or_default());
        }
        (_, Value::String(text)) => text_element(out, name, text),
        (_, other) => text_element(out, name, &other.to_string()),
    }
}

fn entry(
    service: &ServiceModel,
    map: &Shape,
    step: &str,
    (key, value): (&str, &Value),
    out: &mut String,
) {
    let ShapeKind::Map {
        value: inner,
        key_wire,
        value_wire,
        ..
    } = &map.kind
    else {
        return;
    };
    let Some(inner) = service.shape(inner) else {
        return;
    };
    element(out, step, |out| {
        text_element(out, key_wire.as_deref().unwrap_or("key"), key);
        let name = value_wire.as_deref().unwrap_or("value");
        write(service, inner, None, (name, value), out);
    });
}

fn element(out: &mut String, name: &str, content: impl FnOnce(&mut String)) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    content(out);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

fn text_element(out: &mut String, name: &str, text: &str) {
    element(out, name, |out| {
        for c in text.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                // a parser would read a bare one as a line feed
                '\r' => out.push_str("&#xD;"),
                '\t' | '\n' => out.push(c),
                // not expressible in XML 1.0
                c if c.is_control() && c < ' ' => out.push(char::REPLACEMENT_CHARACTER),
                '\u{FFFE}' | '\u{FFFF}' => out.push(char::REPLACEMENT_CHARACTER),
                c => out.push(c),
            }
        }
    });
}
