//! A scripted server that records calls.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::run::{Ran, hallpass, run};

#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// `GET grants/grn_…`: the method and the path below `/api/v1/`.
    pub(crate) what: String,
    pub(crate) query: String,
    pub(crate) body: Value,
    pub(crate) key: Option<String>,
    pub(crate) token: Option<String>,
}

type Script = Box<dyn FnMut(&Call) -> (u16, Value) + Send>;

struct World {
    script: Script,
    calls: Vec<Call>,
}

pub(crate) struct Fake {
    address: String,
    world: Arc<Mutex<World>>,
}

impl Fake {
    pub(crate) fn start(script: impl FnMut(&Call) -> (u16, Value) + Send + 'static) -> Self {
        let world = Arc::new(Mutex::new(World {
            script: Box::new(script),
            calls: Vec::new(),
        }));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(world.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        Self { address, world }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.world.lock().unwrap().calls.clone()
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.what).collect()
    }
}

async fn answer(
    State(world): State<Arc<Mutex<World>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let text = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let path = uri.path().trim_start_matches("/api/v1/");
    let call = Call {
        what: format!("{method} {path}"),
        query: uri.query().unwrap_or_default().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        key: text("idempotency-key"),
        token: text("authorization").map(|it| it.trim_start_matches("Bearer ").to_owned()),
    };
    let mut world = world.lock().unwrap();
    let (status, value) = (world.script)(&call);
    world.calls.push(call);
    let media = if status < 400 {
        "application/json"
    } else {
        "application/problem+json"
    };
    (
        StatusCode::from_u16(status).unwrap(),
        [(header::CONTENT_TYPE, media)],
        value.to_string(),
    )
}

pub(crate) const REQUEST: &str = "req_01934a5b6c7d7e8f90123456789abcde";
pub(crate) const GRANT: &str = "grn_01934a5b6c7d7e8f90123456789abcdf";

pub(crate) fn request(state: &str) -> Value {
    let mut request = json!({
        "id": REQUEST, "state": state, "requester": "mara@acme.example",
        "requester_name": "Mara Lindqvist", "account": "222233334444",
        "account_name": "payments-prod", "permission_set": "DatabaseOperator",
        "duration_seconds": 7200, "reason": "disk full", "created_at": "2026-03-06T14:00:00Z",
        "decision": "RequiresApproval", "approvers": ["jonas@acme.example", "priya@acme.example"],
        "approvals_needed": 1, "reviews": [], "because": ["prod-database"], "version": 1
    });
    if state == "approved" {
        request["grant_id"] = GRANT.into();
    }
    if state == "denied" {
        request["decided_by"] = "jonas@acme.example".into();
        request["detail"] = "use ReadOnly for this".into();
    }
    request
}

pub(crate) fn against(fake: &Fake, args: &[&str]) -> Ran {
    run(hallpass()
        .env("HALLPASS_SERVER", fake.address())
        .env("HALLPASS_TOKEN", "secret-token")
        .args(args))
}

pub(crate) fn grant(state: &str) -> Value {
    let mut grant = json!({
        "id": GRANT, "state": state, "request_id": REQUEST, "user": "mara@acme.example",
        "user_name": "Mara Lindqvist", "user_id": "906752b26f-44c8f4e8-80f1-7091-a200-0f9ddad2661d",
        "account": "222233334444", "account_name": "payments-prod",
        "permission_set": "DatabaseOperator", "duration_seconds": 7200, "reason": "disk full",
        "approver": "jonas@acme.example", "approval": "peer",
        "scheduled_at": "2026-03-06T14:00:00Z", "ends_at": "2126-03-06T16:00:00Z",
        "standing": false, "stuck": false, "version": 3
    });
    if state == "active" {
        grant["console_url"] = "https://acme.awsapps.com/start/#/console".into();
        grant["cli_profile"] = "[profile payments-prod]\nregion = eu-west-1".into();
    }
    grant
}

pub(crate) fn problem(status: u16, code: &str, detail: &str) -> (u16, Value) {
    (
        status,
        json!({"type": "about:blank", "title": "Refused", "status": status, "code": code,
            "detail": detail, "help": "ask an administrator"}),
    )
}
