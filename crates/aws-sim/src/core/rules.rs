//! Rules of `EventBridge` on the default buses of accounts: those of the organization file and those that calls make are
//! the same.

use std::collections::BTreeMap;

use hallpass_aws_model::EventPattern;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a rule is, and what it is called: account, Region, name.
pub(crate) type RuleKey = (String, String, String);

/// The service that delivers to targets.
pub(crate) const EVENTS: &str = "events.amazonaws.com";
/// Rules in force.
pub(crate) const ENABLED: &str = "ENABLED";

/// A rule.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct BusRule {
    /// Which events it takes, as it was written.
    pub pattern: String,
    /// `ENABLED`, `DISABLED` and so on.
    pub state: String,
    /// What it is for.
    pub description: Option<String>,
    /// ARN of its role; nobody asks for it.
    pub role: Option<String>,
    /// The service that made it, and alone changes it.
    pub managed_by: Option<String>,
    /// Targets as the API has them, by id.
    pub targets: BTreeMap<String, Value>,
    /// The queue that the file has made for it, and the topic before it.
    pub made: Option<(String, Option<String>)>,
}

impl BusRule {
    /// Whether it takes an event.
    pub(crate) fn takes(&self, event: &Value) -> bool {
        let read = EventPattern::read(&self.pattern);
        self.state != "DISABLED" && read.is_ok_and(|it| it.takes(event))
    }
}

/// The ARN of a rule on the default bus.
pub(crate) fn rule_arn((account, region, name): &RuleKey) -> String {
    format!("arn:aws:events:{region}:{account}:rule/{name}")
}
