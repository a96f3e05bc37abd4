//! Parses a drill's policy from `hallpass org outage generate`.

use hallpass_base::Timestamp;
use hallpass_iam::BadInput;
use hallpass_iam::language::{PolicyJson, PolicyType, ScpLanguage};
use hallpass_plans::hash;
use serde_json::Value;

use super::ID_DIGITS;

const SID: &str = "SimOutage";

#[derive(Clone, Debug, PartialEq)]
pub struct DrillFile {
    /// Compact text: white space counts at AWS.
    pub content: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub exempt: Vec<String>,
    pub regions: Vec<String>,
    /// As written; empty for a deny with exceptions.
    pub actions: Vec<String>,
}

impl DrillFile {
    /// Parses a policy of `outage generate`.
    ///
    /// # Errors
    /// The codes of the policy language, `E_ELEMENT` if a statement is no drill's, `E_TIME` if its
    /// window is unreadable.
    pub fn read(text: &str) -> Result<Self, BadInput> {
        PolicyJson::new(text)?.strict(PolicyType::Scp, ScpLanguage::Full)?;
        let value: Value = serde_json::from_str(text)
            .map_err(|error| BadInput::new("E_JSON", error.to_string(), ""))?;
        let statement = only_statement(&value)?;
        let condition = |operator: &str, key: &str| {
            let found = statement.get("Condition")?.get(operator)?.as_object()?;
            let key = found
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key));
            key.map(|(_, value)| texts(value))
        };
        let time = |operator: &str| -> Result<Timestamp, BadInput> {
            let found = condition(operator, "aws:CurrentTime").unwrap_or_default();
            let [text] = found.as_slice() else {
                let message = format!("the statement has no `{operator}` of `aws:CurrentTime`");
                return Err(BadInput::new("E_TIME", message, "/Statement"));
            };
            text.parse().map_err(|_| {
                let message = format!("`{text}` is not an instant with a zone");
                BadInput::new("E_TIME", message, "/Statement")
            })
        };
        Ok(Self {
            content: value.to_string(),
            starts_at: time("DateGreaterThanEquals")?,
            ends_at: time("DateLessThan")?,
            exempt: condition("ArnNotLike", "aws:PrincipalArn").unwrap_or_default(),
            regions: condition("StringEquals", "aws:RequestedRegion").unwrap_or_default(),
            actions: statement.get("Action").map(texts).unwrap_or_default(),
        })
    }

    /// The drill's id at a target.
    pub fn drill_id(&self, target: &str) -> String {
        let whole = hash(&format!("{target}|{}", self.content));
        whole.chars().take(ID_DIGITS).collect()
    }
}

fn only_statement(value: &Value) -> Result<&Value, BadInput> {
    let wrong = |message: &str| Err(BadInput::new("E_ELEMENT", message, "/Statement"));
    let statement = match value.get("Statement") {
        Some(Value::Array(all)) => match all.as_slice() {
            [only] => only,
            _ => {
                return wrong(
                    "a drill's policy has one statement; `hallpass org outage generate` writes it",
                );
            }
        },
        Some(only) => only,
        None => return wrong("the policy has no statement"),
    };
    let is = |member: &str, text: &str| statement.get(member).and_then(Value::as_str) == Some(text);
    if !is("Sid", SID) || !is("Effect", "Deny") {
        return wrong(
            "the statement is not `SimOutage` with `Deny`; `hallpass org outage generate` writes it",
        );
    }
    Ok(statement)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all
            .iter()
            .filter_map(|it| it.as_str().map(str::to_owned))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRILL: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"SimOutage","Effect":"Deny",
        "Action":["iam:*","route53:*"],"Resource":"*","Condition":{
        "StringEquals":{"aws:RequestedRegion":["us-east-1"]},
        "DateGreaterThanEquals":{"aws:CurrentTime":"2026-03-02T10:00:00Z"},
        "DateLessThan":{"aws:CurrentTime":"2026-03-02T12:00:00Z"},
        "ArnNotLike":{"aws:PrincipalArn":["arn:aws:iam::*:role/break-glass"]}}}]}"#;

    #[test]
    fn a_generated_policy_is_taken_apart() {
        let drill = DrillFile::read(DRILL).unwrap();
        assert_eq!(drill.starts_at.to_string(), "2026-03-02T10:00:00Z");
        assert_eq!(drill.ends_at.to_string(), "2026-03-02T12:00:00Z");
        assert_eq!(drill.exempt, ["arn:aws:iam::*:role/break-glass"]);
        assert_eq!((drill.regions.len(), drill.actions.len()), (1, 2));
        assert!(!drill.content.contains(' '), "{}", drill.content);
        assert_eq!(drill.drill_id("ou-ab12-11111111").len(), 12);
        assert_ne!(drill.drill_id("a"), drill.drill_id("b"));
    }

    #[test]
    fn other_policies_are_refused() {
        for (what, from, to, code) in [
            ("no policy", DRILL, "[]", ""),
            ("sid", "SimOutage", "Other", "E_ELEMENT"),
            ("no end", "DateLessThan\"", "DateEquals\"", "E_TIME"),
            ("no zone", "12:00:00Z", "12:00:00", ""),
            ("allow", "\"Deny\"", "\"Allow\"", ""),
        ] {
            let error = DrillFile::read(&DRILL.replace(from, to)).unwrap_err();
            assert!(code.is_empty() || error.code == code, "{what}: {error:?}");
        }
    }
}
