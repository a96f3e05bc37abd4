use hallpass_inventory::{OutsideAccess, OutsideState};
use serde_json::json;

use super::rows;
use crate::output::Sheet;

pub(super) fn shown(found: &[OutsideAccess]) -> Sheet {
    let mut sheet = Sheet::new(&["partner", "account", "as", "until"]);
    sheet.rows.extend(found.iter().map(|it| {
        let name = it.requestor_name.as_deref();
        let partner = name.or(it.requestor_id.as_deref()).unwrap_or("unknown");
        let account = it.account_name.as_deref().unwrap_or(&it.account_id);
        let until = it.until.map_or("unknown".to_owned(), |at| at.to_string());
        let until = match it.state {
            OutsideState::Finalized => until,
            OutsideState::Accepted => format!("{until} (not begun)"),
        };
        let stays = if it.makes_roles {
            "; may make roles"
        } else {
            ""
        };
        vec![
            json!(partner),
            json!(account),
            json!(it.approver_id),
            json!(format!("{until}{stays}")),
        ]
    }));
    sheet
}

pub(super) fn sheet(found: &[OutsideAccess]) -> Sheet {
    let mut sheet = Sheet::new(&[
        "account_id",
        "account_name",
        "state",
        "requestor_id",
        "requestor_name",
        "approver_id",
        "until",
        "makes_roles",
        "delegation_request_id",
    ]);
    sheet.rows = rows(&sheet, found.iter().map(|it| json!(it)));
    sheet
}
