use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, Uri};
use hallpass_base::{Clock, IdSource, Timestamp};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{AwsClientSettings, Credentials};

#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl ReceivedRequest {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let pairs = self.uri.query()?.split('&');
        let mut values = pairs.filter_map(|pair| pair.split_once('='));
        let value = values.find_map(|(key, value)| (key == name).then_some(value))?;
        Some(value.replace("%2F", "/").replace("%20", " "))
    }
}

pub(crate) type ScriptedResponse = (u16, Vec<(&'static str, String)>, Vec<u8>);

#[derive(Clone)]
pub(crate) struct FakeHttp {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<ReceivedRequest>>>,
    first: Arc<Mutex<VecDeque<ScriptedResponse>>>,
}

impl FakeHttp {
    pub(crate) async fn start(
        answer: impl Fn(&ReceivedRequest) -> ScriptedResponse + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self {
            url,
            asked: Arc::default(),
            first: Arc::default(),
        };
        let (served, answer) = (fake.clone(), Arc::new(answer));
        let handle = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (served, answer) = (served.clone(), Arc::clone(&answer));
            async move {
                let asked = ReceivedRequest {
                    method,
                    uri,
                    headers,
                    body,
                };
                served.asked.lock().unwrap().push(asked.clone());
                let first = served.first.lock().unwrap().pop_front();
                let (status, headers, body) = first.unwrap_or_else(|| answer(&asked));
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(body)).unwrap()
            }
        };
        let router = Router::new()
            .fallback(handle)
            .layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        fake
    }

    pub(crate) fn first(&self, said: impl IntoIterator<Item = ScriptedResponse>) {
        self.first.lock().unwrap().extend(said);
    }

    pub(crate) fn asked(&self) -> Vec<ReceivedRequest> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> ReceivedRequest {
        self.asked().pop().unwrap()
    }
}

pub(crate) fn xml_error(status: u16, code: &str) -> ScriptedResponse {
    let body = format!("<Error><Code>{code}</Code><Message>in words</Message></Error>");
    (status, Vec::new(), body.into_bytes())
}

pub(crate) fn settings(url: &str) -> AwsClientSettings {
    AwsClientSettings {
        endpoint_url: Some(url.to_owned()),
        credentials: Credentials::Static {
            access_key_id: "AKIA0000111122223333".to_owned(),
            secret_access_key: SecretString::from("secret"),
            session_token: Some(SecretString::from("token")),
        },
        ..AwsClientSettings::new("eu-west-1")
    }
}

pub(crate) struct Still(pub(crate) Timestamp);

impl Still {
    pub(crate) fn at(text: &str) -> Arc<dyn Clock> {
        Arc::new(Self(text.parse().unwrap()))
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }
}

pub(crate) struct NoIds;

impl IdSource for NoIds {
    fn next(&self, _: Timestamp) -> Uuid {
        Uuid::nil()
    }
}
