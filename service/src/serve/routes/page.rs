// SPDX-License-Identifier: MPL-2.0
//! The web page: four files that are built in.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

/// Nothing but its own files; pictures and recordings that are chosen; results, which may lie with
/// an object store of any address.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' blob:; media-src 'self' blob: http: https:; \
                      form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

fn file(kind: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let policy = HeaderValue::from_static(POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// The page.
pub async fn index() -> Response {
    let text = include_str!("../page/index.html");
    file("text/html; charset=utf-8", text)
}

/// How it looks.
pub async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("../page/page.css"))
}

/// What it does.
pub async fn script() -> Response {
    let text = include_str!("../page/page.js");
    file("text/javascript; charset=utf-8", text)
}

/// Its sign.
pub async fn icon() -> Response {
    file("image/svg+xml", include_str!("../page/icon.svg"))
}
