//! Account creation: requested here, settled in `core/account_creation`.

use crate::base::Millis;
use hallpass_aws_model::facts;
use serde_json::{Map, Value, json};

use super::{ApiError, Context, ERRORS, HandlerResult, Output, seconds, tags::given};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;
use crate::{
    core::{
        account_creation::duration, account_requests::AccountRequest, entities::AsyncState,
        state::SimState, windows::Window,
    },
    organization::Consistency,
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateAccount", Writes(create)),
    ("DescribeCreateAccountStatus", Reads(describe)),
    ("ListCreateAccountStatus", Reads(list)),
];

const AT_ONCE: usize = facts::ACCOUNTS_MADE_AT_ONCE.count();
/// In mode `hard` two account writes within this time conflict (`simulator.md` §2.6).
const APART: Millis = 200;
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS: &str = "0123456789";

fn shape(request: &AccountRequest) -> Value {
    let mut members = Map::new();
    members.insert("Id".to_owned(), request.id.as_ref().into());
    members.insert("AccountName".to_owned(), request.name.clone().into());
    members.insert("RequestedTimestamp".to_owned(), seconds(request.created));
    let state = match &request.progress {
        AsyncState::Running => "IN_PROGRESS",
        AsyncState::Succeeded => {
            members.insert("AccountId".to_owned(), request.account.as_ref().into());
            "SUCCEEDED"
        }
        AsyncState::Failed(reason) => {
            members.insert("FailureReason".to_owned(), reason.clone().into());
            "FAILED"
        }
    };
    if !request.is_running() {
        members.insert("CompletedTimestamp".to_owned(), seconds(request.due));
    }
    members.insert("State".to_owned(), state.into());
    Value::Object(members)
}

/// Registers an account write, or fails on a conflict.
pub(super) fn alone(context: &mut Context<'_>) -> Result<(), ApiError> {
    let (now, hard) = (
        context.now,
        context.state.settings.consistency == Consistency::Hard,
    );
    let last = context.state.account_write.replace(now);
    if hard && last.is_some_and(|last| now < last + APART) {
        return Err(ApiError::new(
            "ConcurrentModificationException",
            "AWS Organizations can't complete your request because it conflicts with another attempt to modify the \
             same entity. Try again later.",
        ));
    }
    Ok(())
}

fn is_taken(state: &SimState, id: &str) -> bool {
    let mut asked = state.account_requests.values();
    state.account(id).is_some() || asked.any(|request| *request.account == *id)
}

/// `CreateAccount`: not idempotent, and a duplicate address fails later.
fn create(context: &mut Context<'_>) -> HandlerResult {
    let running = context.state.account_requests.values();
    if running.filter(|request| request.is_running()).count() >= AT_ONCE {
        return Err((ERRORS.throttled)());
    }
    let tags = given(context)?;
    alone(context)?;
    let mut account = context.random().text(DIGITS, 12);
    while is_taken(context.state, &account) {
        account = context.random().text(DIGITS, 12);
    }
    let id = format!("car-{}", context.random().text(LETTERS, 32));
    let speed = context.state.settings.speed;
    context.write(Window::Immediate);
    let request = AccountRequest {
        id: id.as_str().into(),
        name: context.text("AccountName").to_owned(),
        email: context.text("Email").to_owned(),
        tags,
        role: context.optional("RoleName").map(str::to_owned),
        account: account.as_str().into(),
        created: context.now,
        due: context.now + duration(speed, context.random()),
        progress: AsyncState::Running,
        fail: context.call.modifiers.fail_async.clone(),
    };
    let answer = shape(&request);
    let requests = &mut context.state.account_requests;
    requests.insert(request.id.clone(), request);
    Ok(Output::Members(json!({ "CreateAccountStatus": answer })))
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let id = context.text("CreateAccountRequestId");
    let request = context.state.account_requests.get(id);
    let request = request.ok_or_else(|| {
        ApiError::new(
            "CreateAccountStatusNotFoundException",
            "We can't find a create account request with the CreateAccountRequestId that you specified.",
        )
    })?;
    Ok(Output::Members(
        json!({ "CreateAccountStatus": shape(request) }),
    ))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let states = context.call.input.get("States").and_then(Value::as_array);
    let is_asked_for = |row: &Value| {
        states
            .is_none_or(|all| all.is_empty() || row.get("State").is_some_and(|it| all.contains(it)))
    };
    let after = page.after.clone();
    let rows = context
        .state
        .account_requests
        .values()
        .filter(|request| {
            let last = after.as_ref();
            last.is_none_or(|(_, id)| *request.id > **id)
        })
        .map(|request| (0, request.id.to_string(), shape(request)))
        .filter(|(_, _, row)| is_asked_for(row));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}
