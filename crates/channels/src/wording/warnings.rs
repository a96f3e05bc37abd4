//! The warnings of a request, for those who decide about it.

use hallpass_access::Request;

/// The most warnings in one message: who reads it decides on the page if there are more.
const SHOWN_MAX: usize = 5;

/// What approvers are shown before they approve: the texts that whoever asked confirmed, each once, as many as a message
/// holds, and how many more there are.
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

/// That a message does not have all of them.
pub fn more(count: usize) -> String {
    match count {
        1 => "1 more warning is on the request's page.".to_owned(),
        _ => format!("{count} more warnings are on the request's page."),
    }
}
