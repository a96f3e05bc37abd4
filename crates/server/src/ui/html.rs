//! A page as it leaves: nothing is hidden in it.

use std::borrow::Cow;

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use hallpass_base::text::visible;

/// A page as it is sent: whatever stands in it, nothing is hidden.
pub(super) fn html(status: StatusCode, page: String) -> Response {
    let page = match visible(&page) {
        Cow::Borrowed(_) => page,
        Cow::Owned(shown) => shown,
    };
    (status, Html(page)).into_response()
}
