//! The app over the real journey, executor and store in memory, with a fake Slack, a simulated
//! Identity Center and a manual clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hallpass_access::identity::Identity;
use hallpass_access::{
    Access, AccessStore, Channel, Delivery, Directory, DirectoryFault, DirectorySource,
    NoticeContext, RemediationSource, Request, RequestFilter, Settings,
};
use hallpass_assignments::{Executor, ExecutorLimits};
use hallpass_base::{Clock, Email, RequestId, TimeSpan, Timestamp, UserId};
use hallpass_channels::slack::{
    Client, Marks, MemoryFault, Ports, Setup, Signed, Slack, SlackMemory, SlackReply, sign,
};
use hallpass_rules::directory::Snapshot;
use hallpass_rules::{RuleFile, Rules, load};
use hallpass_simulation::{Center, Habits, Ids, Wall};
use hallpass_store::MemoryStore;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::fake::{Fake, Message};

pub(crate) const ACCOUNT: &str = "111111111111";
pub(crate) const TEAM: &str = "222222222222";
pub(crate) const GROUP: &str = "99999999-8888-7777-6666-555555555555";

pub(crate) const RULES: &str = r#"{
  "statements": [
    {"Id": "read", "ResourceType": "Account", "Resource": "*", "PermissionSet": "ReadOnly", "ApprovalIsNotRequired": true},
    {"Id": "admin", "ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin",
     "Approvers": ["cai@corp.example", "dee@corp.example", "off@corp.example"]},
    {"Id": "root", "ResourceType": "Account", "Resource": "*", "PermissionSet": "Root", "MinApprovals": 2,
     "Approvers": ["cai@corp.example", "dee@corp.example", "eve@corp.example"]},
    {"Id": "lonely", "ResourceType": "Account", "Resource": "*", "PermissionSet": "Lonely", "Approvers": ["ana@corp.example"]},
    {"Id": "fays", "ResourceType": "Account", "Resource": "*", "PermissionSet": "Fays", "Approvers": ["fay@second.example"]},
    {"Id": "glass", "ResourceType": "Account", "Resource": "*", "PermissionSet": "Glass",
     "Approvers": ["cai@corp.example", "dee@corp.example"], "BreakGlass": ["ana@corp.example", "sam@corp.example"]},
    {"Id": "alone", "ResourceType": "Account", "Resource": "*", "PermissionSet": "Alone",
     "Approvers": ["ana@corp.example"], "BreakGlass": ["ana@corp.example"]},
    {"Id": "routed", "ResourceType": "Account", "Resource": "*", "PermissionSet": "Routed",
     "Approvers": ["cai@corp.example"], "SlackChannel": "C0000000002"}
  ],
  "group_statements": [
    {"Id": "oncall", "Resource": "99999999-8888-7777-6666-555555555555", "Approvers": "cai@corp.example"}
  ]
}"#;

/// People in order: requester; approvers; administrators; uninvolved; matched through the second
/// domain; has an address that two share; has no address on Slack; is of another workspace; is on
/// Slack and not in the directory.
const ON_SLACK: [&str; 10] = [
    "ana", "cai", "dee", "eve", "sam", "fay", "two", "gia", "fox", "new",
];

struct Known {
    newest: RwLock<Arc<Directory>>,
    clock: Arc<Wall>,
    is_stalled: RwLock<bool>,
    lists: RwLock<bool>,
    describes: RwLock<bool>,
}

impl Known {
    fn read_at(&self, at: Timestamp) -> Arc<Directory> {
        let mut newest = self.newest.write().unwrap();
        let snapshot = Snapshot {
            taken_at: Some(at),
            ..newest.snapshot().clone()
        };
        *newest = Arc::new(Directory::new(snapshot));
        Arc::clone(&newest)
    }
}

