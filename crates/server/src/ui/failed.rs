use std::sync::Arc;

use askama::Template;
use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hallpass_api::Problem;

use super::CSS;
use super::html::html;
use super::words::sentence;
use crate::problem::ProblemResponse;

/// For page routes: every error is a page.
pub(crate) async fn as_pages(request: Request, next: Next) -> Response {
    shown(next.run(request).await)
}

pub(crate) async fn as_pages_for_browsers(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_api = path == "/api" || path.starts_with("/api/");
    if is_api || !is_browser(request.headers()) {
        return next.run(request).await;
    }
    shown(next.run(request).await)
}

fn is_browser(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT);
    accepts
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"))
}

fn shown(response: Response) -> Response {
    let Some(problem) = problem_of(&response) else {
        return response;
    };
    let mut shown = page(&problem);
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            shown.headers_mut().append(name, value.clone());
        }
    }
    shown
}

fn problem_of(response: &Response) -> Option<Arc<Problem>> {
    let told = response.extensions().get::<Arc<Problem>>();
    told.map(Arc::clone).or_else(|| {
        // extractors return plain-text developer messages
        let kind = response.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let status = response.status();
        (status.is_client_error() && kind.starts_with("text/plain")).then(|| {
            let words = "the address of this page, or what was sent to it, was not understood";
            let problem = ProblemResponse::new(status, "not-understood", words)
                .help("look at the address, or start from your access");
            Arc::new(problem.into_problem())
        })
    })
}

#[derive(Template)]
#[template(path = "failed.html")]
struct Failed<'a> {
    css: &'static str,
    title: &'a str,
    words: &'a str,
    help: &'a str,
    reference: &'a str,
    csrf: &'a str,
}

pub(super) fn page(problem: &Problem) -> Response {
    page_with_sign_out(problem, "")
}

pub(super) fn page_with_sign_out(problem: &Problem, csrf: &str) -> Response {
    let status = StatusCode::from_u16(problem.status);
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let help = problem.help.as_deref().unwrap_or_default();
    let help = match help {
        "" => String::new(),
        help => sentence(help),
    };
    let title = match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not yours",
        StatusCode::SERVICE_UNAVAILABLE => "That didn’t work",
        StatusCode::TOO_MANY_REQUESTS => "Too many tries",
        _ => "Not understood",
    };
    let page = Failed {
        css: CSS.url(),
        title,
        words: &sentence(&problem.detail),
        help: &help,
        reference: problem.reference.as_deref().unwrap_or_default(),
        csrf,
    };
    match page.render() {
        Ok(text) => html(status, text),
        Err(_) => status.into_response(),
    }
}
