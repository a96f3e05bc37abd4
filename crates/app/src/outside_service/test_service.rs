//! A service for tests: answers what it is given.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};

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
