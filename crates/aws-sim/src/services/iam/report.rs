//! The credential report (AWS: "Get credential reports for your AWS account"): generated with a
//! delay, available for four hours.

use crate::base::Millis;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, fmt::strtime};
use serde_json::{Value, json};

use super::{Context, HandlerResult, Iam, IamUser, keys};
use crate::services::{OperationHandler::Reads, OperationRow};
use crate::{
    core::{
        call::Output, entities::CredentialReport, errors::ApiError, iam::user_arn,
        instants::instant, settle, state::SimState, windows::Window,
    },
    organization::{IamKey, IamPassword},
};

pub(super) const OPERATIONS: &[OperationRow] = &[("GetCredentialReport", Reads(get))];

const KEPT: Millis = 4 * 3_600_000;
const DAY: Millis = 86_400_000;
const COLUMNS: &str = "user,arn,user_creation_time,password_enabled,password_last_used,\
    password_last_changed,password_next_rotation,mfa_active,access_key_1_active,\
    access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,\
    access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
    cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
const NOTHING: &str = "N/A";
const UNKNOWN: &str = "no_information";
const UNSUPPORTED: &str = "not_supported";

pub(super) fn generate(context: &mut Context<'_>) -> Output {
    let account = context.caller.account.as_str();
    let now = context.now;
    let report = context.state.credential_reports.get(account);
    let state = match report.filter(|report| now < report.ready + KEPT) {
        Some(report) if now < report.ready => "INPROGRESS",
        Some(_) => "COMPLETE",
        None => {
            let text = text(context.state, account, now);
            let speed = context.state.settings.speed;
            context.write(Window::Immediate);
            let ready = now + settle::duration(speed, 0, context.random());
            let report = CredentialReport {
                begun: now,
                ready,
                text,
            };
            let reports = &mut context.state.credential_reports;
            reports.insert(account.into(), report);
            let said = "No report exists. Starting a new report generation task";
            return Output::Members(json!({ "State": "STARTED", "Description": said }));
        }
    };
    Output::Members(json!({ "State": state }))
}

fn get(context: &Context<'_>) -> HandlerResult {
    let account = context.caller.account.as_str();
    let Some(report) = context.state.credential_reports.get(account) else {
        let text = "No credential report is present. Generate one first.";
        return Err(ApiError::new("ReportNotPresent", text));
    };
    if context.now < report.ready {
        let text = "The credential report is still being generated.";
        return Err(ApiError::new("ReportInProgress", text));
    }
    if context.now >= report.ready + KEPT {
        let text = "The most recent credential report has expired. Generate a new one.";
        return Err(ApiError::new("ReportExpired", text));
    }
    Ok(Output::Members(json!({
        "Content": STANDARD.encode(&report.text),
        "ReportFormat": "text/csv",
        "GeneratedTime": crate::core::issue::whole_seconds(report.begun),
    })))
}

/// `2026-11-20T07:27:43+00:00`
fn time(at: Millis) -> String {
    let at = Timestamp::from_second(at.div_euclid(1000)).unwrap_or_default();
    strtime::format("%Y-%m-%dT%H:%M:%S+00:00", at).unwrap_or_default()
}

fn text(state: &SimState, account: &str, now: Millis) -> String {
    let iam = state.iam_seen(account, now);
    let root = std::iter::once(root_row(state, account, &iam));
    let users = iam
        .users
        .iter()
        .map(|user| user_row(state, account, &iam, user));
    let rows = root.chain(users).map(|cells| {
        let cells: Vec<String> = cells.iter().map(|it| csv_cell(it)).collect();
        cells.join(",")
    });
    let mut text = COLUMNS.to_owned();
    for row in rows {
        text.push('\n');
        text.push_str(&row);
    }
    text
}

/// A cell of RFC 4180: user names may contain a comma.
fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

fn root_row(state: &SimState, account: &str, iam: &Iam) -> Vec<String> {
    let root = iam.root.clone().unwrap_or_default();
    let joined = state.joined(account);
    let used = instant(root.password_last_used.as_ref());
    let mut cells = vec![
        "<root_account>".to_owned(),
        format!("arn:aws:iam::{account}:root"),
        time(joined),
        UNSUPPORTED.to_owned(),
        used.map_or_else(|| UNKNOWN.to_owned(), time),
        UNSUPPORTED.to_owned(),
        UNSUPPORTED.to_owned(),
        root.mfa.is_some().to_string(),
    ];
    add_keys(&mut cells, state, &root.keys, joined);
    cells
}

fn user_row(state: &SimState, account: &str, iam: &Iam, user: &IamUser) -> Vec<String> {
    let made = instant(user.created.as_ref()).unwrap_or_else(|| state.joined(account));
    let mut cells = vec![user.name.clone(), user_arn(account, user), time(made)];
    cells.extend(match &user.password {
        None => ["false", NOTHING, NOTHING, NOTHING].map(str::to_owned),
        Some(password) => password_cells(iam, password, made),
    });
    cells.push(user.mfa.is_some().to_string());
    add_keys(&mut cells, state, &user.keys, made);
    cells
}

fn password_cells(iam: &Iam, password: &IamPassword, made: Millis) -> [String; 4] {
    let changed = instant(password.changed.as_ref()).unwrap_or(made);
    let used = instant(password.last_used.as_ref());
    let policy = iam.password_policy.as_ref();
    let age = policy.and_then(|policy| policy.get("MaxPasswordAge").and_then(Value::as_i64));
    let next = age
        .filter(|days| *days > 0)
        .map(|days| changed + days * DAY);
    [
        "true".to_owned(),
        used.map_or_else(|| UNKNOWN.to_owned(), time),
        time(changed),
        next.map_or_else(|| NOTHING.to_owned(), time),
    ]
}

/// Two access keys, the older first, and two signing certificates, which are always absent.
fn add_keys(cells: &mut Vec<String>, state: &SimState, keys: &[IamKey], made: Millis) {
    let created = |key: &IamKey| instant(key.created.as_ref()).unwrap_or(made);
    let mut keys: Vec<&IamKey> = keys.iter().collect();
    keys.sort_by_key(|key| created(key));
    for place in 0..2 {
        let Some(key) = keys.get(place) else {
            cells.extend(["false", NOTHING, NOTHING, NOTHING, NOTHING].map(str::to_owned));
            continue;
        };
        cells.push((keys::status(key) == "Active").to_string());
        cells.push(time(created(key)));
        cells.extend(match keys::used(state, key) {
            Some((at, service, region)) => [time(at), region, service],
            None => [NOTHING; 3].map(str::to_owned),
        });
    }
    for _ in 0..2 {
        cells.extend(["false", NOTHING].map(str::to_owned));
    }
}
