//! Billing transfers of the file: accepting and ending are not simulated.

use crate::base::hash;
use serde_json::{Value, json};

use super::{Context, HandlerResult, seconds};
use crate::organization::StatedTransfer;
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    (
        "ListInboundResponsibilityTransfers",
        Reads(|call| listed(call, "inbound")),
    ),
    (
        "ListOutboundResponsibilityTransfers",
        Reads(|call| listed(call, "outbound")),
    ),
];

pub(super) fn instant(text: &str) -> Value {
    let at = text.parse::<jiff::Timestamp>();
    at.map_or(Value::Null, |at| seconds(at.as_millisecond()))
}

pub(super) fn handshake_id(transfer: &StatedTransfer) -> String {
    format!("h-{:016x}", hash(&transfer.id))
}

/// `inbound`: this organization pays for the other; `outbound`: the other pays for it.
pub(super) fn of<'a>(
    context: &'a Context<'_>,
    direction: &'static str,
) -> impl Iterator<Item = &'a StatedTransfer> {
    let all = context.state.head.billing_transfers.iter();
    all.filter(move |it| it.direction == direction)
}

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
