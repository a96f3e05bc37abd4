//! An in-memory server with test users.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::{Router, response::Response};
use hallpass_access::identity::{
    Identity, NewToken, OwnToken, Owner, SessionStore as _, TokenFacts, TokenFault, TokenScope,
    TokenSource, TokenStore, WhichSessions, hash_secret,
};
use hallpass_access::{
    Access, AccessStore, Actor, Directory, DirectoryFault, DirectoryPrefetch, DirectorySource,
    Origin, PolicySource, Ports, RemediationSource, SetPolicies, Settings,
};
use hallpass_base::{
    Clock, Disagreement, Email, IdSource, Look, PermissionSetArn, TimeSpan, Timestamp, TokenId,
    UserId,
};
use hallpass_plans::testing::MemoryPlans;
use hallpass_rules::directory::Snapshot;
use hallpass_rules::{NamedFacts, ReadFacts, RuleFile, Rules, load};
use hallpass_server::{
    App, ChannelWebhook, ConnectionSettings, Connections, ProbeResult, ReadinessProbe, ServerMode,
    SignIn, router,
};
use hallpass_store::MemorySessions;
use hallpass_store::MemoryStore;
use hallpass_store_testing::StandingDouble;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;
use uuid::Uuid;

pub(crate) const RULES: &str = r#"{
  "statements": [
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "ReadOnly", "ApprovalIsNotRequired": true},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin",
     "Approvers": ["cai@corp.example", "dee@corp.example"], "BreakGlass": "ana@corp.example"},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Root", "MinApprovals": 2,
     "Approvers": ["cai@corp.example", "dee@corp.example"]},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Closed",
     "AllowedUsers": ["eve@corp.example"], "Approvers": ["cai@corp.example"]},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Lonely", "Approvers": ["ana@corp.example"]}
  ],
  "group_statements": [
    {"Resource": "99999999-8888-7777-6666-555555555555", "Approvers": "cai@corp.example"}
  ]
}"#;

pub(crate) struct Wall(AtomicI64, Mutex<Option<Disagreement>>);

impl Wall {
    pub(crate) fn advance(&self, span: TimeSpan) {
        let seconds = i64::try_from(span.as_seconds()).unwrap();
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn disagrees(&self, with: Option<Disagreement>) {
        *self.1.lock().unwrap() = with;
    }
}

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn look(&self) -> Look {
        Look {
            now: self.now(),
            elsewhere: self.now(),
            disagreement: *self.1.lock().unwrap(),
        }
    }
}

struct Ids(AtomicU64);

impl IdSource for Ids {
    fn next(&self, now: Timestamp) -> Uuid {
        let millisecond = u64::try_from(now.as_millisecond()).unwrap();
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millisecond, &random).into_uuid()
    }
}

/// AWS data and its snapshot, kept fresh like by the server loops, while listings succeed.
pub(crate) struct Known {
    clock: Arc<Wall>,
    truth: Mutex<Arc<Directory>>,
    newest: Mutex<Arc<Directory>>,
    pub(crate) lists: AtomicBool,
    pub(crate) describes: AtomicBool,
    pub(crate) told_ahead: Mutex<ReadFacts>,
    pub(crate) asked_ahead: AtomicBool,
}

impl Known {
    fn read(&self) -> Arc<Directory> {
        let snapshot = Snapshot {
            taken_at: Some(self.clock.now()),
            ..self.truth.lock().unwrap().snapshot().clone()
        };
        let read = Arc::new(Directory::new(snapshot));
        *self.newest.lock().unwrap() = Arc::clone(&read);
        read
    }

    fn fault(what: &str) -> DirectoryFault {
        DirectoryFault {
            what: what.to_owned(),
            message: "AWS does not answer".to_owned(),
        }
    }
}

