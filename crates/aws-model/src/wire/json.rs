use crate::{Member, ServiceModel, Shape, ShapeKind, TimeFormat};
use jiff::Timestamp;
use jiff::fmt::strtime;
use serde_json::{Map, Value};

const DEPTH_MAX: usize = 64;

pub(crate) fn to_wire(
    service: &ServiceModel,
    shape: &Shape,
    member: Option<&Member>,
    value: &Value,
) -> Value {
    match (&shape.kind, value) {
        (ShapeKind::Structure { members, .. }, Value::Object(all)) => {
            members_to_wire(service, members, all)
        }
        (ShapeKind::List { element, .. }, Value::Array(all)) => match service.shape(element) {
            Some(inner) => all
                .iter()
                .map(|it| to_wire(service, inner, None, it))
                .collect(),
            None => value.clone(),
        },
        (ShapeKind::Map { value: of, .. }, Value::Object(all)) => match service.shape(of) {
            Some(inner) => all
                .iter()
                .map(|(name, it)| (name.clone(), to_wire(service, inner, None, it)))
                .collect::<Map<_, _>>()
                .into(),
            None => value.clone(),
        },
        (ShapeKind::Timestamp(own), _) => {
            let format = member.and_then(|it| it.time).or(*own);
            instant(value, format.unwrap_or(TimeFormat::Unix))
        }
        _ => value.clone(),
    }
}

pub(crate) fn members_to_wire<'a>(
    service: &ServiceModel,
    members: impl IntoIterator<Item = &'a Member>,
    all: &Map<String, Value>,
) -> Value {
    let mut out = Map::new();
    for member in members {
        let value = all.get(&member.name).filter(|it| !it.is_null());
        if let (Some(value), Some(inner)) = (value, service.shape(&member.shape)) {
            let value = to_wire(service, inner, Some(member), value);
            out.insert(member.wire().to_owned(), value);
        }
    }
    Value::Object(out)
}

/// An input's instant in a wire format.
pub(crate) fn instant(value: &Value, format: TimeFormat) -> Value {
    let at: Option<Timestamp> = match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_f64().and_then(of_seconds),
        _ => None,
    };
    let Some(at) = at else { return value.clone() };
    match format {
        TimeFormat::Unix if at.subsec_nanosecond() == 0 => Value::from(at.as_second()),
        TimeFormat::Unix => Value::from(at.as_duration().as_secs_f64()),
        TimeFormat::Iso8601 => Value::from(shown(at)),
        TimeFormat::Rfc822 => Value::from(at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()),
    }
}

fn of_seconds(seconds: f64) -> Option<Timestamp> {
    let parts = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    // AWS uses milliseconds; binary fractions are inexact
    let whole = (parts.as_micros() + 500).div_euclid(1000);
    Timestamp::from_millisecond(i64::try_from(whole).ok()?).ok()
}

fn shown(at: Timestamp) -> String {
    at.to_string()
}

/// An answer in model names; omits unknown members and `null`. Instants become text.
pub(crate) fn from_wire(
    service: &ServiceModel,
    shape: &Shape,
    value: &Value,
    depth: usize,
) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match (&shape.kind, value) {
        (_, Value::Null) => return None,
        (ShapeKind::Structure { members, .. }, Value::Object(all)) => {
            let mut out = Map::new();
            for member in members.iter().filter(|it| it.location.is_none()) {
                let inner = service.shape(&member.shape);
                if let (Some(inner), Some(value)) = (inner, all.get(member.wire()))
                    && let Some(value) = from_wire(service, inner, value, depth + 1)
                {
                    out.insert(member.name.clone(), value);
                }
            }
            Value::Object(out)
        }
        (ShapeKind::List { element, .. }, Value::Array(all)) => {
            let inner = service.shape(element)?;
            // list positions matter, so `null` stays
            let each = all
                .iter()
                .map(|it| from_wire(service, inner, it, depth + 1).unwrap_or(Value::Null));
            each.collect()
        }
        (ShapeKind::Map { value: of, .. }, Value::Object(all)) => {
            let inner = service.shape(of)?;
            let each = all.iter().filter_map(|(name, it)| {
                Some((name.clone(), from_wire(service, inner, it, depth + 1)?))
            });
            each.collect::<Map<_, _>>().into()
        }
        (ShapeKind::Timestamp(_), Value::Number(number)) => number
            .as_f64()
            .and_then(of_seconds)
            .map_or_else(|| value.clone(), |at| Value::from(shown(at))),
        (ShapeKind::Timestamp(_), Value::String(text)) => Value::from(instant_text(text)),
        _ => value.clone(),
    })
}

/// Unifies three forms of instants; other text stays unchanged.
pub(crate) fn instant_text(text: &str) -> String {
    let iso = || text.parse::<Timestamp>().ok();
    let seconds = || text.parse::<f64>().ok().and_then(of_seconds);
    let mail = || {
        let broken = strtime::parse("%a, %d %b %Y %H:%M:%S GMT", text).ok()?;
        let at = broken.to_datetime().ok()?;
        Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let found = iso().or_else(seconds).or_else(mail);
    found.map_or_else(|| text.to_owned(), shown)
}
