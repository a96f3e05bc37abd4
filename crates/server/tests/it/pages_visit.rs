//! A browser without script: pages, forms and redirects.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::browser::{CSRF, begin_session};
use crate::test_server::{Reply, TestServer};

pub(crate) struct Visit<'a> {
    server: &'a TestServer,
    cookie: String,
    csrf: String,
}

impl<'a> Visit<'a> {
    pub(crate) async fn of(server: &'a TestServer, person: &str) -> Self {
        let secret = format!("secret of {person}");
        begin_session(server, person, &secret).await;
        Self {
            server,
            csrf: CSRF.to_owned(),
            cookie: format!("hallpass={secret}; zone=Europe/Stockholm"),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let request = Request::get(path).header(header::COOKIE, &self.cookie);
        self.server.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn page(&self, path: &str) -> String {
        page_of(path, &self.get(path).await)
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let csrf = self.csrf.clone();
        self.post_with(path, fields, &csrf).await
    }

    pub(crate) async fn post_with(&self, path: &str, fields: &[(&str, &str)], csrf: &str) -> Reply {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .append_pair("csrf", csrf)
            .finish();
        let request = Request::post(path)
            .header(header::COOKIE, &self.cookie)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.server
            .send(request.body(Body::from(body)).unwrap())
            .await
    }

    pub(crate) async fn press(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let reply = self.post(path, fields).await;
        assert_eq!(
            reply.status,
            StatusCode::SEE_OTHER,
            "{path}: {}",
            text(&reply)
        );
        self.page(&to(&reply)).await
    }
}

pub(crate) fn page_of(path: &str, reply: &Reply) -> String {
    assert_eq!(reply.status, StatusCode::OK, "{path}: {}", text(reply));
    text(reply)
}

pub(crate) fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

pub(crate) fn to(reply: &Reply) -> String {
    let place = reply.headers.get(header::LOCATION);
    place.map_or(String::new(), |place| place.to_str().unwrap().to_owned())
}

pub(crate) fn field(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no field {name} in {page}"));
    rest.split('"').next().unwrap().to_owned()
}
