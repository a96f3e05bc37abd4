//! A scripted identity provider with its own keys.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hallpass_server::{App, OidcSettings, Provider, SignIn};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::test_server::{Reply, TestServer};

pub(crate) const CLIENT: &str = "hallpass-client";
pub(crate) const SECRET: &str = "the client's secret & more";
pub(crate) const PUBLIC: &str = "http://127.0.0.1:8080";

pub(crate) enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    /// A shared secret; must be refused.
    Shared(Vec<u8>),
    Nothing,
}

impl Key {
    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Shared(_) => "HS256",
            Self::Nothing => "none",
        }
    }

    fn sign(&self, text: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            Self::Ec(key) => {
                let signature = key.sign(&random, text.as_bytes()).unwrap();
                signature.as_ref().to_vec()
            }
            Self::Shared(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
            }
            Self::Nothing => Vec::new(),
        }
    }

    pub(crate) fn published(&self, kid: &str) -> Value {
        let coded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(key) => {
                // RFC 8017 `RSAPublicKey` of 2,048 bits: heads, a zero byte, the modulus, 65537
                let der = key.public_key().as_ref();
                let (modulus, exponent) = (&der[9..265], &der[267..270]);
                json!({"kty": "RSA", "use": "sig", "kid": kid, "alg": "RS256",
                    "n": coded(modulus), "e": coded(exponent)})
            }
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "use": "sig", "kid": kid, "alg": "ES256", "crv": "P-256",
                    "x": coded(&point[1..33]), "y": coded(&point[33..65])})
            }
            Self::Shared(_) | Self::Nothing => json!({"kty": "oct", "kid": kid}),
        }
    }
}

pub(crate) struct World {
    pub(crate) key: Key,
    pub(crate) kid: String,
    pub(crate) published: Vec<Value>,
    pub(crate) header: Value,
    pub(crate) change: Value,
    pub(crate) userinfo: Value,
    /// Overrides discovery members; null removes one.
    pub(crate) discovery: Value,
    pub(crate) is_down: bool,
    pub(crate) now: i64,
    nonce: String,
    challenge: String,
    pub(crate) keys_fetched: usize,
    pub(crate) authorization: Option<String>,
    pub(crate) last_id_token: String,
}

#[derive(Clone)]
pub(crate) struct FakeOidc {
    pub(crate) issuer: String,
    world: Arc<Mutex<World>>,
}

impl FakeOidc {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = Key::ec();
        let world = World {
            published: vec![key.published("first")],
            key,
            kid: "first".to_owned(),
            header: json!({}),
            change: json!({}),
            userinfo: json!({"sub": "u-ana"}),
            discovery: json!({}),
            is_down: false,
            now: 1_780_000_000,
            nonce: String::new(),
            challenge: String::new(),
            keys_fetched: 0,
            authorization: None,
            last_id_token: String::new(),
        };
        let oidc = Self {
            issuer,
            world: Arc::new(Mutex::new(world)),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(oidc.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        oidc
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub(crate) fn signs_with(&self, key: Key, kid: &str, is_published: bool) {
        let mut world = self.world();
        if is_published {
            world.published = vec![key.published(kid)];
        }
        world.key = key;
        kid.clone_into(&mut world.kid);
    }

    pub(crate) fn signed(&self, claims: &Value) -> String {
        let world = self.world();
        let coded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let mut header = json!({"alg": world.key.algorithm(), "kid": world.kid, "typ": "JWT"});
        changed(&mut header, &world.header);
        let text = format!("{}.{}", coded(&header), coded(claims));
        let signature = URL_SAFE_NO_PAD.encode(world.key.sign(&text));
        format!("{text}.{signature}")
    }

    fn id_token(&self) -> String {
        let (change, now, nonce) = {
            let world = self.world();
            (world.change.clone(), world.now, world.nonce.clone())
        };
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": "u-ana", "sid": "s-1", "nonce": nonce,
            "iat": now, "exp": now + 300, "email": "ana@corp.example", "email_verified": true,
        });
        changed(&mut claims, &change);
        let token = self.signed(&claims);
        self.world().last_id_token.clone_from(&token);
        token
    }

    pub(crate) fn logout_token(&self, change: &Value) -> String {
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": "u-ana", "sid": "s-1", "jti": "j",
            "iat": self.world().now,
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        changed(&mut claims, change);
        self.signed(&claims)
    }

