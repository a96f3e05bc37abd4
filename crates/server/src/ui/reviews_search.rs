use hallpass_access::Request;
use hallpass_base::RequestId;

use super::shell::url_encoded;

pub(super) fn live(about: Option<RequestId>, q: &str) -> String {
    let about = about.map(|id| format!("about={id}"));
    let q = Some(q.trim()).filter(|q| !q.is_empty());
    let q = q.map(|q| format!("q={}", url_encoded(q)));
    let query: Vec<String> = about.into_iter().chain(q).collect();
    match query.as_slice() {
        [] => "/reviews".to_owned(),
        query => format!("/reviews?{}", query.join("&")),
    }
}

/// Every word must match requester, target or reason.
pub(super) fn fits(request: &Request, q: &str) -> bool {
    let ticket = request.ticket.as_deref().unwrap_or_default();
    let about = format!(
        "{} {} {} {} {ticket}",
        request.requester.name, request.requester.email, request.names, request.reason
    );
    let about = about.to_lowercase();
    q.to_lowercase()
        .split_whitespace()
        .all(|word| about.contains(word))
}
