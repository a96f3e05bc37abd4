//! AWS error codes for missing resources, and empty listings.

use serde_json::Value;

/// Whether an error code means that the resource does not exist: `PolicyNotFoundException`,
/// `NoSuchEntity`, `AccountNotRegisteredException` and similar.
pub fn says_not_there(code: &str) -> bool {
    let code = code.strip_suffix("Exception").unwrap_or(code);
    ["NotFound", "NoSuchEntity", "NotRegistered"]
        .iter()
        .any(|it| code.ends_with(it))
}

/// The rows of a page. A missing member is an empty list: some services omit it; `None` when it is
/// not a list.
pub fn page_rows<'a>(answer: &'a Value, name: &str) -> Option<&'a [Value]> {
    match answer.get(name) {
        None | Some(Value::Null) if answer.is_object() => Some(&[]),
        member => member.and_then(Value::as_array).map(Vec::as_slice),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_of_every_service_say_that_a_thing_is_not_there() {
        for (code, expected) in [
            ("ResourceNotFoundException", true),
            ("PolicyNotFoundException", true),
            ("OrganizationalUnitNotFoundException", true),
            ("ParentNotFoundException", true),
            ("TargetNotFoundException", true),
            ("ChildNotFoundException", true),
            ("AccountNotFoundException", true),
            ("AccountNotRegisteredException", true),
            ("NoSuchEntity", true),
            ("NoSuchEntityException", true),
            ("AccessDeniedException", false),
            ("AWSOrganizationsNotInUseException", false),
            ("ValidationException", false),
        ] {
            assert_eq!(says_not_there(code), expected, "{code}");
        }
    }

    #[test]
    fn a_list_that_is_left_out_is_empty() {
        for (answer, expected) in [
            (json!({"Roots": [1]}), Some(1)),
            (json!({"Roots": []}), Some(0)),
            (json!({"Roots": null}), Some(0)),
            (json!({}), Some(0)),
            (json!({"Roots": "r-1"}), None),
            (json!("busy"), None),
        ] {
            let found = page_rows(&answer, "Roots").map(<[Value]>::len);
            assert_eq!(found, expected, "{answer}");
        }
    }
}
