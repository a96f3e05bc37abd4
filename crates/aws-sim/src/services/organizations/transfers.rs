//! Transfers of the bill between organizations, and the invitations to them. They stand as the file says: nobody invites,
//! accepts or ends one here.

use hallpass_sim_base::{Millis, hash};
use serde_json::{Value, json};

use super::{Context, HandlerResult, seconds};
use crate::organization::StatedTransfer;
use crate::services::{OperationHandler::Reads, OperationRow};

/// What of this file is called by its name.
pub(super) const OPERATIONS: &[OperationRow] = &[
    (
        "ListInboundResponsibilityTransfers",
        Reads(|call| listed(call, "inbound")),
    ),
    (
        "ListOutboundResponsibilityTransfers",
        Reads(|call| listed(call, "outbound")),
    ),
    // whoever is to pay invites
    (
        "ListHandshakesForOrganization",
        Reads(|call| handshakes(call, "inbound")),
    ),
    (
        "ListHandshakesForAccount",
        Reads(|call| handshakes(call, "outbound")),
    ),
];

const ACTION: &str = "TRANSFER_RESPONSIBILITY";
/// How long an invitation is open (AWS: "Managing account invitations with AWS Organizations").
const OPEN_MS: Millis = 15 * 24 * 60 * 60 * 1000;

fn instant(text: &str) -> Value {
    let at = text.parse::<jiff::Timestamp>();
    at.map_or(Value::Null, |at| seconds(at.as_millisecond()))
}

/// The id of the handshake that a transfer was asked for by.
fn handshake_id(transfer: &StatedTransfer) -> String {
    format!("h-{:016x}", hash(&transfer.id))
}

fn of<'a>(
    context: &'a Context<'_>,
    direction: &'static str,
) -> impl Iterator<Item = &'a StatedTransfer> {
    let all = context.state.head.billing_transfers.iter();
    all.filter(move |it| it.direction == direction)
}

/// `ListInboundResponsibilityTransfers`, `ListOutboundResponsibilityTransfers`
fn listed(context: &Context<'_>, direction: &'static str) -> HandlerResult {
    let head = &context.state.head;
    let rows = of(context, direction).map(|it| {
        let own = json!({ "ManagementAccountId": head.management });
        let other = json!({ "ManagementAccountId": it.other });
        let (source, target) = match direction {
            "inbound" => (other, own),
            _ => (own, other),
        };
        let arn = format!(
            "arn:aws:organizations::{}:transfer/{}/billing/{direction}/{}",
            head.management, head.id, it.id
        );
        let mut row = json!({
            "Arn": arn, "Name": it.name, "Id": it.id, "Type": "BILLING", "Status": it.status,
            "Source": source, "Target": target, "StartTimestamp": instant(&it.start),
        });
        if let Some(members) = row.as_object_mut() {
            if let Some(end) = &it.end {
                members.insert("EndTimestamp".to_owned(), instant(end));
            }
            if it.status == "REQUESTED" {
                members.insert("ActiveHandshakeId".to_owned(), handshake_id(it).into());
            }
        }
        (it.id.clone(), row)
    });
    context.listing(rows.collect())
}

/// `ListHandshakesForOrganization`, `ListHandshakesForAccount`
fn handshakes(context: &Context<'_>, direction: &'static str) -> HandlerResult {
    let filter = context.call.input.pointer("/Filter/ActionType");
    if filter.is_some_and(|it| it != ACTION) {
        return Ok(context.paged(Vec::new(), None));
    }
    let head = &context.state.head;
    let rows = of(context, direction).map(|it| {
        let id = handshake_id(it);
        // the organization that is to pay, and the management account that it asked
        let (payer, asked) = match direction {
            "inbound" => (head.id.as_str(), it.other.as_str()),
            _ => ("o-other00000", head.management.as_str()),
        };
        let state = match it.status.as_str() {
            "WITHDRAWN" => "ACCEPTED",
            status => status,
        };
        let expires = it.expires.as_deref().map(instant);
        let row = json!({
            "Id": id, "Arn": format!("arn:aws:organizations::{}:handshake/{payer}/transfer_responsibility/{id}", head.management),
            "Parties": [{ "Id": payer, "Type": "ORGANIZATION" }, { "Id": asked, "Type": "ACCOUNT" }],
            "State": state, "RequestedTimestamp": seconds(context.now), "Action": ACTION,
            "ExpirationTimestamp": expires.unwrap_or_else(|| seconds(context.now + OPEN_MS)),
            "Resources": [
                { "Type": "RESPONSIBILITY_TRANSFER", "Value": it.id }, { "Type": "TRANSFER_TYPE", "Value": "BILLING" },
                { "Type": "TRANSFER_START_TIMESTAMP", "Value": it.start },
            ],
        });
        (id, row)
    });
    context.listing(rows.collect())
}
