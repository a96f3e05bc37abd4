//! Decides whether a control API call comes from this machine or from a web page open in a local
//! browser.
//!
//! A loopback connection proves little: a browser here opens one for any page. Two headers expose
//! such a page: the host name (DNS rebinding sends the page's name) and the origin site the browser
//! reports.

use std::{net::IpAddr, sync::Arc};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::{
    Router,
    extract::{ConnectInfo, Request, State as Extract},
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

use crate::base::{connections::ConnectionHandle, refusal::Refusal};

/// Message for callers without control access.
pub const KEPT_OUT: &str = "only from this machine and by its own name (localhost, or one given with --control-name), not for a \
     page of another site; or with the header X-Sim-Token where a token is set";

#[derive(Debug, Default)]
pub struct ControlAccess {
    /// Callers with this token have access.
    pub token: Option<String>,
    /// Names of this machine in addition to loopback.
    pub names: Vec<String>,
}

impl ControlAccess {
    /// Returns whether a request may control the simulator or act as any user on its pages.
    pub fn lets_in(&self, headers: &HeaderMap, extensions: &Extensions) -> bool {
        let given = headers.get("x-sim-token");
        let line = extensions.get::<ConnectInfo<ConnectionHandle>>();
        let local = line.is_none_or(|ConnectInfo(line)| line.is_local());
        match &self.token {
            Some(token) => {
                let given = given.map(HeaderValue::as_bytes).unwrap_or_default();
                verify_slices_are_equal(token.as_bytes(), given).is_ok()
            }
            None => local && is_own(headers, &self.names),
        }
    }
}

pub fn guarded<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    access: &Arc<ControlAccess>,
) -> Router<S> {
    routes.layer(middleware::from_fn_with_state(access.clone(), guard))
}

async fn guard(
    Extract(access): Extract<Arc<ControlAccess>>,
    request: Request,
    next: Next,
) -> Response {
    if access.lets_in(request.headers(), request.extensions()) {
        return next.run(request).await;
    }
    Refusal::new(StatusCode::FORBIDDEN, "forbidden", KEPT_OUT).into_response()
}

/// Returns a header's text if it occurs once; fails on duplicates.
fn once<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}

fn host_of(authority: &str) -> Option<&str> {
    match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (port.is_empty() || port.starts_with(':')).then_some(address)
        }
        None => Some(
            authority
                .split_once(':')
                .map_or(authority, |(host, _)| host),
        ),
    }
}

/// Returns whether a name always means this machine (RFC 6761, 6.3).
fn is_loopback(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Returns whether the call names this machine or a configured name and no foreign site sent it.
/// Programs send no `Origin`; a browser sends it with everything except plain reads.
fn is_own(headers: &HeaderMap, names: &[String]) -> bool {
    let Ok(host) = once(headers, header::HOST.as_str()) else {
        return false;
    };
    let is_named = host.is_none_or(|authority| {
        host_of(authority).is_some_and(|host| {
            is_loopback(host) || names.iter().any(|name| name.eq_ignore_ascii_case(host))
        })
    });
    is_named && is_from_here(headers, host)
}

fn is_from_here(headers: &HeaderMap, host: Option<&str>) -> bool {
    let (Ok(origin), Ok(site)) = (once(headers, "origin"), once(headers, "sec-fetch-site")) else {
        return false;
    };
    match (origin, site) {
        (None, _) => true,
        // set by the browser; a page that hides its origin sends `null`
        (Some(_), Some(site)) => site == "same-origin",
        (Some(origin), None) => {
            let sender = origin.split_once("://").map(|(_, authority)| authority);
            sender.is_some() && sender == host
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for (host, own) in [
            ("127.0.0.1:4570", true),
            ("127.8.9.1", true),
            ("localhost:4570", true),
            ("LOCALHOST", true),
            ("localhost.:4570", true),
            ("portal.localhost:4570", true),
            ("[::1]:4570", true),
            ("[::ffff:127.0.0.1]:4570", true),
            ("sim.internal:4570", true),
            ("evil.example:4570", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:4570", false),
            ("192.0.2.7:4570", false),
            ("[2001:db8::1]:4570", false),
            ("[::1", false),
            ("[::1]evil.example", false),
            ("0.0.0.0:4570", false),
            ("", false),
        ] {
            let found = is_own(&headers(&[("host", host)]), &["sim.internal".to_owned()]);
            assert_eq!(found, own, "{host:?}");
        }
        assert!(is_own(&HeaderMap::new(), &[]), "no browser leaves it out");
        let twice = headers(&[("host", "localhost"), ("host", "evil.example")]);
        assert!(!is_own(&twice, &[]));
    }

    #[test]
    fn what_another_sites_page_sends_is_not() {
        let here = ("host", "127.0.0.1:4570");
        for (sent, own) in [
            (&[("origin", "http://127.0.0.1:4570")][..], true),
            (&[("origin", "http://127.0.0.1:8080")], false),
            (&[("origin", "http://evil.example")], false),
            (&[("origin", "http://localhost:4570")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (
                &[("origin", "null"), ("sec-fetch-site", "same-origin")],
                true,
            ),
            (
                &[("origin", "null"), ("sec-fetch-site", "cross-site")],
                false,
            ),
            (
                &[
                    ("origin", "http://127.0.0.1:8080"),
                    ("sec-fetch-site", "same-site"),
                ],
                false,
            ),
            // a plain read, such as a link from the server's page to the portal's
            (&[("sec-fetch-site", "cross-site")], true),
            (
                &[
                    ("origin", "http://127.0.0.1:4570"),
                    ("origin", "http://evil.example"),
                ],
                false,
            ),
        ] {
            let mut all = vec![here];
            all.extend(sent);
            assert_eq!(is_own(&headers(&all), &[]), own, "{sent:?}");
        }
    }
}