#[async_trait]
impl DirectorySource for Known {
    fn current(&self) -> Arc<Directory> {
        let newest = Arc::clone(&self.newest.read().unwrap());
        let now = self.clock.now();
        let is_due = newest
            .taken_at()
            .is_none_or(|at| TimeSpan::minutes(5).after(at) <= now);
        if is_due && *self.lists.read().unwrap() {
            return self.read_at(now);
        }
        newest
    }

    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        if *self.is_stalled.read().unwrap() {
            std::future::pending::<()>().await;
        }
        if !*self.lists.read().unwrap() {
            return Err(silent("users"));
        }
        Ok(self.read_at(self.clock.now()))
    }

    async fn refresh_person(&self, _: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        if !*self.describes.read().unwrap() {
            return Err(silent("the user"));
        }
        Ok(Arc::clone(&self.newest.read().unwrap()))
    }
}

fn silent(what: &str) -> DirectoryFault {
    DirectoryFault {
        what: what.to_owned(),
        message: "AWS does not answer".to_owned(),
    }
}

struct Blobs(Arc<MemoryStore>);

#[async_trait]
impl SlackMemory for Blobs {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, MemoryFault> {
        self.0
            .blob_get(key)
            .await
            .map_err(|error| MemoryFault(error.to_string()))
    }

    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), MemoryFault> {
        self.0
            .blob_put(key, bytes)
            .await
            .map_err(|error| MemoryFault(error.to_string()))
    }
}