#[async_trait]
impl DirectorySource for Known {
    fn current(&self) -> Arc<Directory> {
        let newest = Arc::clone(&self.newest.lock().unwrap());
        let now = self.clock.now();
        let is_due = newest
            .taken_at()
            .is_some_and(|at| TimeSpan::minutes(5).after(at) <= now);
        if is_due && self.lists.load(Ordering::SeqCst) {
            return self.read();
        }
        newest
    }

    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        if self.lists.load(Ordering::SeqCst) {
            Ok(self.read())
        } else {
            Err(Self::fault("users"))
        }
    }

    async fn refresh_person(&self, user: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        if !self.describes.load(Ordering::SeqCst) {
            return Err(Self::fault("the user"));
        }
        let found = self.truth.lock().unwrap().person(user).cloned();
        let mut newest = self.newest.lock().unwrap();
        let mut snapshot = newest.snapshot().clone();
        snapshot.people.retain(|person| person.user_id != *user);
        snapshot.people.extend(found);
        *newest = Arc::new(Directory::new(snapshot));
        Ok(Arc::clone(&newest))
    }

    async fn read_ahead(&self, _: &NamedFacts) {
        self.asked_ahead.store(true, Ordering::SeqCst);
    }

    fn ahead(&self, _: &NamedFacts) -> DirectoryPrefetch {
        let directory = self.current();
        if self.asked_ahead.load(Ordering::SeqCst) {
            let told = self.told_ahead.lock().unwrap();
            return Arc::new(directory.with(&told)).into();
        }
        directory.into()
    }
}

pub(crate) struct Held(pub(crate) Result<Option<SetPolicies>, DirectoryFault>);

#[async_trait]
impl PolicySource for Held {
    async fn policies(
        &self,
        _set: &PermissionSetArn,
    ) -> Result<Option<Arc<SetPolicies>>, DirectoryFault> {
        self.0.clone().map(|found| found.map(Arc::new))
    }
}

pub(crate) fn no_policies(read_at: Timestamp) -> SetPolicies {
    SetPolicies {
        read_at,
        session: TimeSpan::hours(1),
        inline: None,
        managed: Vec::new(),
        referenced: Vec::new(),
        boundary: None,
    }
}

struct Tokens {
    known: Mutex<HashMap<String, TokenFacts>>,
    broken: Arc<AtomicBool>,
}

#[async_trait]
impl TokenStore for Tokens {
    async fn token_by_hash(&self, hash: &str) -> Result<Option<TokenFacts>, TokenFault> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(TokenFault("hpt_secret is not for callers".to_owned()));
        }
        Ok(self.known.lock().unwrap().get(hash).cloned())
    }

    async fn keep(&self, token: &NewToken) -> Result<(), TokenFault> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(TokenFault("the store does not answer".to_owned()));
        }
        let facts = TokenFacts {
            owner: Some(token.owner.clone()),
            scopes: token.scopes.clone(),
            created_at: token.created_at,
            expires_at: token.expires_at,
            revoked_at: None,
            source: TokenSource::SignIn,
            used_at: None,
        };
        self.known.lock().unwrap().insert(token.hash.clone(), facts);
        Ok(())
    }

    async fn revoke(&self, hash: &str, now: Timestamp) -> Result<(), TokenFault> {
        if let Some(token) = self.known.lock().unwrap().get_mut(hash) {
            token.revoked_at.get_or_insert(now);
        }
        Ok(())
    }

    async fn of_user(&self, user: &UserId, now: Timestamp) -> Result<Vec<OwnToken>, TokenFault> {
        let known = self.known.lock().unwrap();
        let theirs = known.iter().filter(|(_, facts)| {
            let owner = facts.owner.as_ref();
            owner.is_some_and(|owner| owner.user == *user)
                && facts.revoked_at.is_none()
                && now < facts.expires_at
        });
        let mut all: Vec<OwnToken> = theirs
            .map(|(hash, facts)| OwnToken {
                id: token_id(hash),
                hash: hash.clone(),
                name: "a token".to_owned(),
                scopes: facts.scopes.clone(),
                source: facts.source,
                created_at: facts.created_at,
                used_at: facts.used_at,
                expires_at: facts.expires_at,
            })
            .collect();
        all.sort_by_key(|token| token.id);
        Ok(all)
    }

    async fn revoke_own(
        &self,
        owner: &Owner,
        id: TokenId,
        _: Origin,
        now: Timestamp,
    ) -> Result<bool, TokenFault> {
        let mut known = self.known.lock().unwrap();
        let found = known.iter_mut().find(|(hash, facts)| {
            let whose = facts.owner.as_ref().map(|owner| &owner.user);
            token_id(hash) == id && whose == Some(&owner.user)
        });
        let found = found.map(|(_, facts)| facts.revoked_at.get_or_insert(now));
        Ok(found.is_some())
    }

    async fn used(&self, hash: &str, now: Timestamp) -> Result<(), TokenFault> {
        if let Some(token) = self.known.lock().unwrap().get_mut(hash) {
            token.used_at = Some(now);
        }
        Ok(())
    }
}

