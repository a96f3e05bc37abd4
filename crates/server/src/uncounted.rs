//! Calls that are not counted come as often as anybody likes: what they cost must be little, whatever they carry.

/// Whether calls of a path are counted.
pub(crate) fn is_counted(path: &str) -> bool {
    let of_monitors = ["/healthz", "/readyz", "/metrics"].contains(&path);
    !of_monitors && !path.starts_with("/slack/") && !path.starts_with("/static/")
}
