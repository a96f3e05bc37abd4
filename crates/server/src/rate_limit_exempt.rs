//! Calls exempt from rate limits must be cheap, whatever they contain.

pub(crate) fn is_counted(path: &str) -> bool {
    let of_monitors = ["/healthz", "/readyz", "/metrics"].contains(&path);
    !of_monitors && !path.starts_with("/slack/") && !path.starts_with("/static/")
}
