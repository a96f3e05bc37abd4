//! A request's warnings for approvers.

use hallpass_access::Request;

/// Maximum warnings per message; readers of more decide on the page.
const SHOWN_MAX: usize = 5;

/// Returns the distinct texts the requester confirmed, up to the message's limit, and the number of
/// others.
pub fn of_request(request: &Request) -> (Vec<&str>, usize) {
    let of_requester = { request.confirmed.iter() }.filter(|it| it.by == request.requester.email);
    let mut texts: Vec<&str> = Vec::new();
    for text in of_requester.flat_map(|it| &it.texts) {
        if !texts.contains(&text.as_str()) {
            texts.push(text);
        }
    }
    let more = texts.len().saturating_sub(SHOWN_MAX);
    texts.truncate(SHOWN_MAX);
    (texts, more)
}

pub fn more(count: usize) -> String {
    match count {
        1 => "1 more warning is on the request's page.".to_owned(),
        _ => format!("{count} more warnings are on the request's page."),
    }
}
