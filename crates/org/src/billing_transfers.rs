//! Transfers of the bill between organizations, and invitations to them (AWS: "Transfer billing management to external
//! accounts").

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::handshakes::waiting;
use crate::reading::{ReadCalls, ReadFact, ReadPlace, Reader, text};

/// What invitations of this kind are for; those of accounts are `INVITE`.
const ACTION: &str = "TRANSFER_RESPONSIBILITY";

/// A transfer of the bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingTransfer {
    /// `inbound`: we pay for another; `outbound`: another pays for us.
    pub direction: &'static str,
    /// The management account of the other organization.
    pub other: String,
    /// `REQUESTED`, `ACCEPTED`, …
    pub status: String,
    /// Since when, as AWS says it.
    pub start: String,
    /// Until when; none where no end was set.
    pub end: Option<String>,
}

/// An invitation to a transfer that nobody has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferInvitation {
    /// `h-…`
    pub id: String,
    /// Whom it is between: accounts, organizations and addresses.
    pub parties: Vec<String>,
    /// Until when it can be answered, as AWS says it.
    pub expires: String,
}

/// Transfers of the bill, in both directions, whatever became of them.
///
/// # Errors
/// What could not be read.
pub async fn read_transfers(calls: &dyn ReadCalls) -> ReadFact<Vec<BillingTransfer>> {
    let reader = Reader {
        calls,
        place: ReadPlace::default(),
    };
    let mut found = Vec::new();
    for (direction, operation, other) in [
        (
            "inbound",
            "ListInboundResponsibilityTransfers",
            "/Source/ManagementAccountId",
        ),
        (
            "outbound",
            "ListOutboundResponsibilityTransfers",
            "/Target/ManagementAccountId",
        ),
    ] {
        let operation = ("organizations", operation);
        let input = json!({ "Type": "BILLING" });
        let rows = reader.list(operation, input, "ResponsibilityTransfers");
        found.extend(rows.await?.iter().map(|row| BillingTransfer {
            direction,
            other: text(row, other).to_owned(),
            status: text(row, "/Status").to_owned(),
            start: text(row, "/StartTimestamp").to_owned(),
            end: Some(text(row, "/EndTimestamp").to_owned()).filter(|it| !it.is_empty()),
        }));
    }
    Ok(found)
}

/// Invitations to transfers that are open, by id: those that the organization sent, and those that its management account
/// received. Invitations of accounts are left out.
///
/// # Errors
/// What could not be read.
pub(crate) async fn open_invitations(home: &Reader<'_>) -> ReadFact<Vec<TransferInvitation>> {
    let mut found = BTreeMap::new();
    for operation in ["ListHandshakesForOrganization", "ListHandshakesForAccount"] {
        for row in waiting(home, operation, ACTION).await? {
            let id = text(&row, "/Id").to_owned();
            let parties = row.get("Parties").and_then(Value::as_array);
            let parties = parties.into_iter().flatten();
            let invitation = TransferInvitation {
                id: id.clone(),
                parties: parties.map(|it| text(it, "/Id").to_owned()).collect(),
                expires: text(&row, "/ExpirationTimestamp").to_owned(),
            };
            found.insert(id, invitation);
        }
    }
    Ok(found.into_values().collect())
}
