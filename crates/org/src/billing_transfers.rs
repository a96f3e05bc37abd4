//! Billing transfers between organizations, and invitations to them (AWS: "Transfer billing
//! management to external accounts").

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::handshakes::waiting;
use crate::reading::{ReadCalls, ReadFact, ReadPlace, Reader, text};

/// Invitation type; account invitations are `INVITE`.
const ACTION: &str = "TRANSFER_RESPONSIBILITY";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingTransfer {
    /// `inbound`: this organization pays for another; `outbound`: another pays.
    pub direction: &'static str,
    pub other: String,
    /// `REQUESTED`, `ACCEPTED`, …
    pub status: String,
    pub start: String,
    pub end: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferInvitation {
    /// `h-…`
    pub id: String,
    pub parties: Vec<String>,
    pub expires: String,
}

/// Reads transfers in both directions, in any state.
///
/// # Errors
/// The failed read.
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

/// Reads open transfer invitations by id, sent by the organization or received by its management
/// account. Account invitations are omitted.
///
/// # Errors
/// The failed read.
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