fn directory(now: Timestamp) -> Directory {
    let person = |number: usize, name: &str, emails: Value| {
        json!({"user_id": format!("{number:08}-0000-0000-0000-000000000000"), "user_name": name,
            "display_name": format!("{} Example", capital(name)), "emails": emails, "enabled": true})
    };
    let mut people: Vec<Value> = ["ana", "cai", "dee", "eve", "sam", "off"]
        .iter()
        .enumerate()
        .map(|(number, name)| person(number, name, json!([format!("{name}@corp.example")])))
        .collect();
    people.push(person(20, "fay", json!(["fay@second.example"])));
    people.push(person(
        21,
        "twoa",
        json!(["twoa@corp.example", "two@corp.example"]),
    ));
    people.push(person(
        22,
        "twob",
        json!(["twob@corp.example", "two@corp.example"]),
    ));
    let sets: Vec<Value> = [
        "ReadOnly", "Admin", "Root", "Lonely", "Fays", "Routed", "Glass", "Alone", "Ticketed",
    ]
    .iter()
    .map(|name| {
        json!({"name": name, "session_duration": 3600,
                "arn": format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-{name}")})
    })
    .collect();
    serde_json::from_value(json!({
        "root_id": "r-ab12",
        "accounts": [
            {"id": ACCOUNT, "name": "payments-prod", "active": true},
            {"id": TEAM, "name": "Team: Prod #2", "active": true},
        ],
        "permission_sets": sets,
        "people": people,
        "groups": [{"id": GROUP, "name": "oncall", "members": []}],
        "taken_at": now,
    }))
    .unwrap()
}

fn capital(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

pub(crate) fn rules(text: &str) -> Rules {
    load(&RuleFile::new("rules.json", text)).unwrap().rules
}

pub(crate) fn user(name: &str) -> String {
    format!("U{}", name.to_uppercase())
}

pub(crate) struct TestApp {
    pub(crate) slack: Slack,
    pub(crate) access: Arc<Access>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<Wall>,
    pub(crate) fake: Fake,
    executor: Executor,
    known: Arc<Known>,
    counter: AtomicU64,
}

fn by(name: &str) -> Value {
    json!({"id": user(name), "team_id": if name == "fox" { "T2" } else { "T1" }})
}

pub(crate) fn secret() -> SecretString {
    SecretString::from("shh")
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default(), Habits::default(), |_| {}).await
    }

    pub(crate) async fn with(
        settings: Settings,
        habits: Habits,
        setup: impl FnOnce(&mut Setup),
    ) -> Self {
        Self::over(settings, habits, setup, |access| access).await
    }

    pub(crate) async fn remediating(source: RemediationSource) -> Self {
        let with = |access: Access| access.with_remediations(source);
        Self::over(Settings::default(), Habits::default(), |_| {}, with).await
    }

    async fn over(
        settings: Settings,
        habits: Habits,
        setup: impl FnOnce(&mut Setup),
        more: impl FnOnce(Access) -> Access,
    ) -> Self {
        let fake = Fake::new().await;
        let clock = Arc::new(Wall::new(Timestamp::from_second(1_780_000_000).unwrap()));
        let store = Arc::new(MemoryStore::new());
        let known = Arc::new(Known {
            newest: RwLock::new(Arc::new(directory(clock.now()))),
            clock: Arc::clone(&clock),
            is_stalled: RwLock::new(false),
            lists: RwLock::new(true),
            describes: RwLock::new(true),
        });
        let ids = Arc::new(Ids::new(1));
        let ports = hallpass_access::Ports {
            store: store.clone(),
            assignments: store.clone(),
            sweeps: store.clone(),
            campaigns: store.clone(),
            group_sync: store.clone(),
            standing: Arc::new(hallpass_store_testing::StandingDouble::default()),
            directory: known.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let access = Arc::new(more(Access::new(ports, settings, rules(RULES))));
        let center = Arc::new(Center::new(Arc::clone(&clock), habits));
        let limits = ExecutorLimits::default();
        let pace = access.pace();
        let executor = Executor::new(store.clone(), center, clock.clone(), ids, limits, pace);
        store.open_channel("slack", clock.now()).await.unwrap();
        {
            let mut desk = fake.desk();
            desk.members = (0..495).map(|n| format!("UX{n}")).collect();
            for name in ON_SLACK {
                let mut profile = json!({"email": format!("{name}@corp.example")});
                if name == "gia" {
                    profile = json!({});
                }
                let team = if name == "fox" { "T2" } else { "T1" };
                // the other workspace's owner gave fox an approver's address
                if name == "fox" {
                    profile = json!({"email": "cai@corp.example"});
                }
                let about = json!({"id": user(name), "team_id": team, "profile": profile, "tz": "Etc/UTC",
                    "is_stranger": name == "fox"});
                desk.users.insert(user(name), about);
                if name != "sam" {
                    desk.members.push(user(name));
                }
            }
        }
        let memory: Arc<dyn SlackMemory> = Arc::new(Blobs(Arc::clone(&store)));
        let of = (Some(secret()), memory);
        let slack = app(&fake, &access, &store, &clock, of, setup);
        Self {
            slack,
            access,
            store,
            clock,
            fake,
            executor,
            known,
            counter: AtomicU64::new(0),
        }
    }

    pub(crate) fn restarted(&self) -> Slack {
        self.remembering(Arc::new(Blobs(Arc::clone(&self.store))))
    }

    pub(crate) fn remembering(&self, memory: Arc<dyn SlackMemory>) -> Slack {
        self.signed_with(Some(secret()), memory)
    }

    pub(crate) fn without_a_secret(&self) -> Slack {
        self.signed_with(None, Arc::new(Blobs(Arc::clone(&self.store))))
    }

    fn signed_with(&self, secret: Option<SecretString>, memory: Arc<dyn SlackMemory>) -> Slack {
        let (access, store, clock) = (&self.access, &self.store, &self.clock);
        app(&self.fake, access, store, clock, (secret, memory), |_| {})
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn stall_aws(&self) {
        *self.known.is_stalled.write().unwrap() = true;
        *self.known.lists.write().unwrap() = false;
        self.clock.advance(TimeSpan::hours(1));
    }

    pub(crate) fn silence_aws(&self) {
        *self.known.lists.write().unwrap() = false;
        self.clock.advance(TimeSpan::hours(1));
    }

    pub(crate) fn describe_nobody(&self) {
        *self.known.describes.write().unwrap() = false;
    }

    pub(crate) fn directory_becomes(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut newest = self.known.newest.write().unwrap();
        let mut snapshot = newest.snapshot().clone();
        change(&mut snapshot);
        *newest = Arc::new(Directory::new(snapshot));
    }

    pub(crate) fn address_becomes(&self, user_name: &str, address: &str) {
        self.directory_becomes(|snapshot| {
            let mut people = snapshot.people.iter_mut();
            let person = people.find(|it| it.user_name == user_name).unwrap();
            person.emails = vec![Email::new(address).unwrap()];
        });
    }

    /// The organization was never read.
    pub(crate) fn know_nothing(&self) {
        *self.known.newest.write().unwrap() = Arc::new(Directory::default());
    }

    fn next(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn signed(&self, payload: &Value) -> (Vec<u8>, String, String) {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish()
            .into_bytes();
        let at = self.now().as_second();
        let signature = sign(&secret(), at, &body);
        (body, at.to_string(), signature)
    }

    pub(crate) async fn send(&self, payload: &Value) -> SlackReply {
        let (body, at, signature) = self.signed(payload);
        let signed = Signed {
            timestamp: Some(&at),
            signature: Some(&signature),
        };
        self.slack.call(&signed, &body).await
    }

    pub(crate) fn shortcut(&self, name: &str, callback: &str) -> Value {
        json!({"type": "shortcut", "callback_id": callback, "user": by(name), "team": {"id": "T1"},
            "trigger_id": format!("t{}", self.next())})
    }

    pub(crate) fn submission(
        &self,
        name: &str,
        callback: &str,
        metadata: &str,
        values: &Value,
    ) -> Value {
        json!({"type": "view_submission", "user": by(name), "trigger_id": format!("t{}", self.next()),
            "view": {"id": format!("V9{}", self.next()), "callback_id": callback, "private_metadata": metadata,
                "state": {"values": values}}})
    }

    pub(crate) fn press(&self, name: &str, action: &str, value: &str, on: &Message) -> Value {
        json!({"type": "block_actions", "user": by(name), "team": {"id": "T1"},
            "trigger_id": format!("t{}", self.next()),
            "container": {"type": "message", "message_ts": on.ts, "channel_id": on.channel},
            "channel": {"id": on.channel}, "message": {"ts": on.ts, "blocks": on.blocks()},
            "actions": [{"action_id": action, "block_id": "buttons", "type": "button", "value": value,
                "action_ts": format!("{}.0", self.next())}]})
    }

    pub(crate) fn approval(&self, name: &str, id: RequestId) -> Value {
        self.press(name, "approve", &id.to_string(), &self.head(id))
    }

    pub(crate) async fn ask(&self, name: &str, set: &str) -> Request {
        let before = self.requests().await.len();
        let reply = self
            .send(&self.submission(name, FORM, "", &form(ACCOUNT, set, "OPS-1: why not")))
            .await;
        assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{set}");
        let all = self.requests().await;
        assert_eq!(all.len(), before + 1);
        self.tell().await;
        all[0].clone()
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.store
            .requests(&RequestFilter::default(), 1000)
            .await
            .unwrap()
            .rows
    }

    pub(crate) async fn request(&self, id: RequestId) -> Request {
        self.store.request(id).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, id: RequestId) -> &'static str {
        self.request(id).await.state.name()
    }

    pub(crate) fn head(&self, id: RequestId) -> Message {
        let desk = self.fake.desk();
        let found = desk.messages.iter().find(|message| {
            message.thread.is_none()
                && message.metadata["event_payload"] == json!({"id": id.to_string()})
        });
        found.expect("a message").clone()
    }

    pub(crate) async fn tell_once(&self) -> Vec<Delivery> {
        self.tell_through(&self.slack).await
    }

    pub(crate) async fn tell_through(&self, slack: &Slack) -> Vec<Delivery> {
        let mut all = Vec::new();
        let now = self.now();
        let hidden = TimeSpan::minutes(2).after(now);
        let taken = self
            .store
            .take_notices("slack", now, hidden, 100)
            .await
            .unwrap();
        for waiting in taken {
            let hallpass_access::Message::Notice(notice) = waiting.message else {
                panic!("no digest and no alarm is sent here")
            };
            let request = self.request(notice.request).await;
            let grant = match notice.grant.or(request.grant) {
                Some(id) => self.store.grant(id).await.unwrap(),
                None => None,
            };
            let told = NoticeContext {
                number: waiting.number,
                attempts: waiting.attempts,
                notice,
                request,
                grant,
                used: None,
            };
            let delivery = slack.deliver(&told).await;
            match &delivery {
                Delivery::Done | Delivery::GaveUp { .. } => {
                    self.store
                        .notice_delivered("slack", waiting.number)
                        .await
                        .unwrap();
                }
                Delivery::Again { after, .. } => {
                    let at = after.after(self.now());
                    self.store
                        .notice_postponed("slack", waiting.number, at)
                        .await
                        .unwrap();
                }
            }
            all.push(delivery);
        }
        all
    }

    pub(crate) async fn tell(&self) {
        for delivery in self.tell_once().await {
            assert_eq!(delivery, Delivery::Done);
        }
    }

    pub(crate) async fn live(&self, span: TimeSpan) {
        let until = span.after(self.now());
        while self.now() < until {
            let _: Result<_, _> = self.executor.tick().await;
            self.access.tick().await.unwrap();
            self.clock.advance(TimeSpan::seconds(1));
        }
        let _: Result<_, _> = self.executor.tick().await;
        self.access.tick().await.unwrap();
    }

    pub(crate) async fn live_coarsely(&self, span: TimeSpan) {
        let until = span.after(self.now());
        while self.now() < until {
            self.clock.advance(TimeSpan::minutes(5));
            self.access.tick().await.unwrap();
        }
    }

    /// Makes a live grant without approval, with all notices sent.
    pub(crate) async fn live_grant(&self, name: &str) -> Request {
        let request = self.ask(name, "ReadOnly").await;
        self.live(TimeSpan::seconds(30)).await;
        self.tell().await;
        self.request(request.id).await
    }
}

pub(crate) const FORM: &str = "request_for__account_access_submitted";

pub(crate) fn form(account: &str, set: &str, reason: &str) -> Value {
    json!({
        "duration_picker": {"duration_picker_action": {"selected_option": {"value": "7200"}}},
        "provide_reason": {"provided_reason": {"value": reason}},
        "select_account": {"selected_account": {"selected_option": {"value": account}}},
        "select_permission_set": {"selected_permission_set": {"selected_option": {"value": set}}},
    })
}

fn app(
    fake: &Fake,
    access: &Arc<Access>,
    store: &Arc<MemoryStore>,
    clock: &Arc<Wall>,
    (signing_secret, memory): (Option<SecretString>, Arc<dyn SlackMemory>),
    change: impl FnOnce(&mut Setup),
) -> Slack {
    let mut setup = Setup {
        channel: "C1".to_owned(),
        dm_outside_channel: true,
        announce_end: true,
        marks: Marks::default(),
        account_notes: [("payments-prod".to_owned(), "Card data.".to_owned())].into(),
        contact: "platform@corp.example".to_owned(),
        public_url: "https://h.example".to_owned(),
        portal_url: "https://portal.example/start".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
    };
    change(&mut setup);
    let identity = Identity {
        // Fay's Slack address matches only by a fallback domain
        admins: vec![
            "eve@corp.example".to_owned(),
            "fay@second.example".to_owned(),
        ],
        fallback_domains: vec!["second.example".to_owned()],
        ..Identity::default()
    };
    let ports = Ports {
        access: Arc::clone(access),
        store: Arc::clone(store) as Arc<dyn AccessStore>,
        identity: Arc::new(identity),
        memory,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        client: Client::new(&fake.url, SecretString::from("xoxb-t")).unwrap(),
        signing_secret,
    };
    Slack::new(ports, setup)
}

pub(crate) async fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "timed out waiting: {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl TestApp {
    pub(crate) async fn store_grant(&self, request: &Request) -> &'static str {
        let id = self.request(request.id).await.grant.unwrap();
        self.store.grant(id).await.unwrap().unwrap().state.name()
    }
}
