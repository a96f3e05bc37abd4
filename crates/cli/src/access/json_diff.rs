use serde_json::Value;

/// Sign, JSON pointer, value.
pub(super) type JsonDifference = (char, String, Value);

/// Returns removals (`-`) and additions (`+`), sorted by pointer.
pub(super) fn json_diff(old: &Value, new: &Value) -> Vec<JsonDifference> {
    let mut found = Vec::new();
    walk(old, new, "", &mut found);
    found
}

fn walk(old: &Value, new: &Value, place: &str, found: &mut Vec<JsonDifference>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let added = after.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(added) {
                let place = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
                step(before.get(key), after.get(key), &place, found);
            }
        }
        // string lists compare as sets, as most lists in policies are
        (Value::Array(before), Value::Array(after)) if is_texts(before) && is_texts(after) => {
            let gone = before.iter().filter(|it| !after.contains(it));
            found.extend(gone.map(|it| ('-', place.to_owned(), it.clone())));
            let new = after.iter().filter(|it| !before.contains(it));
            found.extend(new.map(|it| ('+', place.to_owned(), it.clone())));
        }
        (Value::Array(before), Value::Array(after)) => {
            for index in 0..before.len().max(after.len()) {
                let place = format!("{place}/{index}");
                step(before.get(index), after.get(index), &place, found);
            }
        }
        _ => {
            found.push(('-', place.to_owned(), old.clone()));
            found.push(('+', place.to_owned(), new.clone()));
        }
    }
}

fn is_texts(items: &[Value]) -> bool {
    items.iter().all(Value::is_string)
}

fn step(old: Option<&Value>, new: Option<&Value>, place: &str, found: &mut Vec<JsonDifference>) {
    match (old, new) {
        (Some(old), Some(new)) => walk(old, new, place, found),
        (Some(old), None) => found.push(('-', place.to_owned(), old.clone())),
        (None, Some(new)) => found.push(('+', place.to_owned(), new.clone())),
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_have_signs_and_places() {
        let old =
            json!({"Version": "2012-10-17", "Statement": [{"Action": ["a", "b"], "Sid": "x"}]});
        let new = json!({"Version": "2012-10-17", "Statement": [{"Action": ["b", "c"]}, {"Effect": "Deny"}]});
        let found: Vec<String> = json_diff(&old, &new)
            .into_iter()
            .map(|(sign, place, value)| format!("{sign} {place} {value}"))
            .collect();
        assert_eq!(
            found,
            [
                "- /Statement/0/Action \"a\"",
                "+ /Statement/0/Action \"c\"",
                "- /Statement/0/Sid \"x\"",
                "+ /Statement/1 {\"Effect\":\"Deny\"}",
            ]
        );
        assert_eq!(json_diff(&old, &old), []);
    }
}