pub(crate) fn token_id(hash: &str) -> TokenId {
    TokenId::new(Uuid::parse_str(&hash[..32]).unwrap())
}

struct Works;

#[async_trait]
impl ReadinessProbe for Works {
    async fn probe(&self) -> ProbeResult {
        ProbeResult {
            name: "everything",
            works: Ok("works".to_owned()),
        }
    }
}

/// Requester, two approvers, unrelated user, auditor, administrator.
pub(crate) const PEOPLE: [&str; 6] = ["ana", "cai", "dee", "sam", "aud", "eve"];
pub(crate) const SCOPES: [TokenScope; 4] = TokenScope::ALL;

fn number(name: &str) -> usize {
    PEOPLE.iter().position(|known| *known == name).unwrap()
}

pub(crate) fn owner(name: &str) -> Owner {
    Owner {
        user: user_id(name).parse().unwrap(),
        email: Email::new(&email(name)).unwrap(),
        secondary_domain: false,
    }
}

pub(crate) fn user_id(name: &str) -> String {
    let number = PEOPLE.iter().position(|known| *known == name).unwrap_or(99);
    format!("{number:08}-0000-0000-0000-000000000000")
}

fn email(name: &str) -> String {
    format!("{name}@corp.example")
}

pub(crate) fn directory(now: Timestamp) -> Directory {
    directory_with(now, |_| {})
}

pub(crate) fn directory_with(now: Timestamp, change: impl Fn(&mut Vec<Value>)) -> Directory {
    let id = |name: &str| format!("{:08}-0000-0000-0000-000000000000", number(name));
    let mut people: Vec<Value> = PEOPLE
        .iter()
        .map(|name| {
            json!({"user_id": id(name), "user_name": name, "display_name": name,
                "emails": [email(name)], "enabled": true})
        })
        .collect();
    change(&mut people);
    let sets: Vec<Value> = ["ReadOnly", "Admin", "Root", "Closed", "Lonely"]
        .iter()
        .map(|name| {
            json!({"name": name, "session_duration": 3600,
                "arn": format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-{name}")})
        })
        .collect();
    let snapshot = json!({
        "root_id": "r-ab12",
        "accounts": [
            {"id": "111111111111", "name": "payments-prod", "active": true},
            {"id": "222222222222", "name": "orders-prod", "active": true},
        ],
        "permission_sets": sets,
        "people": people,
        "groups": [
            {"id": "99999999-8888-7777-6666-555555555555", "name": "oncall", "members": []},
            {"id": "99999999-8888-7777-6666-000000000001", "name": "admins", "members": [id("eve")]},
            {"id": "99999999-8888-7777-6666-000000000002", "name": "auditors", "members": [id("aud")]},
        ],
        "taken_at": now,
    });
    serde_json::from_value(snapshot).unwrap()
}

pub(crate) fn rules(text: &str) -> Rules {
    load(&RuleFile::new("server.json", text)).unwrap().rules
}

/// Every user with every single scope, with all, and with invalid tokens.
fn tokens(now: Timestamp) -> HashMap<String, TokenFacts> {
    let mut known = HashMap::new();
    for person in PEOPLE {
        let mut add = |name: &str, scopes: &[TokenScope], ends: Timestamp, revoked: bool| {
            let facts = TokenFacts {
                owner: Some(owner(person)),
                scopes: scopes.iter().copied().collect(),
                created_at: now,
                expires_at: ends,
                revoked_at: revoked.then_some(now),
                source: TokenSource::SignIn,
                used_at: None,
            };
            known.insert(hash_secret(&format!("{person}/{name}")), facts);
        };
        let later = TimeSpan::hours(24).after(now);
        add("all", &TokenScope::ALL, later, false);
        add("expired", &TokenScope::ALL, now, false);
        add("revoked", &TokenScope::ALL, later, true);
        for scope in SCOPES {
            add(scope.name(), &[scope], later, false);
        }
    }
    let gone = TokenFacts {
        owner: Some(owner("gone")),
        scopes: BTreeSet::from(TokenScope::ALL),
        created_at: now,
        expires_at: TimeSpan::hours(24).after(now),
        revoked_at: None,
        source: TokenSource::SignIn,
        used_at: None,
    };
    known.insert(hash_secret("gone/all"), gone);
    known
}

fn settings() -> Settings {
    Settings {
        admins: identity().admins,
        ..Settings::default()
    }
}

fn identity() -> Identity {
    Identity {
        admins: vec!["group:admins".to_owned()],
        auditors: vec!["group:auditors".to_owned()],
        portal_url: "https://example.awsapps.com/start".to_owned(),
        region: "eu-west-1".to_owned(),
        ..Identity::default()
    }
}

pub(crate) struct TestServer {
    pub(crate) access: Arc<Access>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) desk: Arc<hallpass_server::ServerStatus>,
    pub(crate) clock: Arc<Wall>,
    pub(crate) tokens_broken: Arc<AtomicBool>,
    tokens: Arc<Tokens>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) sessions: Arc<MemorySessions>,
    pub(crate) connections: Connections,
    pub(crate) known: Arc<Known>,
    router: Router,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// `403 missing-scope`, `200`.
    pub(crate) fn short(&self) -> String {
        format!("{} {}", self.status.as_u16(), self.code())
            .trim_end()
            .to_owned()
    }

    pub(crate) fn is_problem(&self) -> bool {
        let document = self.json();
        let kind = self.headers.get(header::CONTENT_TYPE);
        kind.is_some_and(|kind| kind == "application/problem+json")
            && document["status"] == self.status.as_u16()
            && ["type", "title", "code", "detail"].iter().all(|field| {
                document[field]
                    .as_str()
                    .is_some_and(|text| !text.is_empty())
            })
    }
}

