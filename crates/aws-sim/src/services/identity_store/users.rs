use std::ops::Bound;

use crate::base::Millis;
use serde_json::{Map, Value, json};

use super::{
    ApiError, Context, HandlerResult, Output, after, arn, attributes, bare, check_revision,
    check_room, filtered_by, fresh_id, naming, not_found, stamp, taken,
};
use crate::core::{
    directory::remove_user,
    entities::{Id, User},
    identity_events::{self, IdentityNews},
    state::SimState,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateUser", Writes(create)),
    ("DescribeUser", Reads(describe)),
    ("UpdateUser", Writes(update)),
    ("DeleteUser", Writes(delete)),
    ("ListUsers", Reads(list)),
    ("GetUserId", Reads(get_id)),
];

const ATTRIBUTES: &[&str] = &[
    "UserName",
    "Name",
    "DisplayName",
    "NickName",
    "ProfileUrl",
    "Emails",
    "Addresses",
    "PhoneNumbers",
    "UserType",
    "Title",
    "PreferredLanguage",
    "Locale",
    "Timezone",
    "Photos",
    "Website",
    "Birthdate",
    "Roles",
    "Extensions",
];

const EXTENSIONS: &str = "Extensions";

/// The user's requested extensions (Identity Store API Reference, "User": populated only on
/// request).
fn extensions_asked(all: &Value, input: &Value) -> Option<Value> {
    let names = input.get(EXTENSIONS)?.as_array()?;
    let asked: Map<String, Value> = { all.as_object()?.iter() }
        .filter(|(name, _)| names.iter().any(|asked| asked == name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (!asked.is_empty()).then_some(Value::Object(asked))
}

/// In the model's spelling, with the requested extensions.
fn shape(state: &SimState, user: &User, input: &Value) -> Value {
    let mut members = Map::new();
    members.insert(
        "IdentityStoreId".to_owned(),
        state.center.store.clone().into(),
    );
    members.insert("UserId".to_owned(), user.id.as_ref().into());
    members.insert("UserArn".to_owned(), arn("user", &user.id));
    members.extend(user.attributes.clone());
    let extensions = members.shift_remove(EXTENSIONS);
    let asked = extensions.and_then(|all| extensions_asked(&all, input));
    members.extend(asked.map(|asked| (EXTENSIONS.to_owned(), asked)));
    members.insert(
        "UserStatus".to_owned(),
        if user.enabled { "ENABLED" } else { "DISABLED" }.into(),
    );
    stamp(&mut members, &user.origin);
    Value::Object(members)
}

fn seen<'a>(context: &'a Context<'_>, id: &str, at: Millis) -> Result<&'a User, ApiError> {
    let id = bare(id);
    let place = context.state.place(id);
    context
        .state
        .users
        .seen(&place, at)
        .ok_or_else(|| not_found("USER", id))
}

pub(super) fn target<'a>(context: &'a Context<'_>, id: &str) -> Result<&'a User, ApiError> {
    seen(context, id, Millis::MAX)
}

pub(super) fn read<'a>(context: &'a Context<'_>, id: &str) -> Result<&'a User, ApiError> {
    seen(context, id, context.reading_by_id)
}

fn check_unique(state: &SimState, user: &User) -> Result<(), ApiError> {
    let other = state.user_named(user.user_name());
    if other.is_some_and(|other| other.id != user.id) {
        return Err(taken("Duplicate UserName"));
    }
    let Some(email) = user
        .email()
        .filter(|_| state.settings.behaviour.is("email_unique", "yes"))
    else {
        return Ok(());
    };
    let email = email.to_lowercase();
    let holders = state.user_emails.get(&email).into_iter().flatten();
    let clash = holders
        .filter(|id| **id != user.id)
        .filter_map(|id| state.user(id))
        .any(|other| {
            other
                .email()
                .is_some_and(|held| held.to_lowercase() == email)
        });
    if clash {
        Err(taken("Duplicate email"))
    } else {
        Ok(())
    }
}

fn check_user_name(name: &str) -> Result<(), ApiError> {
    if ["administrator", "awsadministrators"].contains(&name.to_lowercase().as_str()) {
        return Err(ApiError::new(
            "ValidationException",
            format!("UserName {name} is reserved."),
        ));
    }
    Ok(())
}

fn create(context: &mut Context<'_>) -> HandlerResult {
    let input = &context.call.input;
    for (name, path) in [
        ("UserName", "userName"),
        ("Name", "name"),
        ("DisplayName", "displayName"),
    ] {
        if input.get(name).is_none_or(Value::is_null) {
            return Err(ApiError::new(
                "ValidationException",
                format!(
                    "1 validation error detected: Value at '{path}' failed to satisfy constraint: \
                     Member must not be null"
                ),
            ));
        }
    }
    check_user_name(context.text("UserName"))?;
    check_room(context.state.user_names.len())?;
    let attributes = attributes::given(input, ATTRIBUTES);
    let id = fresh_id(context);
    let user = User {
        id: id.as_str().into(),
        attributes,
        enabled: true,
        origin: context.origin(),
    };
    check_unique(context.state, &user)?;
    let seen = context.write(Window::Directory);
    context.state.put_user(user, seen, context.now);
    let made = Id::from(id.as_str());
    identity_events::tell(context.state, &IdentityNews::User("Created", &made));
    Ok(naming(context, "User", &id, Some(1)))
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let user = read(context, context.text("UserId"))?;
    Ok(Output::Members(shape(
        context.state,
        user,
        &context.call.input,
    )))
}

fn update(context: &mut Context<'_>) -> HandlerResult {
    let mut user = target(context, context.text("UserId"))?.clone();
    check_revision(context, &user.origin)?;
    let mut attributes = user.attributes.clone();
    let status = if user.enabled { "ENABLED" } else { "DISABLED" };
    attributes.insert("UserStatus".to_owned(), status.into());
    let behaviour = &context.state.settings.behaviour;
    let status_path = (!behaviour.is("user_status_write", "refused")).then_some("UserStatus");
    let writable: Vec<&str> = ATTRIBUTES.iter().copied().chain(status_path).collect();
    let create = context.call.service.model("CreateUser");
    attributes::apply(&mut attributes, &context.call.input, (create, &writable))?;
    let status = attributes.shift_remove("UserStatus");
    let is_disabled = status == Some("DISABLED".into());
    if !is_disabled && status.is_some_and(|it| it != "ENABLED") {
        let text = "userStatus is one of ENABLED, DISABLED.";
        return Err(ApiError::new("ValidationException", text));
    }
    attributes::check(context, "CreateUser", (&user.attributes, &attributes))?;
    if !behaviour.is("user_status_write", "ignored") {
        user.enabled = !is_disabled;
    }
    user.attributes = attributes;
    if user.user_name().is_empty() {
        return Err(ApiError::new(
            "ValidationException",
            "userName must not be removed.",
        ));
    }
    check_user_name(user.user_name())?;
    check_unique(context.state, &user)?;
    user.origin = context.touched(&user.origin);
    let (id, revision) = (user.id.clone(), user.origin.revision);
    let seen = context.write(Window::Directory);
    context.state.put_user(user, seen, context.now);
    identity_events::tell(context.state, &IdentityNews::User("Updated", &id));
    Ok(naming(context, "User", &id, Some(revision)))
}

/// `DeleteUser`: deletes memberships, keeps assignments.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    let user = target(context, context.text("UserId"))?;
    check_revision(context, &user.origin)?;
    let id = user.id.clone();
    let seen = context.write(Window::Directory);
    remove_user(context.state, &id, seen, context.now);
    identity_events::tell(context.state, &IdentityNews::User("Deleted", &id));
    Ok(Output::Members(json!({})))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let state = &context.state;
    if let Some(name) = filtered_by(context, "UserName")? {
        let candidates = state
            .user_names
            .get(&name.to_lowercase())
            .into_iter()
            .flatten();
        let rows: Vec<Value> = candidates
            .filter_map(|id| state.users.seen(&state.place(id), context.reading))
            .filter(|user| user.user_name() == name)
            .map(|user| shape(state, user, &context.call.input))
            .collect();
        return Ok(context.paged(rows, None));
    }
    let start = after(&page);
    let rows = state
        .users
        .range_seen(start, context.reading)
        .map(|((order, id), user)| {
            let row = shape(state, user, &context.call.input);
            (*order, id.to_string(), row)
        });
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn get_id(context: &Context<'_>) -> HandlerResult {
    let state = &context.state;
    let found = match super::groups::alternate(&context.call.input)? {
        super::groups::Alternate::External(issuer, id) => state
            .users
            .range_seen(Bound::Unbounded, context.reading)
            .map(|(_, user)| user)
            .find(|user| super::groups::has_external_id(&user.attributes, &issuer, &id)),
        super::groups::Alternate::Unique(path, value) => {
            let value = value.to_lowercase();
            let path = path.to_ascii_lowercase();
            let index = match path.as_str() {
                "username" => &state.user_names,
                "emails.value" => &state.user_emails,
                _ => {
                    return Err(ApiError::new(
                        "ValidationException",
                        format!("Attribute path {path} is not unique."),
                    ));
                }
            };
            let candidates = index.get(&value).into_iter().flatten();
            candidates
                .filter_map(|id| state.users.seen(&state.place(id), context.reading))
                .find(|user| {
                    let held = if path == "username" {
                        Some(user.user_name())
                    } else {
                        user.email()
                    };
                    held.is_some_and(|held| held.to_lowercase() == value)
                })
        }
    };
    let user = found.ok_or_else(|| not_found("USER", ""))?;
    Ok(naming(context, "User", &user.id, None))
}
