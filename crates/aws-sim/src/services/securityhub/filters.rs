//! Filters of findings (AWS: `AwsSecurityFindingFilters`). Refuses unsupported ones by name.

use crate::base::Millis;
use jiff::Timestamp;
use serde_json::Value;

use super::ApiError;

/// Text filters and their place in a finding.
const TEXTS: [(&str, &str); 18] = [
    ("ProductArn", "/ProductArn"),
    ("AwsAccountId", "/AwsAccountId"),
    ("AwsAccountName", "/AwsAccountName"),
    ("Id", "/Id"),
    ("GeneratorId", "/GeneratorId"),
    ("Region", "/Region"),
    ("Title", "/Title"),
    ("SeverityLabel", "/Severity/Label"),
    ("RecordState", "/RecordState"),
    ("WorkflowStatus", "/Workflow/Status"),
    ("ComplianceStatus", "/Compliance/Status"),
    (
        "ComplianceSecurityControlId",
        "/Compliance/SecurityControlId",
    ),
    ("CompanyName", "/CompanyName"),
    ("ProductName", "/ProductName"),
    ("NoteText", "/Note/Text"),
    ("NoteUpdatedBy", "/Note/UpdatedBy"),
    ("ResourceType", "/Resources/0/Type"),
    ("ResourceId", "/Resources/0/Id"),
];
const DATES: [(&str, &str); 2] = [("UpdatedAt", "/UpdatedAt"), ("CreatedAt", "/CreatedAt")];

const DAY: Millis = 86_400_000;

enum Condition {
    Text {
        place: &'static str,
        comparison: String,
        value: String,
    },
    Field {
        key: String,
        comparison: String,
        value: String,
    },
    Date {
        place: &'static str,
        start: Millis,
        end: Millis,
    },
}

/// All filters must match; of one filter any positive condition and every negative one.
pub(super) struct Filters(Vec<Vec<Condition>>);

impl Filters {
    pub(super) fn read(filters: Option<&Value>, now: Millis) -> Result<Self, ApiError> {
        let mut all = Vec::new();
        for (name, rows) in filters.and_then(Value::as_object).into_iter().flatten() {
            let mut conditions = Vec::new();
            for row in rows.as_array().into_iter().flatten() {
                conditions.push(condition(name, row, now)?);
            }
            if !conditions.is_empty() {
                all.push(conditions);
            }
        }
        Ok(Self(all))
    }

    pub(super) fn fit(&self, finding: &Value) -> bool {
        self.0.iter().all(|conditions| {
            let (not, any): (Vec<_>, Vec<_>) = conditions.iter().partition(|it| it.is_negative());
            not.iter().all(|it| it.holds(finding))
                && (any.is_empty() || any.iter().any(|it| it.holds(finding)))
        })
    }
}

fn condition(name: &str, row: &Value, now: Millis) -> Result<Condition, ApiError> {
    let text = |member: &str| {
        row.get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let or_equals = |text: String| {
        if text.is_empty() {
            "EQUALS".to_owned()
        } else {
            text
        }
    };
    if let Some((_, place)) = TEXTS.iter().find(|(known, _)| *known == name) {
        return Ok(Condition::Text {
            place,
            comparison: or_equals(text("Comparison")),
            value: text("Value"),
        });
    }
    if let Some((_, place)) = DATES.iter().find(|(known, _)| *known == name) {
        let days = row.pointer("/DateRange/Value").and_then(Value::as_i64);
        let (start, end) = match days {
            Some(days) => (now.saturating_sub(days.saturating_mul(DAY)), Millis::MAX),
            None => (
                instant(&text("Start")).unwrap_or(Millis::MIN),
                instant(&text("End")).unwrap_or(Millis::MAX),
            ),
        };
        return Ok(Condition::Date { place, start, end });
    }
    if name == "UserDefinedFields" {
        let comparison = or_equals(text("Comparison"));
        return Ok(Condition::Field {
            key: text("Key"),
            comparison,
            value: text("Value"),
        });
    }
    let said = format!("Invalid parameter 'Filters'. The filter {name} is not simulated");
    Err(ApiError::new("InvalidInputException", said))
}

fn instant(text: &str) -> Option<Millis> {
    text.parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_millisecond)
}

impl Condition {
    fn is_negative(&self) -> bool {
        match self {
            Self::Text { comparison, .. } | Self::Field { comparison, .. } => {
                comparison.contains("NOT")
            }
            Self::Date { .. } => false,
        }
    }

    fn holds(&self, finding: &Value) -> bool {
        match self {
            Self::Text {
                place,
                comparison,
                value,
            } => {
                let is = finding
                    .pointer(place)
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                compares(comparison, is, value)
            }
            Self::Field {
                key,
                comparison,
                value,
            } => {
                let is = finding
                    .get("UserDefinedFields")
                    .and_then(|it| it.get(key)?.as_str());
                compares(comparison, is.unwrap_or_default(), value)
            }
            Self::Date { place, start, end } => {
                let at = finding
                    .pointer(place)
                    .and_then(Value::as_str)
                    .and_then(instant);
                at.is_some_and(|at| (*start..=*end).contains(&at))
            }
        }
    }
}

fn compares(comparison: &str, is: &str, wanted: &str) -> bool {
    match comparison {
        "NOT_EQUALS" => is != wanted,
        "PREFIX" => is.starts_with(wanted),
        "PREFIX_NOT_EQUALS" => !is.starts_with(wanted),
        "CONTAINS" => is.contains(wanted),
        "NOT_CONTAINS" => !is.contains(wanted),
        _ => is == wanted,
    }
}
