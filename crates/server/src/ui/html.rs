//! A page as it leaves: its static files, and nothing hidden in it.

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use hallpass_identity::hash_secret;
use hallpass_model::text::visible;

/// Addresses of static files carry their hash, so that browsers may keep them.
pub(crate) static CSS_URL: LazyLock<String> = LazyLock::new(|| {
    let hash = hash_secret(super::CSS);
    format!("/static/hallpass.css?v={}", hash.get(..12).unwrap_or("0"))
});
pub(crate) static JS_URL: LazyLock<String> = LazyLock::new(|| {
    let hash = hash_secret(super::JS);
    format!("/static/hallpass.js?v={}", hash.get(..12).unwrap_or("0"))
});

/// A page as it is sent: whatever stands in it, nothing is hidden.
pub(super) fn html(status: StatusCode, page: String) -> Response {
    let page = match visible(&page) {
        Cow::Borrowed(_) => page,
        Cow::Owned(shown) => shown,
    };
    (status, Html(page)).into_response()
}
