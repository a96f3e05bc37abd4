//! Handshakes of the file: inviting, answering and cancelling are not simulated.

use crate::base::Millis;
use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::transfers::{handshake_id, instant, of};
use super::{Context, HandlerResult, invalid, seconds};
use crate::organization::StatedInvitation;
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    // the paying organization is the sender
    (
        "ListHandshakesForOrganization",
        Reads(|call| listed(call, transfers(call, "inbound"))),
    ),
    (
        "ListHandshakesForAccount",
        Reads(|call| listed(call, received(call))),
    ),
];

const TRANSFER: &str = "TRANSFER_RESPONSIBILITY";
const INVITE: &str = "INVITE";
/// States that can still be answered.
const WAITING: [&str; 2] = ["REQUESTED", "OPEN"];

fn days(fact: &facts::Fact) -> Millis {
    Millis::from(fact.value) * 24 * 60 * 60 * 1000
}

/// Handshakes received by the caller's account. Transfers belong to a management account, which
/// never sees invitations (AWS: "Accepting or declining account invitations with AWS
/// Organizations").
fn received(context: &Context<'_>) -> Vec<Value> {
    let account = &context.caller.account;
    if *account == context.state.head.management {
        return transfers(context, "outbound");
    }
    let all = context.state.head.invitations.iter();
    let own = all.filter(|it| it.account == *account);
    own.filter_map(|it| invitation(context, it)).collect()
}

/// A filtered page. No handshake here has a `ParentHandshakeId`.
fn listed(context: &Context<'_>, rows: Vec<Value>) -> HandlerResult {
    let filter = |name: &str| context.call.input.pointer(&format!("/Filter/{name}"));
    let (action, parent) = (filter("ActionType"), filter("ParentHandshakeId"));
    if action.is_some() && parent.is_some() {
        let text = "You can specify only one filter parameter for the operation.";
        return Err(invalid("MAX_LIMIT_EXCEEDED_FILTER", text));
    }
    let is_wanted =
        |row: &Value| parent.is_none() && action.is_none_or(|it| row.get("Action") == Some(it));
    let id = |row: &Value| row.get("Id").and_then(Value::as_str).map(str::to_owned);
    let rows = rows.into_iter().filter(is_wanted);
    context.listing(rows.filter_map(|row| Some((id(&row)?, row))).collect())
}

fn transfers(context: &Context<'_>, direction: &'static str) -> Vec<Value> {
    let head = &context.state.head;
    let rows = of(context, direction).map(|it| {
        let id = handshake_id(it);
        // the paying organization's management account, and the recipient
        let (own, other) = (head.management.as_str(), it.other.as_str());
        let (payer, sender, asked) = match direction {
            "inbound" => (head.id.as_str(), own, other),
            _ => ("o-other00000", other, own),
        };
        let state = match it.status.as_str() {
            "WITHDRAWN" => "ACCEPTED",
            status => status,
        };
        let expires = it.expires.as_deref().map(instant);
        json!({
            "Id": id, "Arn": format!("arn:aws:organizations::{sender}:handshake/{payer}/transfer_responsibility/{id}"),
            "Parties": [{ "Id": payer, "Type": "ORGANIZATION" }, { "Id": asked, "Type": "ACCOUNT" }],
            "State": state, "RequestedTimestamp": seconds(context.now), "Action": TRANSFER,
            "ExpirationTimestamp": expires.unwrap_or_else(|| seconds(context.now + days(&facts::INVITATION_OPEN_DAYS))),
            "Resources": [
                { "Type": "RESPONSIBILITY_TRANSFER", "Value": it.id }, { "Type": "TRANSFER_TYPE", "Value": "BILLING" },
                { "Type": "TRANSFER_START_TIMESTAMP", "Value": it.start },
            ],
        })
    });
    rows.collect()
}

/// `None` when it expired too long ago to be listed.
fn invitation(context: &Context<'_>, it: &StatedInvitation) -> Option<Value> {
    let expires: jiff::Timestamp = it.expires.parse().ok()?;
    let expires = expires.as_millisecond();
    let stated = it.state.as_deref().unwrap_or("OPEN");
    let is_over = context.now >= expires;
    if context.now >= expires + days(&facts::HANDSHAKE_KEPT_DAYS) {
        return None;
    }
    let state = if is_over && WAITING.contains(&stated) {
        "EXPIRED"
    } else {
        stated
    };
    let account = context.state.account(&it.account)?;
    let (kind, asked) = if it.by_email {
        ("EMAIL", account.email.as_str())
    } else {
        ("ACCOUNT", it.account.as_str())
    };
    let sender = [
        ("MASTER_EMAIL", it.email.as_str()),
        ("MASTER_NAME", it.name.as_str()),
        ("ORGANIZATION_FEATURE_SET", "ALL"),
    ];
    let sender = sender.iter().filter(|(_, value)| !value.is_empty());
    let sender: Vec<Value> = sender
        .map(|(kind, value)| json!({ "Type": kind, "Value": value }))
        .collect();
    let requested = expires - days(&facts::INVITATION_OPEN_DAYS);
    // its ARN names the sender's management account
    let (management, organization, id) = (&it.management, &it.organization, &it.id);
    Some(json!({
        "Id": id, "Arn": format!("arn:aws:organizations::{management}:handshake/{organization}/invite/{id}"),
        "Parties": [{ "Id": organization, "Type": "ORGANIZATION" }, { "Id": asked, "Type": kind }],
        "State": state, "RequestedTimestamp": seconds(requested), "ExpirationTimestamp": seconds(expires),
        "Action": INVITE,
        "Resources": [
            { "Type": "ORGANIZATION", "Value": organization, "Resources": sender }, { "Type": kind, "Value": asked },
        ],
    }))
}
