use crate::base::Random;
use serde_json::{Value, json};

use super::{Context, HandlerResult, date, listed, seen, seen_by_name, user_or_caller, users};
use crate::services::{OperationHandler::Reads, OperationRow};
use crate::{
    core::{caller::CallerKind, issue::unique_id},
    organization::{IamMfaDevice, IamMfaKind},
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListMFADevices", Reads(of_user)),
    ("ListVirtualMFADevices", Reads(virtual_ones)),
];

/// AWS's name for the root user in user lists.
const ROOT: &str = "root-account-mfa-device";

fn serial(context: &Context<'_>, name: &str, device: &IamMfaDevice) -> String {
    let account = context.caller.account.as_str();
    let mut random = Random::new(context.state.seed, &format!("mfa/{account}/{name}"));
    match device.kind {
        IamMfaKind::Virtual => format!("arn:aws:iam::{account}:mfa/{name}"),
        IamMfaKind::Hardware => format!("GAHT{}", random.text("0123456789", 8)),
        IamMfaKind::Webauthn => {
            let id = unique_id(context.state.seed, "", &random.hex(16));
            format!("arn:aws:iam::{account}:u2f/user/{name}/key-{id}")
        }
    }
}

fn enabled(context: &Context<'_>, device: &IamMfaDevice, made: Option<&String>) -> String {
    let joined = context.state.joined(&context.caller.account);
    date(device.enabled.as_ref().or(made), joined)
}

fn of_user(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    if context.caller.kind == CallerKind::Root && context.optional("UserName").is_none() {
        let root = iam.root.as_ref().and_then(|root| root.mfa.as_ref());
        let row = |device: &IamMfaDevice| {
            let serial = serial(context, ROOT, device);
            let enabled = enabled(context, device, None);
            let account = context.caller.account.as_str();
            let row = json!({ "UserName": account, "SerialNumber": serial, "EnableDate": enabled });
            (serial.clone(), row)
        };
        return listed(context, root.map(row).into_iter().collect());
    }
    let user = user_or_caller(context, &iam)?;
    let row = user.mfa.as_ref().map(|device| {
        let serial = serial(context, &user.name, device);
        let enabled = enabled(context, device, user.created.as_ref());
        let row = json!({ "UserName": user.name, "SerialNumber": serial, "EnableDate": enabled });
        (serial.clone(), row)
    });
    listed(context, row.into_iter().collect())
}

fn virtual_ones(context: &Context<'_>) -> HandlerResult {
    let iam = seen(context);
    let is_virtual = |device: &&IamMfaDevice| device.kind == IamMfaKind::Virtual;
    let mut rows: Vec<(String, Value)> = Vec::new();
    let root = iam.root.as_ref().and_then(|root| root.mfa.as_ref());
    if let Some(device) = root.filter(is_virtual) {
        let account = context.caller.account.as_str();
        let serial = serial(context, ROOT, device);
        let row = json!({
            "SerialNumber": serial,
            "User": {
                "UserId": account,
                "Arn": format!("arn:aws:iam::{account}:root"),
                "CreateDate": date(None, context.state.joined(account)),
            },
            "EnableDate": enabled(context, device, None),
        });
        rows.push((serial, row));
    }
    for user in &iam.users {
        if let Some(device) = user.mfa.as_ref().filter(is_virtual) {
            let serial = serial(context, &user.name, device);
            let row = json!({
                "SerialNumber": serial,
                "User": users::row(context, user),
                "EnableDate": enabled(context, device, user.created.as_ref()),
            });
            rows.push((serial, row));
        }
    }
    if context.text("AssignmentStatus") == "Unassigned" {
        rows.clear();
    }
    listed(context, rows)
}
