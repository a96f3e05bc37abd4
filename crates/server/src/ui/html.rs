//! Page responses; invisible characters are made visible.

use std::borrow::Cow;

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use hallpass_base::text::visible;

pub(super) fn html(status: StatusCode, page: String) -> Response {
    let page = match visible(&page) {
        Cow::Borrowed(_) => page,
        Cow::Owned(shown) => shown,
    };
    (status, Html(page)).into_response()
}
