//! The tables of AWS TEAM and their attributes (`schema.graphql`; `schema.ts` in releases with
//! policies).

use hallpass_base::text;
use serde_json::{Map, Value};

use crate::rule_text::NAME_MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TeamTable {
    Eligibility,
    Approvers,
    Settings,
    /// Used by eligibility entries.
    Policies,
    Requests,
    /// Session activity.
    Sessions,
}

impl TeamTable {
    const ALL: [Self; 6] = [
        Self::Eligibility,
        Self::Approvers,
        Self::Settings,
        Self::Policies,
        Self::Requests,
        Self::Sessions,
    ];

    /// The type name of its items, and its table name before the first hyphen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eligibility => "Eligibility",
            Self::Approvers => "Approvers",
            Self::Settings => "Settings",
            Self::Policies => "Policies",
            Self::Requests => "requests",
            Self::Sessions => "sessions",
        }
    }

    pub(super) const fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Eligibility => &[
                "name",
                "type",
                "accounts",
                "ous",
                "policyIds",
                "permissions",
                "ticketNo",
                "approvalRequired",
                "duration",
                "modifiedBy",
            ],
            Self::Approvers => &[
                "name",
                "type",
                "approvers",
                "groupIds",
                "ticketNo",
                "modifiedBy",
            ],
            Self::Settings => &[
                "duration",
                "expiry",
                "comments",
                "ticketNo",
                "approval",
                "modifiedBy",
                "sesNotificationsEnabled",
                "snsNotificationsEnabled",
                "slackNotificationsEnabled",
                "slackAuditNotificationsChannel",
                "sesSourceEmail",
                "sesSourceArn",
                "slackToken",
                "teamAdminGroup",
                "teamAuditorGroup",
                "allowLegacyEligibility",
                "useOUCache",
                "supportContacts",
            ],
            Self::Policies => &[
                "accounts",
                "ous",
                "permissions",
                "approvalRequired",
                "approverGroupIds",
                "duration",
                "modifiedBy",
            ],
            Self::Requests | Self::Sessions => &[],
        }
    }

    /// Checks if an item may be from this table. The log keeps imported requests forever, so the
    /// check is strict: Amplify writes the type into every item; items without it must have the
    /// attributes of every request.
    pub(super) fn may_have(self, item: &Map<String, Value>) -> bool {
        let is_text = |key: &str| item.get(key).is_some_and(Value::is_string);
        match self {
            Self::Requests => {
                item.get("__typename").and_then(Value::as_str) == Some(self.name())
                    || OF_A_REQUEST.into_iter().all(is_text)
            }
            Self::Eligibility
            | Self::Approvers
            | Self::Settings
            | Self::Policies
            | Self::Sessions => true,
        }
    }

    /// The table in an item's type name, if another one.
    pub(super) fn other(self, name: &str) -> Option<String> {
        let found = Self::ALL.into_iter().find(|table| table.name() == name);
        (found != Some(self)).then(|| match found {
            Some(found) => format!("the table `{}`", found.name()),
            None => format!("`{}`", text::line(name, NAME_MAX)),
        })
    }
}

/// AWS TEAM's pages write these for every request.
const OF_A_REQUEST: [&str; 3] = ["accountId", "role", "status"];
pub(super) const NO_REQUESTS: &str =
    "a table that has neither `__typename` nor `accountId`, `role` and `status`";

/// Attributes that Amplify adds to every item.
pub(super) const ADDED: [&str; 5] = ["id", "__typename", "createdAt", "updatedAt", "owner"];