    pub(crate) fn settings(&self) -> OidcSettings {
        OidcSettings {
            issuer: self.issuer.clone(),
            client_id: CLIENT.to_owned(),
            client_secret: Some(SECRET.to_owned().into()),
            scopes: vec!["openid".to_owned(), "email".to_owned()],
            email_claim: "email".to_owned(),
            require_verified_email: true,
            name: "Example ID".to_owned(),
            public_url: PUBLIC.to_owned(),
        }
    }

    pub(crate) fn server(&self) -> TestServer {
        self.server_with(|_| {}, |_| {})
    }

    pub(crate) fn server_with(
        &self,
        settings: impl FnOnce(&mut OidcSettings),
        change: impl FnOnce(&mut App),
    ) -> TestServer {
        let mut wanted = self.settings();
        settings(&mut wanted);
        let sign_in = SignIn::new(PUBLIC)
            .with_tries(100_000)
            .with_provider(Provider::new(wanted).unwrap());
        TestServer::with(|app| {
            app.sign_in = Arc::new(sign_in);
            change(app);
        })
    }

    pub(crate) async fn leave(&self, browser: &mut Browser<'_>, next: &str) -> String {
        let path = format!("/signin/oidc?{}", crate::browser::form(&[("next", next)]));
        self.leave_by(browser, &path).await.0
    }

    pub(crate) async fn leave_by(
        &self,
        browser: &mut Browser<'_>,
        path: &str,
    ) -> (String, BTreeMap<String, String>) {
        let reply = browser.get(path).await;
        assert_eq!(reply.status.as_u16(), 303, "{}", reply.text());
        let to = reply.leads_to();
        let query = to.split_once('?').unwrap().1;
        let sent: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        assert_eq!(sent["response_type"], "code");
        assert_eq!(sent["client_id"], CLIENT);
        assert_eq!(sent["code_challenge_method"], "S256");
        assert_eq!(
            sent["redirect_uri"],
            format!("{PUBLIC}/signin/oidc/callback")
        );
        let mut world = self.world();
        world.nonce.clone_from(&sent["nonce"]);
        world.challenge.clone_from(&sent["code_challenge"]);
        let back = [("code", "good"), ("state", &sent["state"])];
        let back = format!("/signin/oidc/callback?{}", crate::browser::form(&back));
        (back, sent)
    }

    pub(crate) async fn sign_in(&self, browser: &mut Browser<'_>) -> Reply {
        let back = self.leave(browser, "/").await;
        browser.get(&back).await
    }
}

fn changed(claims: &mut Value, change: &Value) {
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
}

type Answer = Result<Json<Value>, StatusCode>;

fn up(oidc: &FakeOidc) -> Result<(), StatusCode> {
    if oidc.world().is_down {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok(())
}

async fn discovery(State(oidc): State<FakeOidc>) -> Answer {
    up(&oidc)?;
    let issuer = &oidc.issuer;
    let mut document = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "none", "HS256", "XX9"],
    });
    changed(&mut document, &oidc.world().discovery);
    Ok(Json(document))
}

async fn keys(State(oidc): State<FakeOidc>) -> Answer {
    up(&oidc)?;
    let mut world = oidc.world();
    world.keys_fetched += 1;
    Ok(Json(json!({"keys": world.published})))
}

async fn token(
    State(oidc): State<FakeOidc>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Json<Value>, (StatusCode, Json<Value>)> {
    let refused = |why: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": why})));
    up(&oidc).map_err(|status| (status, Json(json!({"error": "server_error"}))))?;
    let hash = digest::digest(&digest::SHA256, form["code_verifier"].as_bytes());
    {
        let mut world = oidc.world();
        let authorization = headers.get("authorization");
        world.authorization = authorization.map(|it| it.to_str().unwrap().to_owned());
        if form["code"] != "good" || URL_SAFE_NO_PAD.encode(hash) != world.challenge {
            return Err(refused("invalid_grant"));
        }
    }
    Ok(Json(json!({
        "access_token": "at", "token_type": "Bearer", "expires_in": 60,
        "id_token": oidc.id_token(),
    })))
}

async fn userinfo(State(oidc): State<FakeOidc>, headers: HeaderMap) -> Answer {
    let is_known = headers
        .get("authorization")
        .is_some_and(|it| it == "Bearer at");
    if !is_known {
        return Err(StatusCode::UNAUTHORIZED);
    }
    Ok(Json(oidc.world().userinfo.clone()))
}
