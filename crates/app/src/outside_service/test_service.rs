//! A service for tests: answers what it is given.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;

pub(crate) type Reply = (StatusCode, String);

pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Answers in turn, the last one again and again; keeps what was asked.
#[derive(Clone)]
pub(crate) struct TestService {
    pub(crate) answers: Arc<Mutex<Vec<Reply>>>,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
}

async fn answer(
    State(service): State<TestService>,
    request: Request,
) -> (StatusCode, HeaderMap, Bytes) {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    service.asked.lock().unwrap().push(Asked {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body,
    });
    let (status, text) = {
        let mut answers = service.answers.lock().unwrap();
        if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        }
    };
    let mut headers = HeaderMap::new();
    if status.is_redirection() {
        headers.insert("location", "/elsewhere".parse().unwrap());
    }
    (status, headers, text.into())
}

pub(crate) async fn fake(answers: Vec<Reply>) -> (TestService, String) {
    let service = TestService {
        answers: Arc::new(Mutex::new(answers)),
        asked: Arc::default(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(service.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (service, url)
}

/// The answers as they are, then with edits, which are always the same.
pub(crate) fn with_edits(answers: &[Reply]) -> impl Iterator<Item = Vec<Reply>> {
    let changed = (1..100).map(|seed| edited(answers, seed));
    std::iter::once(answers.to_vec()).chain(changed)
}

fn edited(answers: &[Reply], seed: u64) -> Vec<Reply> {
    const LETTERS: &[u8] = b"\"{}[],:\\@.0-eE \n\0u/x";
    let mut random = fastrand::Rng::with_seed(seed);
    let edit = |(status, text): &Reply| {
        let mut edits = [0; 9];
        random.fill(&mut edits);
        (
            *status,
            hallpass_base::testing::edited(text, &edits, LETTERS),
        )
    };
    answers.iter().map(edit).collect()
}

/// All texts in the answers, in lower case.
pub(crate) fn texts(answers: &[Reply]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left: Vec<Value> = answers
        .iter()
        .filter_map(|(_, text)| serde_json::from_str(text).ok())
        .collect();
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) => drop(found.insert(text.trim().to_lowercase())),
            Value::Array(items) => left.extend(items),
            Value::Object(members) => left.extend(members.into_iter().map(|(_, it)| it)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}