fn known(clock: &Arc<Wall>, organization: Directory) -> Arc<Known> {
    let found = Arc::new(organization);
    Arc::new(Known {
        clock: Arc::clone(clock),
        truth: Mutex::new(Arc::clone(&found)),
        newest: Mutex::new(found),
        lists: AtomicBool::new(true),
        describes: AtomicBool::new(true),
        told_ahead: Mutex::default(),
        asked_ahead: AtomicBool::new(false),
    })
}

const NOT_CONFIGURED: ChannelWebhook = ChannelWebhook {
    paths: &["/slack/interactions", "/slack/commands"],
    hook: None,
};

fn journey(
    ports: Ports,
    store: &Arc<MemoryStore>,
    settings: Settings,
    remediations: Option<RemediationSource>,
) -> Arc<Access> {
    let access = Access::new(ports, settings, rules(RULES)).with_alerts(store.clone());
    Arc::new(match remediations {
        Some(source) => access.with_remediations(source),
        None => access,
    })
}

impl TestServer {
    pub(crate) fn new() -> Self {
        Self::made(directory, settings(), None, |_| {})
    }

    pub(crate) fn actor(&self, name: &str) -> Actor {
        let email = Email::new(&format!("{name}@corp.example")).unwrap();
        let found = identity().actor(&email, Origin::Api, &self.access.directory());
        found.unwrap()
    }

    pub(crate) fn set(
        organization: impl FnOnce(Timestamp) -> Directory,
        set: impl FnOnce(&mut Settings),
        change: impl FnOnce(&mut App),
    ) -> Self {
        let mut settings = settings();
        set(&mut settings);
        Self::made(organization, settings, None, change)
    }

    pub(crate) fn remediating(source: RemediationSource, kept: Arc<dyn AccessStore>) -> Self {
        Self::made(directory, settings(), Some((source, kept)), |_| {})
    }

    pub(crate) fn over(organization: impl FnOnce(Timestamp) -> Directory) -> Self {
        Self::made(organization, settings(), None, |_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut App)) -> Self {
        Self::made(directory, settings(), None, change)
    }

