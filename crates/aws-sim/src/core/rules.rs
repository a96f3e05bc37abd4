//! Default bus rules of `EventBridge`: from the organization file and from calls.

use std::collections::BTreeMap;

use hallpass_aws_model::EventPattern;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) type RuleKey = (String, String, String);

/// The service that delivers to targets.
pub(crate) const EVENTS: &str = "events.amazonaws.com";
pub(crate) const ENABLED: &str = "ENABLED";

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct BusRule {
    /// The event pattern as written.
    pub pattern: String,
    /// `ENABLED`, `DISABLED` and so on.
    pub state: String,
    pub description: Option<String>,
    /// Unused.
    pub role: Option<String>,
    /// The service that made it, and alone changes it.
    pub managed_by: Option<String>,
    /// As in the API, by id.
    pub targets: BTreeMap<String, Value>,
    pub made: Option<(String, Option<String>)>,
}

impl BusRule {
    pub(crate) fn takes(&self, event: &Value) -> bool {
        let read = EventPattern::read(&self.pattern);
        self.state != "DISABLED" && read.is_ok_and(|it| it.takes(event))
    }
}

pub(crate) fn rule_arn((account, region, name): &RuleKey) -> String {
    format!("arn:aws:events:{region}:{account}:rule/{name}")
}
