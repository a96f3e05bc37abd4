//! Which events a rule of `EventBridge` takes (AWS: "Creating event patterns"): as much of the
//! language as rules for sign-ins use.

use serde_json::Value;

/// Whether a pattern accepts an event. What is not understood accepts nothing.
pub fn accepts(pattern: &Value, event: &Value) -> bool {
    let Value::Object(fields) = pattern else {
        return false;
    };
    fields
        .iter()
        .all(|(name, wanted)| match (name.as_str(), wanted) {
            ("$or", Value::Array(patterns)) => patterns.iter().any(|it| accepts(it, event)),
            (_, Value::Object(_)) => event.get(name).is_some_and(|inner| accepts(wanted, inner)),
            (_, Value::Array(allowed)) => allowed.iter().any(|it| fits(it, event.get(name))),
            _ => false,
        })
}

fn fits(allowed: &Value, value: Option<&Value>) -> bool {
    if let Some(Value::Array(values)) = value {
        return values.iter().any(|it| fits(allowed, Some(it)));
    }
    let Value::Object(comparison) = allowed else {
        return value == Some(allowed);
    };
    let text = value.and_then(Value::as_str);
    comparison.iter().all(|(name, operand)| {
        let operand_text = operand.as_str().unwrap_or_default();
        match name.as_str() {
            "exists" => operand.as_bool() == Some(value.is_some()),
            "prefix" => text.is_some_and(|it| it.starts_with(operand_text)),
            "suffix" => text.is_some_and(|it| it.ends_with(operand_text)),
            "equals-ignore-case" => text.is_some_and(|it| it.eq_ignore_ascii_case(operand_text)),
            "anything-but" => match operand {
                Value::Array(all) => value.is_some_and(|it| !all.contains(it)),
                Value::Object(_) => value.is_some() && !fits(operand, value),
                one => value.is_some_and(|it| it != one),
            },
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_accept_what_they_describe() {
        let event = json!({
            "source": "aws.signin", "detail-type": "AWS Console Sign In via CloudTrail",
            "detail": {"eventName": "ConsoleLogin", "userIdentity": {"type": "Root"}, "many": ["a", "b"]},
        });
        for (pattern, expected) in [
            (
                json!({"detail-type": ["AWS Console Sign In via CloudTrail"]}),
                true,
            ),
            (
                json!({"detail": {"userIdentity": {"type": ["Root", "IAMUser"]}}}),
                true,
            ),
            (
                json!({"detail": {"userIdentity": {"type": ["IAMUser"]}}}),
                false,
            ),
            (
                json!({"detail": {"userIdentity": {"type": [{"anything-but": "Root"}]}}}),
                false,
            ),
            (
                json!({"detail": {"userIdentity": {"type": [{"anything-but": ["IAMUser"]}]}}}),
                true,
            ),
            (json!({"source": [{"prefix": "aws.s"}]}), true),
            (json!({"source": [{"suffix": ".s3"}]}), false),
            (json!({"detail": {"errorCode": [{"exists": false}]}}), true),
            (json!({"detail": {"eventName": [{"exists": false}]}}), false),
            (json!({"detail": {"many": ["b"]}}), true),
            (
                json!({"$or": [{"source": ["x"]}, {"source": ["aws.signin"]}]}),
                true,
            ),
            (json!({"source": [{"cidr": "10.0.0.0/8"}]}), false),
            (json!({"nothing": {"x": [1]}}), false),
            (json!("x"), false),
        ] {
            assert_eq!(accepts(&pattern, &event), expected, "{pattern}");
        }
    }
}