    fn made(
        organization: impl FnOnce(Timestamp) -> Directory,
        settings: Settings,
        remediations: Option<(RemediationSource, Arc<dyn AccessStore>)>,
        change: impl FnOnce(&mut App),
    ) -> Self {
        let start = Timestamp::from_second(1_780_000_000).unwrap();
        let clock = Arc::new(Wall(AtomicI64::new(start.as_second()), Mutex::default()));
        let (store, tokens_broken) = (Arc::new(MemoryStore::new()), Arc::<AtomicBool>::default());
        let known = known(&clock, organization(start));
        let (remediations, kept) = remediations.unzip();
        let ports = Ports {
            store: kept.unwrap_or_else(|| store.clone() as Arc<dyn AccessStore>),
            assignments: store.clone(),
            sweeps: store.clone(),
            campaigns: store.clone(),
            group_sync: store.clone(),
            standing: Arc::new(StandingDouble::default()),
            directory: known.clone(),
            clock: clock.clone(),
            ids: Arc::new(Ids(AtomicU64::new(1))),
        };
        let access = journey(ports, &store, settings, remediations);
        let tokens = Arc::new(Tokens {
            known: Mutex::new(tokens(start)),
            broken: Arc::clone(&tokens_broken),
        });
        let (sessions, (stop, stopping)) =
            (Arc::<MemorySessions>::default(), watch::channel(false));
        let mut app = App {
            rates: Arc::new(hallpass_server::Rates::new(100_000, 100_000)),
            access: Arc::clone(&access),
            audit: store.clone(),
            tokens: tokens.clone(),
            identity: Arc::new(identity()),
            clock: clock.clone(),
            probes: Arc::new(vec![Arc::new(Works)]),
            metrics: Arc::new(String::new),
            webhooks: Arc::new(vec![NOT_CONFIGURED]),
            connections: Connections::new(ConnectionSettings::new(1_000)),
            sessions: sessions.clone(),
            policies: Arc::new(Held(Ok(Some(no_policies(start))))),
            snapshots: None,
            plans: Arc::new(MemoryPlans::default()),
            activity: None,
            pci: None,
            status: Arc::default(),
            session_settings: hallpass_server::SessionSettings::default(),
            sign_in: Arc::new(SignIn::default()),
            setup: Arc::new(crate::first_sign_in::parts()),
            mode: Arc::new(ServerMode::Serve),
            version: "0.0.0",
            stopping,
        };
        change(&mut app);
        Self {
            access,
            store,
            desk: Arc::clone(&app.status),
            clock,
            tokens_broken,
            tokens,
            stop,
            sessions,
            connections: app.connections.clone(),
            known,
            router: router(app),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn made_on_the_servers_machine(&self, secret: &str) {
        let mut known = self.tokens.known.lock().unwrap();
        let token = known.get_mut(&hash_secret(secret)).unwrap();
        token.source = TokenSource::ServerMachine;
    }

    pub(crate) async fn sessions_end(&self, person: &str) -> u64 {
        let (owner, all) = (owner(person), WhichSessions::All);
        let ended = self.sessions.end_own(&owner, all, Origin::Web, self.now());
        ended.await.unwrap()
    }

    pub(crate) fn made_ahead(&self, secret: &str, span: TimeSpan) {
        let mut known = self.tokens.known.lock().unwrap();
        let token = known.get_mut(&hash_secret(secret)).unwrap();
        token.created_at = span.after(token.created_at);
        token.expires_at = span.after(token.expires_at);
    }

    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    pub(crate) fn directory_becomes(&self, directory: Directory) {
        let directory = Arc::new(directory);
        *self.known.truth.lock().unwrap() = Arc::clone(&directory);
        *self.known.newest.lock().unwrap() = directory;
    }

    pub(crate) fn directory_changes(&self, directory: Directory) {
        *self.known.truth.lock().unwrap() = Arc::new(directory);
    }

    pub(crate) async fn answer(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let (parts, body) = self.answer(request).await.into_parts();
        let is_stream = parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "text/event-stream");
        let body = if is_stream {
            Bytes::new()
        } else {
            to_bytes(body, usize::MAX).await.unwrap()
        };
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Reply {
        self.send(request(method, path, token, &[], body)).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Reply {
        self.call("GET", path, Some(token), None).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Reply {
        let body = Some(body).filter(|body| !body.is_null());
        self.call("POST", path, Some(token), body).await
    }

    pub(crate) async fn ask(&self, token: &str, set: &str) -> Value {
        let reply = self.post("/api/v1/requests", token, &asking(set)).await;
        assert!(reply.status.is_success(), "{reply:?}");
        reply.json()
    }

    pub(crate) async fn broken_glass(&self) -> Value {
        let asked = self.ask("ana/all", "Admin").await;
        let path = format!(
            "/api/v1/requests/{}/break-glass",
            asked["id"].as_str().unwrap()
        );
        let why = json!({"justification": "customers cannot pay, no one answers"});
        let reply = self.post(&path, "ana/all", &why).await;
        assert_eq!(reply.short(), "200", "{reply:?}");
        reply.json()
    }
}

pub(crate) fn request(
    method: &str,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        builder = builder.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    match body {
        Some(body) => builder
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string())),
        None => builder.body(Body::empty()),
    }
    .unwrap()
}

pub(crate) fn asking(set: &str) -> Value {
    json!({"account": "payments-prod", "permission_set": set, "duration_seconds": 3600,
        "reason": "OPS-1: a: b & <c>"})
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
