//! Policy equivalence: list order, duplicates, and single-entry lists do not matter (IAM User
//! Guide, "IAM JSON policy elements: Condition", "Grammar of the IAM JSON policy language").

use serde_json::{Map, Value};

pub fn same_policy(one: &Value, other: &Value) -> bool {
    one == other || canonical_policy(one) == canonical_policy(other)
}

/// Canonical form: statement list, sorted unique lists. A non-policy stays unchanged.
fn canonical_policy(policy: &Value) -> Value {
    let (Value::Object(members), Some(statements)) = (policy, policy.get("Statement")) else {
        return policy.clone();
    };
    let mut members = members.clone();
    let statements = as_list(statements).iter().map(canonical_statement);
    members.insert("Statement".to_owned(), sorted(statements.collect()));
    Value::Object(members)
}

pub fn canonical_statement(statement: &Value) -> Value {
    let Value::Object(members) = statement else {
        return statement.clone();
    };
    let canonical = members.iter().map(|(name, value)| {
        let value = match name.as_str() {
            "Action" | "NotAction" | "Resource" | "NotResource" => values(value),
            "Principal" | "NotPrincipal" => each(value, values),
            "Condition" => each(value, |keys| each(keys, values)),
            _ => value.clone(),
        };
        (name.clone(), value)
    });
    Value::Object(canonical.collect())
}

/// Maps object members with `form`; other values stay: `"Principal": "*"`.
fn each(value: &Value, form: impl Fn(&Value) -> Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, it)| (name.clone(), form(it)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// Numbers and booleans become text.
fn values(value: &Value) -> Value {
    let text = |it: &Value| match it {
        Value::Bool(_) | Value::Number(_) => Value::from(it.to_string()),
        other => other.clone(),
    };
    sorted(as_list(value).iter().map(text).collect())
}

fn as_list(value: &Value) -> &[Value] {
    match value {
        Value::Array(all) => all,
        one => std::slice::from_ref(one),
    }
}

fn sorted(mut all: Vec<Value>) -> Value {
    all.sort_by_cached_key(Value::to_string);
    all.dedup();
    Value::Array(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(element: &str, value: &Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", element: value}]})
    }

    fn check(rows: &[(Value, Value, bool)]) {
        for (one, other, expected) in rows {
            assert_eq!(same_policy(one, other), *expected, "{one} {other}");
        }
    }

    #[test]
    fn the_order_of_lists_and_lists_of_one_are_no_difference() {
        check(&[
            (
                with("Action", &json!(["a:B", "a:C"])),
                with("Action", &json!(["a:C", "a:B"])),
                true,
            ),
            (
                with("Action", &json!("a:B")),
                with("Action", &json!(["a:B"])),
                true,
            ),
            (
                with("NotAction", &json!(["a:B", "a:B"])),
                with("NotAction", &json!("a:B")),
                true,
            ),
            (
                with("Resource", &json!(["x", "y"])),
                with("Resource", &json!(["y", "x"])),
                true,
            ),
            (
                with("Resource", &json!("x")),
                with("NotResource", &json!("x")),
                false,
            ),
            (
                with("Action", &json!("a:B")),
                with("Action", &json!("a:C")),
                false,
            ),
        ]);
    }

    #[test]
    fn the_order_in_principals_conditions_and_statements_is_no_difference() {
        check(&[
            (
                with("Principal", &json!({"AWS": ["1", "2"]})),
                with("Principal", &json!({"AWS": ["2", "1"]})),
                true,
            ),
            (
                with("Principal", &json!("*")),
                with("Principal", &json!({"AWS": "*"})),
                false,
            ),
            (
                with(
                    "Condition",
                    &json!({"Bool": {"a:M": true}, "StringLike": {"k": ["p", "q"]}}),
                ),
                with(
                    "Condition",
                    &json!({"StringLike": {"k": ["q", "p"]}, "Bool": {"a:M": ["true"]}}),
                ),
                true,
            ),
            (
                with("Condition", &json!({"Bool": {"a:M": true}})),
                with("Condition", &json!({"Bool": {"a:M": false}})),
                false,
            ),
            (
                json!({"Statement": {"Sid": "A", "Effect": "Deny"}}),
                json!({"Statement": [{"Sid": "A", "Effect": "Deny"}]}),
                true,
            ),
            (
                json!({"Statement": [{"Sid": "A"}, {"Sid": "B"}]}),
                json!({"Statement": [{"Sid": "B"}, {"Sid": "A"}]}),
                true,
            ),
            (
                json!({"Statement": [{"Sid": "A"}]}),
                json!({"Statement": [{"Sid": "B"}]}),
                false,
            ),
            (json!(null), json!({"Statement": []}), false),
        ]);
    }
}
