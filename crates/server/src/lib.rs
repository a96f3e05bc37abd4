//! HTTP: the REST API of `/api/v1`, health, metrics and the web pages.
//!
//! Handlers parse, authenticate, call one service and render. They contain no rules:
//! `hallpass-access` authorizes from stored state.
//!
//! Must not know SQL, AWS clients or Slack; the binary supplies those.
//!
//! Module groups, lowest first; a group uses only those above it. `◄`: the right one uses the left.
//!
//! ```text
//! network   address  log_limiter  connections
//!           who calls, by which connection, and how many
//! supplied  access_snapshots  channel_webhook  probe  rates  record_times  session_settings  setup
//!           settings, ports and limits, each for itself
//! bodies    convert_approvals ◄ convert ◄ convert_sweeps  problem
//!           stored values as bodies of the API, errors as problem details
//! state     app  handovers  last_day  logins  oidc  session  sign_in  status
//!           what handlers hold, and signing in: one known import cycle
//! calls     alerts  auth  body  costly  denied  grant_activity  judged_people  limits  own
//!           permission_set_policies  traced_calls
//!           what several routes do: authenticate, parse, limit, look up
//! routes    health  hooks  api ◄ openapi  api ◄ ui
//!           REST API, pages, webhooks, health and metrics; `router` joins them
//! ```

mod address;
mod connections;
mod log_limiter;

mod access_snapshots;
mod channel_webhook;
mod probe;
mod rates;
mod record_times;
mod session_settings;
mod setup;

mod convert;
mod convert_approvals;
mod convert_campaigns;
mod convert_states;
mod convert_sweeps;
mod problem;

mod app;
mod handovers;
mod last_day;
mod logins;
mod oidc;
mod session;
mod sign_in;
mod status;

mod alerts;
mod auth;
mod body;
mod costly;
mod denied;
mod grant_activity;
mod judged_people;
mod limits;
mod listing;
mod own;
mod permission_set_policies;
mod traced_calls;

mod api;
mod health;
mod hooks;
mod openapi;
mod ui;

#[cfg(test)]
mod fuzz;

pub use access_snapshots::{AccessSnapshots, KnownAccess};
pub use address::{NotARange, Proxies};
pub use app::{App, PersonaCard, ServerMode};
pub use channel_webhook::{ChannelWebhook, Hook, HookAnswer};
pub use connections::{
    Accept, Certificate, CertificateFault, ConnectionFigures, ConnectionSettings, Connections,
    TlsConnection, TlsListener, listen, serve_connections,
};
pub use oidc::{OidcSettings, Provider};
pub use openapi::document as openapi_document;
pub use probe::{Bearing, ProbeResult, ReadinessProbe};
pub use rates::Rates;
pub use session_settings::SessionSettings;
pub use setup::SetupPart;
pub use sign_in::SignIn;
pub use status::{ChainState, ExportState, HeadState, RefusedRules, RulesStatus, ServerStatus};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, header},
    middleware,
    routing::get,
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    trace::TraceLayer,
};

/// Body limit; a request with a full reason is under 10 KiB.
const BODY_BYTES_MAX: usize = 64 * 1024;

pub async fn serve<L: Accept>(
    listener: L,
    app: App,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let connections = app.connections.clone();
    serve_connections(listener, router(app), connections, shutdown).await;
}

/// Content security policy: own resources only, nothing inline, no frames.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

fn headers(app: &App) -> Vec<(HeaderName, &'static str)> {
    let mut headers = vec![
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // no referrer to other sites. Without referrers, browsers send Hallpass forms with a null
        // origin, and over plain HTTP no other header names the source
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ];
    if app.session_settings.secure {
        headers.push((header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"));
    }
    headers
}

/// Log span of a call: never the full URL, which contains `code` and `state` after a sign-in.
fn span_of<B>(request: &axum::http::Request<B>) -> tracing::Span {
    let (method, path) = (request.method(), request.uri().path());
    tracing::debug_span!("request", %method, path)
}

pub fn router(app: App) -> Router {
    let id = HeaderName::from_static("x-request-id");
    let calls = api::router()
        .merge(health::router())
        .merge(ui::router())
        .merge(hooks::router(&app.webhooks))
        .route("/api/openapi.json", get(openapi::serve))
        .layer(middleware::from_fn(problem::in_time));
    let mut router = calls
        .merge(api::streams())
        .merge(ui::streams())
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            session::renewing,
        ))
        .layer(middleware::from_fn_with_state(app.clone(), limits::allow))
        .layer(middleware::from_fn_with_state(app.clone(), health::count))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn(ui::as_pages_for_browsers))
        .layer(middleware::from_fn(problem::with_reference));
    for (name, value) in headers(&app) {
        router = router.layer(SetResponseHeaderLayer::if_not_present(
            name,
            HeaderValue::from_static(value),
        ));
    }
    router
        .layer(PropagateRequestIdLayer::new(id.clone()))
        // only method, path and status: bodies contain reasons, headers tokens, queries sign-in
        // codes. `health::count` logs failures
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span_of)
                .on_failure(()),
        )
        .layer(middleware::from_fn(traced_calls::traced))
        .layer(SetRequestIdLayer::new(id, MakeRequestUuid))
        .with_state(app)
}
