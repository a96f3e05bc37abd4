//! A test browser: keeps cookies, submits forms, follows no redirects.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use hallpass_access::identity::{SessionStore as _, SignedIn, WebSession, hash_secret};
use hallpass_base::{Email, TimeSpan};

use crate::test_server::{Reply, TestServer};

#[derive(Clone)]
pub(crate) struct Browser<'a> {
    pub(crate) server: &'a TestServer,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) set: Vec<String>,
    pub(crate) peer: SocketAddr,
    pub(crate) agent: String,
}

pub(crate) const CSRF: &str = "the token of the forms";

pub(crate) async fn begin_session(server: &TestServer, person: &str, secret: &str) {
    let now = server.now();
    let session = WebSession {
        hash: hash_secret(secret),
        user: Email::new(&format!("{person}@corp.example")).unwrap(),
        user_id: Some(crate::test_server::user_id(person).parse().unwrap()),
        secondary_domain: false,
        signed_in: SignedIn::Persona,
        began_at: now,
        seen_at: now,
        renewed_at: now,
        ends_at: TimeSpan::hours(24).after(now),
        browsing: hallpass_access::identity::Browsing::default(),
        csrf: CSRF.to_owned(),
        previous: None,
        next: None,
    };
    server.sessions.begin(&session).await.unwrap();
}

impl<'a> Browser<'a> {
    pub(crate) fn new(server: &'a TestServer) -> Self {
        Self {
            server,
            cookies: BTreeMap::new(),
            set: Vec::new(),
            peer: SocketAddr::from(([127, 0, 0, 1], 50_000)),
            agent: String::new(),
        }
    }

    pub(crate) async fn of(server: &'a TestServer, person: &str) -> Self {
        let secret = format!("session of {person}").replace(' ', "-");
        begin_session(server, person, &secret).await;
        let mut browser = Self::new(server);
        browser.cookies.insert("hallpass".to_owned(), secret);
        browser
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Reply {
        let mut builder = Request::builder().method(method).uri(path);
        if headers.iter().all(|(name, _)| *name != "accept") {
            builder = builder.header(header::ACCEPT, "text/html");
        }
        if !self.agent.is_empty() {
            builder = builder.header(header::USER_AGENT, &self.agent);
        }
        if !self.cookies.is_empty() {
            let all: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            builder = builder.header(header::COOKIE, all.join("; "));
        }
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let mut request = builder.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let reply = self.server.send(request).await;
        for value in reply.headers.get_all(header::SET_COOKIE) {
            let text = value.to_str().unwrap().to_owned();
            let (name, rest) = text.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            self.set.push(text);
        }
        reply
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, &[], String::new()).await
    }

    pub(crate) async fn press(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.press_with(path, fields, CSRF).await
    }

    pub(crate) async fn press_with(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        csrf: &str,
    ) -> Reply {
        let mut fields = fields.to_vec();
        fields.push(("csrf", csrf));
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send("POST", path, &headers, form(&fields)).await
    }

    pub(crate) async fn is_signed_in(&mut self) -> bool {
        self.get("/").await.status.as_u16() == 200
    }
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

impl Reply {
    pub(crate) fn leads_to(&self) -> String {
        let to = self.headers.get(header::LOCATION);
        to.map(|to| to.to_str().unwrap().to_owned())
            .unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
