//! DevOps Guru events about insights (Amazon DevOps Guru User Guide, "Working with Amazon
//! `EventBridge`"; `organization.md` D-9).

use hallpass_base::Timestamp;
use hallpass_base::time::utc;
use serde_json::{Map, Value, json};

use super::InsightSeverity;

pub const INSIGHT_SOURCE: &str = "aws.devops-guru";
/// Characters of a text from an event.
const TEXT_MAX: usize = 200;
const STACKS_MAX: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsightTurn {
    Opened,
    /// The severity increased.
    Upgraded,
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedInsight {
    pub id: String,
    pub account: String,
    pub region: String,
    pub kind: String,
    /// `None` for a missing or unknown value.
    pub severity: Option<InsightSeverity>,
    pub name: String,
    pub start: String,
    pub stacks: Vec<String>,
    pub url: String,
    pub turn: InsightTurn,
}

fn instant(value: Option<&Value>) -> Option<Timestamp> {
    let millis = match value? {
        Value::String(text) => text.parse().ok()?,
        other => other.as_i64()?,
    };
    Timestamp::from_millisecond(millis).ok()
}

impl ReportedInsight {
    pub const KEY: [&'static str; 1] = ["insight_id"];
    pub const MESSAGE: &'static str = "{severity} insight in account {account}, {aws_region}: {name}; stacks {stacks}; since {start}; {url}";

    /// Parses an event's detail by its `detail-type`; `None` for recommendations, anomalies and
    /// unknown types.
    ///
    /// # Errors
    /// An insight event without an id.
    pub fn read(detail_type: &str, detail: &Value) -> Result<Option<Self>, String> {
        let turn = match detail_type {
            "DevOps Guru New Insight Open" => InsightTurn::Opened,
            "DevOps Guru Insight Severity Upgraded" => InsightTurn::Upgraded,
            "DevOps Guru Insight Closed" => InsightTurn::Closed,
            _ => return Ok(None),
        };
        let text = |name: &str| {
            let text = detail.get(name).and_then(Value::as_str).unwrap_or_default();
            text.chars().take(TEXT_MAX).collect::<String>()
        };
        let id = text("insightId");
        if id.is_empty() {
            return Err("the event has no `insightId`".to_owned());
        }
        let severity = match text("insightSeverity").to_ascii_uppercase().as_str() {
            "LOW" => Some(InsightSeverity::Low),
            "MEDIUM" => Some(InsightSeverity::Medium),
            "HIGH" => Some(InsightSeverity::High),
            _ => None,
        };
        let stacks = detail.pointer("/resourceCollection/cloudFormation/stackNames");
        let stacks = stacks.and_then(Value::as_array).into_iter().flatten();
        let stacks = stacks.filter_map(Value::as_str).take(STACKS_MAX);
        let url = text("insightUrl");
        Ok(Some(Self {
            id,
            account: text("accountId"),
            region: text("region"),
            kind: text("insightType"),
            severity,
            name: Some(text("insightName"))
                .filter(|it| !it.is_empty())
                .unwrap_or_else(|| text("insightDescription")),
            start: instant(detail.get("startTime")).map_or_else(String::new, utc),
            stacks: stacks
                .map(|it| it.chars().take(TEXT_MAX).collect())
                .collect(),
            url: if url.starts_with("https://") {
                url
            } else {
                String::new()
            },
            turn,
        }))
    }

    /// A row of alerts; `account_name` is empty if unknown.
    pub fn row(&self, account_name: &str) -> Map<String, Value> {
        let or_dash = |text: String| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text
            }
        };
        let severity = self.severity.map_or("-", InsightSeverity::name);
        let account = if account_name.is_empty() {
            self.account.clone()
        } else {
            format!("{account_name} ({})", self.account)
        };
        let values = json!({
            "insight_id": self.id, "account": account, "account_id": self.account, "aws_region": self.region, "type": self.kind,
            "severity": severity, "name": self.name, "start": or_dash(self.start.clone()),
            "stacks": or_dash(self.stacks.join(", ")), "url": or_dash(self.url.clone()),
        });
        match values {
            Value::Object(values) => values,
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str =
        include_str!("../../../../docs/spec/fixtures/org-devopsguru-insight-open.json");

    fn event() -> Value {
        serde_json::from_str(EVENT).unwrap()
    }

    #[test]
    fn the_event_of_the_fixture_is_an_insight_that_began() {
        let event = event();
        let kind = event["detail-type"].as_str().unwrap();
        let found = ReportedInsight::read(kind, &event["detail"])
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.id.as_str(), found.severity, found.turn),
            (
                "AAAABBBBCCCC",
                Some(InsightSeverity::High),
                InsightTurn::Opened
            )
        );
        let row = found.row("shop");
        assert_eq!(row["account_id"], "444444444444");
        assert_eq!(row["account"], "shop (444444444444)");
        assert_eq!(found.row("")["account"], "444444444444");
        assert_eq!(
            (&row["stacks"], &row["start"]),
            (&json!("shop-api"), &json!("2026-03-02 11:00 UTC"))
        );
        assert!(ReportedInsight::KEY.iter().all(|it| row.contains_key(*it)));
    }

    #[test]
    fn what_is_no_insight_is_none_and_one_without_an_id_is_refused() {
        let (kind, mut event) = ("DevOps Guru Insight Closed", event());
        assert_eq!(
            ReportedInsight::read("DevOps Guru New Recommendation Created", &event["detail"]),
            Ok(None)
        );
        event["detail"]["startTime"] = "1635786120000".into();
        event["detail"]["insightSeverity"] = "urgent".into();
        event["detail"]["insightUrl"] = "javascript:alert(1)".into();
        let found = ReportedInsight::read(kind, &event["detail"])
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.start.as_str(), found.severity, found.url.as_str()),
            ("2021-11-01 17:02 UTC", None, "")
        );
        event["detail"]["insightId"] = Value::Null;
        assert!(ReportedInsight::read(kind, &event["detail"]).is_err());
        assert!(ReportedInsight::read(kind, &Value::Null).is_err());
    }
}
