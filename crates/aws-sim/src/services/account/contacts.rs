//! Contacts: primary, billing, operations and security.

use serde_json::{Map, Value, json};

use super::{ApiError, Context, HandlerResult, Output, target};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;
use crate::{core::windows::Window, organization::AccountContacts};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("GetAlternateContact", Reads(get_alternate)),
    ("PutAlternateContact", Writes(put_alternate)),
    ("DeleteAlternateContact", Writes(delete_alternate)),
    ("GetContactInformation", Reads(get_primary)),
    ("PutContactInformation", Writes(put_primary)),
];

fn absent() -> ApiError {
    let text = "No contact of the inputted type found.";
    ApiError::new("ResourceNotFoundException", text)
}

fn get_alternate(context: &Context<'_>) -> HandlerResult {
    let kind = context.text("AlternateContactType");
    let mut contacts = context.state.contacts_of(target(context)?);
    let mut contact = contacts.alternate.remove(kind).ok_or_else(absent)?;
    contact.insert("AlternateContactType".to_owned(), kind.into());
    Ok(Output::Members(json!({ "AlternateContact": contact })))
}

fn get_primary(context: &Context<'_>) -> HandlerResult {
    let contacts = context.state.contacts_of(target(context)?);
    let contact = contacts.primary.ok_or_else(absent)?;
    Ok(Output::Members(json!({ "ContactInformation": contact })))
}

fn change(
    context: &mut Context<'_>,
    change: impl FnOnce(&mut AccountContacts) -> Result<(), ApiError>,
) -> HandlerResult {
    let account = target(context)?.to_owned();
    let mut contacts = context.state.contacts_of(&account);
    change(&mut contacts)?;
    context.write(Window::Immediate);
    context.state.contacts.insert(account, contacts);
    Ok(Output::Nothing)
}

fn put_alternate(context: &mut Context<'_>) -> HandlerResult {
    let kind = context.text("AlternateContactType").to_owned();
    let mut contact = Map::new();
    for name in ["Name", "Title", "EmailAddress", "PhoneNumber"] {
        contact.insert(name.to_owned(), context.text(name).into());
    }
    change(context, |contacts| {
        contacts.alternate.insert(kind, contact);
        Ok(())
    })
}

fn delete_alternate(context: &mut Context<'_>) -> HandlerResult {
    let kind = context.text("AlternateContactType");
    change(context, |contacts| {
        let held = contacts.alternate.remove(kind);
        held.map(|_| ()).ok_or_else(absent)
    })
}

/// `PutContactInformation`: removes omitted members.
fn put_primary(context: &mut Context<'_>) -> HandlerResult {
    let contact = context.call.input.get("ContactInformation");
    let contact = contact.and_then(Value::as_object).cloned();
    change(context, |contacts| {
        contacts.primary = contact;
        Ok(())
    })
}
