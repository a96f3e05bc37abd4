use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::{ApiError, Context, HandlerResult, Output, account_not_found, check_parent, seconds};
use crate::core::{
    control_tower,
    entities::{Account, ListPosition},
    state::SimState,
    tree::{path, put_under},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListAccounts", Reads(list)),
    ("DescribeAccount", Reads(describe)),
    ("ListAccountsForParent", Reads(list_for_parent)),
    ("MoveAccount", Writes(relocate)),
];

/// Whether accounts have `Status`, and accounts and units lack paths: AWS's form before `State`,
/// `Paths` and `Path` (`simulator.md` §2.9).
pub(super) fn has_older_members(state: &SimState) -> bool {
    state.settings.behaviour.is("account_members", "status")
}

/// Without `Status`, which was retired on 2026-09-09 (AWS Organizations API Reference, `Account`).
pub(super) fn shape(state: &SimState, account: &Account) -> Map<String, Value> {
    let head = &state.head;
    let mut members = Map::new();
    members.insert("Id".to_owned(), account.id.as_ref().into());
    let arn = format!(
        "arn:aws:organizations::{}:account/{}/{}",
        head.management, head.id, account.id
    );
    members.insert("Arn".to_owned(), arn.into());
    members.insert("Email".to_owned(), account.email.clone().into());
    members.insert("Name".to_owned(), account.name.clone().into());
    if has_older_members(state) {
        members.insert("Status".to_owned(), account.status().into());
    } else {
        members.insert("State".to_owned(), account.state.clone().into());
        let path = format!("{}{}/", path(state, &account.parent), account.id);
        members.insert("Paths".to_owned(), json!([path]));
    }
    members.insert(
        "JoinedMethod".to_owned(),
        account.joined_method.clone().into(),
    );
    members.insert("JoinedTimestamp".to_owned(), seconds(account.joined));
    members
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let start = match &page.after {
        Some((order, id)) => Bound::Excluded((*order, id.as_str().into())),
        None => Bound::Unbounded,
    };
    let state = &context.state;
    let rows = state
        .accounts
        .range_seen(start, context.reading)
        .map(|((order, id), account)| (*order, id.to_string(), shape(state, account).into()));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let place = context.state.place(context.text("AccountId"));
    let account = context.state.accounts.seen(&place, context.reading_by_id);
    let account = account.ok_or_else(account_not_found)?;
    Ok(Output::Members(
        json!({ "Account": shape(context.state, account) }),
    ))
}

pub(super) fn after<'a>(
    children: Option<&'a std::collections::BTreeSet<ListPosition>>,
    after: Option<&(u64, String)>,
) -> impl Iterator<Item = &'a ListPosition> {
    let start = match after {
        Some((order, id)) => Bound::Excluded((*order, id.as_str().into())),
        None => Bound::Unbounded,
    };
    children
        .into_iter()
        .flat_map(move |set| set.range((start.clone(), Bound::Unbounded)))
}

fn list_for_parent(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let parent = context.text("ParentId");
    check_parent(context, parent)?;
    let state = &context.state;
    let rows = after(state.child_accounts.get(parent), page.after.as_ref())
        .filter_map(|place| Some((place, state.accounts.seen(place, context.reading)?)))
        .map(|((order, id), account)| (*order, id.to_string(), shape(state, account).into()));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn relocate(context: &mut Context<'_>) -> HandlerResult {
    let (source, destination) = (
        context.text("SourceParentId"),
        context.text("DestinationParentId"),
    );
    let state = &context.state;
    let account = state
        .account(context.text("AccountId"))
        .ok_or_else(account_not_found)?
        .clone();
    if check_parent(context, source).is_err() {
        return Err(ApiError::new(
            "SourceParentNotFoundException",
            "You specified a source parent that doesn't exist.",
        ));
    }
    if check_parent(context, destination).is_err() {
        return Err(ApiError::new(
            "DestinationParentNotFoundException",
            "You specified a destination parent that doesn't exist.",
        ));
    }
    if &*account.parent == destination {
        return Err(ApiError::new(
            "DuplicateAccountException",
            "You attempted to move an account to a parent where it already is.",
        ));
    }
    if &*account.parent != source {
        return Err(account_not_found());
    }
    super::creation::alone(context)?;
    let seen = context.write(Window::Immediate);
    let (now, id) = (context.now, account.id.clone());
    put_under(context.state, account, destination, seen, now);
    let fail = context.call.modifiers.fail_async.clone();
    control_tower::moved(context.state, &id, destination, fail.as_ref());
    Ok(Output::Nothing)
}
