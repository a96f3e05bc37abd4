use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use hallpass_server::{App, PersonaCard, ServerMode};

use crate::pages_visit::page_of;
use crate::test_server::{PEOPLE, Reply, TestServer};

pub(crate) fn server() -> TestServer {
    server_with(|_| {})
}

pub(crate) fn server_with(change: impl FnOnce(&mut App)) -> TestServer {
    TestServer::with(|app| {
        to_be_picked(app);
        change(app);
    })
}

pub(crate) fn to_be_picked(app: &mut App) {
    let personas = PEOPLE.map(|name| PersonaCard {
        email: format!("{name}@corp.example"),
        name: name.to_owned(),
        role: String::new(),
        token: String::new(),
    });
    app.mode = std::sync::Arc::new(ServerMode::Demo {
        personas: personas.to_vec(),
        aws_endpoint: "http://127.0.0.1:4570".to_owned(),
        program: "hallpass".to_owned(),
    });
}

pub(crate) struct At<'a> {
    server: &'a TestServer,
    cookie: String,
}

impl<'a> At<'a> {
    pub(crate) async fn new(server: &'a TestServer, person: &str) -> Self {
        let body = format!("persona={person}%40corp.example");
        let mut request = Request::post("/signin")
            .header(header::HOST, "localhost:8080")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        let here = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 50_000)));
        request.extensions_mut().insert(here);
        let reply = server.send(request).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{reply:?}");
        let set = reply.headers.get(header::SET_COOKIE).unwrap();
        let pair = set.to_str().unwrap().split(';').next().unwrap();
        Self {
            server,
            cookie: pair.to_owned(),
        }
    }

    pub(crate) fn in_zone(self, zone: &str) -> Self {
        let cookie = format!("{}; zone={zone}", self.cookie);
        Self { cookie, ..self }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let request = Request::get(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::HOST, "localhost:8080");
        self.server.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn page(&self, path: &str) -> String {
        page_of(path, &self.get(path).await)
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let token = field(&self.page("/access").await, "csrf");
        let mut fields = fields.to_vec();
        fields.push(("csrf", &token));
        self.post_bare(path, &fields).await
    }

    pub(crate) async fn post_bare(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = Request::post(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::HOST, "localhost:8080")
            .header(header::ORIGIN, "http://localhost:8080")
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        self.server.send(request).await
    }
}

pub(crate) fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

fn field(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&start).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

pub(crate) fn words(page: &str) -> String {
    let main = page.split_once("<main").map_or(page, |(_, main)| main);
    let main = main.split_once("</main>").map_or(main, |(main, _)| main);
    let tags = regex::Regex::new("<[^>]*>").unwrap();
    let spaces = regex::Regex::new(r"\s+").unwrap();
    spaces
        .replace_all(&tags.replace_all(main, " "), " ")
        .into_owned()
}
