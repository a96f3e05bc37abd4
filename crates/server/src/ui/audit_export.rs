//! The filtered log as a streamed file, oldest first.

use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use hallpass_audit::{Origin, Record, StoreFault};
use hallpass_base::text::csv_cell;
use serde::Deserialize;
use serde_json::Value;

use super::audit_find::{Filter, Search};
use super::shell::Viewer;
use crate::{App, auth::Credential, problem::ProblemResponse};

const COLUMNS: [&str; 29] = [
    "seq",
    "time",
    "event",
    "actor",
    "source",
    "requester_email",
    "account_id",
    "role_name",
    "group_name",
    "group_id",
    "reason",
    "decision",
    "approval",
    "approver_email",
    "permission_duration",
    "ends_at",
    "based_on",
    "removed",
    "why",
    "error",
    "access_request_id",
    "grant_id",
    "request_id",
    "sso_user_principal_id",
    "secondary_domain_was_used",
    "config_hash",
    "id",
    "prev_hash",
    "hash",
];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ExportFormat {
    #[default]
    Jsonl,
    Csv,
}

// no `#[serde(flatten)]`: it breaks some queries
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExportQuery {
    format: ExportFormat,
    q: String,
    person: String,
    account: String,
    event: String,
    from: String,
    to: String,
}

struct Export {
    app: App,
    search: Search,
    reader: (Credential, bool),
    form: ExportFormat,
    next: u64,
    end: u64,
    is_first: bool,
}

pub(crate) async fn export(
    State(app): State<App>,
    viewer: Viewer,
    Query(wanted): Query<ExportQuery>,
) -> Result<Response, ProblemResponse> {
    let form = wanted.format;
    let filter = Filter {
        q: wanted.q,
        person: wanted.person,
        account: wanted.account,
        event: wanted.event,
        from: wanted.from,
        to: wanted.to,
    };
    let search = Search::new(&app, &filter, &viewer).await?;
    if let Some(problem) = search.problems.first() {
        return Err(ProblemResponse::bad("bad-filter", problem.clone()));
    }
    let (next, end) = search
        .bounds(app.audit.as_ref())
        .await
        .map_err(|fault| ProblemResponse::unavailable(&fault))?;
    let day = app.clock.now().strftime("%Y-%m-%d").to_string();
    let credential = Credential::Session(viewer.live.session.hash.clone());
    let export = Export {
        app,
        search,
        reader: (credential, viewer.actor.reads_all()),
        form,
        next,
        end,
        is_first: true,
    };
    let pieces = stream::unfold(export, |mut export| async move {
        // an error aborts the body, so that a partial file is not taken as complete
        match export.piece().await {
            Ok(piece) => piece.map(|piece| (Ok(piece), export)),
            Err(fault) => {
                tracing::error!(error = %fault, "an export of the log broke off");
                export.next = export.end;
                Some((Err(fault), export))
            }
        }
    });
    let (kind, ending) = match form {
        ExportFormat::Jsonl => ("application/jsonl; charset=utf-8", "jsonl"),
        ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
    };
    let name = format!("attachment; filename=\"hallpass-audit-{day}.{ending}\"");
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

impl Export {
    async fn piece(&mut self) -> Result<Option<String>, StoreFault> {
        let mut text = String::new();
        if self.is_first && self.form == ExportFormat::Csv {
            text.push_str(&COLUMNS.join(","));
            text.push_str("\r\n");
        }
        self.is_first = false;
        while text.is_empty() {
            if self.next >= self.end {
                return Ok(None);
            }
            self.ensure_readable().await?;
            self.read(&mut text).await?;
        }
        Ok(Some(text))
    }

    /// Rights may end during an export: each chunk checks them again.
    async fn ensure_readable(&self) -> Result<(), StoreFault> {
        let (credential, reads_all) = &self.reader;
        match credential.reader(&self.app, Origin::Web).await {
            Some(actor) if actor.reads_all() || !reads_all => Ok(()),
            Some(_) | None => Err(StoreFault("its reader may not read it any more".to_owned())),
        }
    }

    async fn read(&mut self, text: &mut String) -> Result<(), StoreFault> {
        let (records, next) = self.search.forwards(&self.app, self.next, self.end).await?;
        self.next = next;
        for record in &records {
            match self.form {
                ExportFormat::Jsonl => {
                    text.push_str(record.canonical());
                    text.push('\n');
                }
                ExportFormat::Csv => line(text, record),
            }
        }
        Ok(())
    }
}

fn line(text: &mut String, record: &Record) {
    for (place, column) in COLUMNS.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        let value = record.fields().get(*column);
        let cell = match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| {
                    item.as_str()
                        .map_or_else(|| item.to_string(), str::to_owned)
                })
                .collect::<Vec<_>>()
                .join(" "),
            Some(other) => other.to_string(),
        };
        text.push_str(&csv_cell(&cell));
    }
    text.push_str("\r\n");
}
