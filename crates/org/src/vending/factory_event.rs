//! What Account Factory tells when it is done with an account (`organization.md` V-8). An event only ends a wait
//! early: whoever never hears of it asks.

use serde_json::Value;

use super::status::{RowResult, RowStatus};

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactoryState {
    /// The account is there.
    Succeeded,
    /// It is not, or not whole.
    Failed,
}

/// A lifecycle event of Control Tower about an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactoryEvent {
    /// The account's name.
    pub account_name: String,
    /// Its id; a failure may come before there is one.
    pub account_id: Option<String>,
    /// How it ended.
    pub state: FactoryState,
    /// Control Tower's words.
    pub message: String,
}

/// A row that waits for Account Factory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowInFlight {
    /// Its number.
    pub number: usize,
    /// The account's name.
    pub account_name: String,
    /// Its id, once it is known.
    pub account_id: Option<String>,
}

impl FactoryEvent {
    /// Reads the envelope of `EventBridge`; `None` of an event about something else. A half-made account that is
    /// tried again is told of as an update.
    pub fn read(envelope: &Value) -> Option<Self> {
        let text = |value: &Value, pointer: &str| {
            let found = value.pointer(pointer).and_then(Value::as_str);
            found.map(str::to_owned)
        };
        let is = |pointer: &str, wanted: &str| text(envelope, pointer).as_deref() == Some(wanted);
        if !is("/source", "aws.controltower")
            || !is("/detail-type", "AWS Service Event via CloudTrail")
        {
            return None;
        }
        let member = match text(envelope, "/detail/eventName")?.as_str() {
            "CreateManagedAccount" => "createManagedAccountStatus",
            "UpdateManagedAccount" => "updateManagedAccountStatus",
            _ => return None,
        };
        let status = envelope.pointer(&format!("/detail/serviceEventDetails/{member}"))?;
        let state = match text(status, "/state")?.as_str() {
            "SUCCEEDED" => FactoryState::Succeeded,
            "FAILED" => FactoryState::Failed,
            _ => return None,
        };
        Some(Self {
            account_name: text(status, "/account/accountName").unwrap_or_default(),
            account_id: text(status, "/account/accountId"),
            state,
            message: text(status, "/message").unwrap_or_default(),
        })
    }

    /// The row that it is about: by the account's name, else by its id.
    pub fn row<'a>(&self, in_flight: &'a [RowInFlight]) -> Option<&'a RowInFlight> {
        let named = |row: &&RowInFlight| row.account_name == self.account_name;
        let same_id =
            |row: &&RowInFlight| row.account_id.is_some() && row.account_id == self.account_id;
        let by_name = in_flight.iter().find(named);
        by_name.or_else(|| in_flight.iter().find(same_id))
    }

    /// What it makes of its row: access comes next, or nothing does.
    pub fn result(&self) -> RowResult {
        let account_id = self.account_id.clone().unwrap_or_default();
        match self.state {
            FactoryState::Succeeded => RowResult {
                account_id,
                ..RowResult::of(RowStatus::Assigning)
            },
            FactoryState::Failed => RowResult {
                account_id,
                error: self.message.clone(),
                ..RowResult::of(RowStatus::Failed)
            },
        }
    }
}
