//! A simulator on a free port with a manual clock, and a signing client.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{digest, hmac};
use hallpass_aws_sim::{
    Consistency, Options, Simulator, Speed,
    organization::{self, OrganizationFile},
    serve,
};
use hallpass_base::{Clock, Timestamp};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

pub(crate) const START: &str = "2026-11-20T07:27:43Z";

/// A manual clock.
pub(crate) struct Hands(Mutex<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct Signer {
    pub key: String,
    pub secret: String,
    pub token: Option<String>,
    pub region: String,
}

impl Signer {
    pub(crate) fn given(&self, answer: &Answer) -> Self {
        let part = |name: &str| {
            let rest = answer.text.split(&format!("<{name}>")).nth(1).unwrap();
            rest.split('<').next().unwrap().to_owned()
        };
        Self {
            key: part("AccessKeyId"),
            secret: part("SecretAccessKey"),
            token: Some(part("SessionToken")),
            region: self.region.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub status: u16,
    pub request_id: String,
    pub text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The error's name, or `ok`.
    pub(crate) fn outcome(&self) -> String {
        if self.status == 200 {
            return "ok".to_owned();
        }
        let named = self.json()["__type"].as_str().map(str::to_owned);
        named.unwrap_or_else(|| {
            let code = self
                .text
                .split("<Code>")
                .nth(1)
                .and_then(|rest| rest.split('<').next());
            code.unwrap_or(&self.text).to_owned()
        })
    }
}

pub(crate) struct Bench {
    pub simulator: Simulator,
    pub address: SocketAddr,
    pub signer: Signer,
    hands: Arc<Hands>,
    client: reqwest::Client,
    server: JoinHandle<()>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Defaults of most tests: the small organization, no windows, fast operations.
pub(crate) fn options() -> Options {
    Options {
        organization: organization::small(),
        speed: Some(Speed::Fast),
        consistency: Some(Consistency::Strong),
        throttle: false,
        ..Options::default()
    }
}

impl Bench {
    pub(crate) async fn small() -> Self {
        Self::new(options()).await
    }

    pub(crate) async fn new(options: Options) -> Self {
        let hands = Arc::new(Hands(Mutex::new(START.parse().unwrap())));
        let simulator = Simulator::new(options, hands.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = simulator.clone();
        let task = tokio::spawn(async move {
            serve(listener, served, std::future::pending())
                .await
                .unwrap();
        });
        let facts = simulator.identity_center();
        let keys = simulator.credentials(&facts.management_account).unwrap();
        let signer = Signer {
            key: keys.access_key_id,
            secret: keys.secret_access_key,
            token: None,
            region: facts.home_region,
        };
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            simulator,
            address,
            signer,
            hands,
            client,
            server: task,
        }
    }

    pub(crate) fn tick(&self, milliseconds: i64) {
        let mut now = self.hands.0.lock().unwrap();
        *now += jiff::SignedDuration::from_millis(milliseconds);
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.hands.now()
    }

    /// The loaded file, with ids.
    pub(crate) fn file(&self) -> OrganizationFile {
        self.simulator.organization()
    }

    pub(crate) fn open_accounts(&self) -> Vec<organization::Account> {
        let mut all = self.file().accounts;
        all.retain(|it| it.state.as_deref() != Some("SUSPENDED"));
        all
    }

    pub(crate) fn account(&self, name: &str) -> String {
        self.file()
            .accounts
            .iter()
            .find(|row| row.name == name)
            .unwrap()
            .id
            .clone()
    }

    pub(crate) fn unit(&self, name: &str) -> String {
        let file = self.file();
        let found = file.ous.iter().find(|row| row.name == name);
        found.unwrap().id.clone()
    }

    pub(crate) async fn creation(&self, request: &Value) -> String {
        let input = json!({ "AccountAssignmentCreationRequestId": request });
        let operation = "sso:DescribeAccountAssignmentCreationStatus";
        let answer = self.call(operation, input).await.json();
        let status = &answer["AccountAssignmentCreationStatus"]["Status"];
        status.as_str().unwrap().to_owned()
    }

    pub(crate) fn member(&self, name: &str) -> Signer {
        let keys = self.simulator.credentials(&self.account(name)).unwrap();
        Signer {
            key: keys.access_key_id,
            secret: keys.secret_access_key,
            ..self.signer.clone()
        }
    }

    pub(crate) fn user(&self, name: &str) -> String {
        let file = self.file();
        let name = format!("{name}@example.com");
        file.identity_center
            .users
            .iter()
            .find(|row| row.user_name == name)
            .unwrap()
            .id
            .clone()
    }

    pub(crate) fn set(&self, name: &str) -> String {
        let file = self.file();
        file.identity_center
            .permission_sets
            .iter()
            .find(|row| row.name == name)
            .unwrap()
            .arn
            .clone()
    }

    pub(crate) async fn call(&self, operation: &str, input: Value) -> Answer {
        let signer = self.signer.clone();
        self.call_as(&signer, operation, input).await
    }

    pub(crate) async fn call_as(
        &self,
        signer: &Signer,
        operation: &str,
        mut input: Value,
    ) -> Answer {
        let facts = self.simulator.identity_center();
        let (service, target) = operation.split_once(':').unwrap();
        let table = hallpass_aws_model::tables().by_signing_name(service);
        let prefix = table.and_then(|table| table.target_prefix.as_deref());
        let prefix = prefix.unwrap();
        if service == "sso" && target != "ListInstances" && input.get("InstanceArn").is_none() {
            input["InstanceArn"] = facts.instance_arn.into();
        }
        if service == "identitystore" && input.get("IdentityStoreId").is_none() {
            input["IdentityStoreId"] = facts.identity_store_id.into();
        }
        let headers = vec![
            (
                "content-type".to_owned(),
                "application/x-amz-json-1.1".to_owned(),
            ),
            ("x-amz-target".to_owned(), format!("{prefix}.{target}")),
        ];
        self.send(signer, service, headers, &input.to_string())
            .await
            .unwrap()
    }

    pub(crate) async fn query(&self, signer: &Signer, form: &str) -> Answer {
        let headers = vec![(
            "content-type".to_owned(),
            "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
        )];
        let form = format!("{form}&Version=2011-06-15");
        self.send(signer, "sts", headers, &form).await.unwrap()
    }

    pub(crate) async fn form(&self, signer: &Signer, call: &str) -> Answer {
        self.form_from(signer, call, None).await
    }

    pub(crate) async fn form_from(
        &self,
        signer: &Signer,
        call: &str,
        source: Option<&str>,
    ) -> Answer {
        let (service, action) = call.split_once(':').unwrap();
        let version = match service {
            "iam" => "2010-05-08",
            "ec2" => "2016-11-15",
            _ => "2011-06-15",
        };
        let mut headers = vec![(
            "content-type".to_owned(),
            "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
        )];
        let source = source.map(|address| ("x-sim-source-ip".to_owned(), address.to_owned()));
        headers.extend(source);
        let form = format!("Action={action}&Version={version}");
        self.send(signer, service, headers, &form).await.unwrap()
    }

    pub(crate) async fn login(&self, user: &str, account: &str, set: &str) -> Signer {
        let body = json!({
            "user": format!("{user}@example.com"), "account": account, "permission_set": set,
        });
        let (status, given) = self.control("POST", "/login", body).await;
        assert_eq!(status, 200, "{given}");
        let text = |name: &str| given[name].as_str().unwrap().to_owned();
        Signer {
            key: text("AWS_ACCESS_KEY_ID"),
            secret: text("AWS_SECRET_ACCESS_KEY"),
            token: Some(text("AWS_SESSION_TOKEN")),
            region: self.signer.region.clone(),
        }
    }

    pub(crate) async fn enter(&self, user: &str, account: &str, set: &str) -> Signer {
        let row = json!({
            "account": account, "permission_set": set, "user": format!("{user}@example.com"),
        });
        let (status, said) = self.mutate(json!({ "create_assignment": row })).await;
        assert_eq!(status, 200, "{said}");
        self.login(user, account, set).await
    }

    pub(crate) async fn assume(&self, signer: &Signer, role: &str, more: &str) -> Signer {
        let form = format!("Action=AssumeRole&RoleSessionName=me&RoleArn={role}{more}");
        let answer = self.query(signer, &form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        signer.given(&answer)
    }

    async fn send(
        &self,
        signer: &Signer,
        service: &str,
        headers: Vec<(String, String)>,
        body: &str,
    ) -> reqwest::Result<Answer> {
        let headers = sign(
            signer,
            service,
            &self.address.to_string(),
            self.wall(),
            headers,
            body,
        );
        self.post(headers, body.to_owned()).await
    }

    /// Calls a REST operation: `account/listRegions`.
    pub(crate) async fn rest(&self, signer: &Signer, call: &str, input: Value) -> Answer {
        let (service, operation) = call.split_once('/').unwrap();
        let (path, body) = (format!("/{operation}"), input.to_string());
        let host = self.address.to_string();
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let place = (service, "POST", path.as_str());
        let headers = sign_path(signer, place, &host, self.wall(), headers, body.as_bytes());
        self.post_to(&path, headers, body).await.unwrap()
    }

    /// Calls a `GET` operation: `iam/authorization-details/ID`.
    pub(crate) async fn get(&self, signer: &Signer, call: &str) -> Answer {
        let (service, path) = call.split_once('/').unwrap();
        let (path, host) = (format!("/{path}"), self.address.to_string());
        let place = (service, "GET", path.as_str());
        let headers = sign_path(signer, place, &host, self.wall(), Vec::new(), b"");
        let mut request = self.client.get(format!("http://{host}{path}"));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            request_id: String::new(),
            text: answer.text().await.unwrap(),
        }
    }

    pub(crate) async fn post(
        &self,
        headers: Vec<(String, String)>,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Result<Answer> {
        self.post_to("/", headers, body).await
    }

    /// Calls S3; the request id is from S3's header.
    pub(crate) async fn s3(
        &self,
        method: &str,
        path: &str,
        headers: Vec<(String, String)>,
        body: &[u8],
    ) -> Answer {
        let host = self.address.to_string();
        let place = ("s3", method, path);
        let headers = sign_path(&self.signer, place, &host, self.wall(), headers, body);
        let address = format!("http://{host}{path}");
        let request = self.client.request(method.parse().unwrap(), address);
        let mut request = request.body(body.to_vec());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        let request_id = answer.headers().get("x-amz-request-id");
        Answer {
            status: answer.status().as_u16(),
            request_id: request_id.unwrap().to_str().unwrap().to_owned(),
            text: answer.text().await.unwrap(),
        }
    }

    async fn post_to(
        &self,
        path: &str,
        headers: Vec<(String, String)>,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Result<Answer> {
        let mut request = self
            .client
            .post(format!("http://{}{path}", self.address))
            .body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let request_id = answer.headers().get("x-amzn-requestid");
        let request_id = request_id
            .map(|id| id.to_str().unwrap().to_owned())
            .unwrap_or_default();
        Ok(Answer {
            status,
            request_id,
            text: answer.text().await?,
        })
    }

    pub(crate) async fn try_call(&self, target: &str, input: &Value) -> reqwest::Result<Answer> {
        let headers = vec![
            (
                "content-type".to_owned(),
                "application/x-amz-json-1.1".to_owned(),
            ),
            (
                "x-amz-target".to_owned(),
                format!("SWBExternalService.{target}"),
            ),
        ];
        let signer = self.signer.clone();
        self.send(&signer, "sso", headers, &input.to_string()).await
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let address = format!("http://{}/_sim{path}", self.address);
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, address);
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null),
        )
    }

    pub(crate) async fn fault(&self, fault: Value) {
        let (status, answer) = self.control("POST", "/faults", fault).await;
        assert_eq!(status, 201, "{answer}");
    }

    pub(crate) async fn advance(&self, seconds: f64) {
        let (status, answer) = self
            .control("POST", "/advance", json!({ "seconds": seconds }))
            .await;
        assert_eq!(status, 200, "{answer}");
    }

    pub(crate) async fn mutate(&self, change: Value) -> (u16, Value) {
        self.control("POST", "/mutate", change).await
    }

    pub(crate) fn row(&self, account: &str, set: &str, principal: &str) -> Value {
        json!({
            "InstanceArn": self.simulator.identity_center().instance_arn,
            "TargetId": self.account(account), "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": self.set(set), "PrincipalType": "USER", "PrincipalId": principal,
        })
    }

    /// Starts a create or delete, lets it finish, and returns status and reason.
    pub(crate) async fn settle(&self, operation: &str, row: &Value) -> (String, String) {
        self.settle_as(&self.signer, operation, row).await
    }

    pub(crate) async fn settle_as(
        &self,
        signer: &Signer,
        operation: &str,
        row: &Value,
    ) -> (String, String) {
        let write = format!("sso:{operation}AccountAssignment");
        let accepted = self.call_as(signer, &write, row.clone()).await;
        if accepted.status != 200 {
            return (accepted.outcome(), String::new());
        }
        let (word, member) = match operation {
            "Create" => ("Creation", "AccountAssignmentCreationStatus"),
            _ => ("Deletion", "AccountAssignmentDeletionStatus"),
        };
        assert_eq!(accepted.json()[member]["Status"], "IN_PROGRESS");
        let id = accepted.json()[member]["RequestId"].clone();
        self.advance(61.0).await;
        let input = json!({ format!("AccountAssignment{word}RequestId"): id });
        let status = self
            .call(&format!("sso:DescribeAccountAssignment{word}Status"), input)
            .await
            .json();
        let text = |name: &str| status[member][name].as_str().unwrap_or_default().to_owned();
        (text("Status"), text("FailureReason"))
    }

    pub(crate) async fn count(&self, account: &str, set: &str) -> usize {
        let input =
            json!({ "AccountId": self.account(account), "PermissionSetArn": self.set(set) });
        let answer = self.call("sso:ListAccountAssignments", input).await;
        answer.json()["AccountAssignments"]
            .as_array()
            .map_or(0, Vec::len)
    }
}

pub(crate) fn sign(
    signer: &Signer,
    service: &str,
    host: &str,
    at: Timestamp,
    headers: Vec<(String, String)>,
    body: &str,
) -> Vec<(String, String)> {
    sign_bytes(signer, service, host, at, headers, body.as_bytes())
}

pub(crate) fn sign_bytes(
    signer: &Signer,
    service: &str,
    host: &str,
    at: Timestamp,
    headers: Vec<(String, String)>,
    body: &[u8],
) -> Vec<(String, String)> {
    sign_path(signer, (service, "POST", "/"), host, at, headers, body)
}

fn sign_path(
    signer: &Signer,
    (service, method, path): (&str, &str, &str),
    host: &str,
    at: Timestamp,
    mut headers: Vec<(String, String)>,
    body: &[u8],
) -> Vec<(String, String)> {
    let stamp = at.strftime("%Y%m%dT%H%M%SZ").to_string();
    headers.push(("host".to_owned(), host.to_owned()));
    headers.push(("x-amz-date".to_owned(), stamp.clone()));
    if let Some(token) = &signer.token {
        headers.push(("x-amz-security-token".to_owned(), token.clone()));
    }
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let sha = |bytes: &[u8]| hex::encode(digest::digest(&digest::SHA256, bytes));
    let lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    let lines = lines.join("\n");
    // SigV4 encodes an encoded path again
    let path = path.replace('%', "%25");
    let mut streamed = headers.iter().map(|(_, value)| value);
    let streamed = streamed.find(|value| value.starts_with("STREAMING-"));
    let payload = streamed.map_or_else(|| sha(body), String::clone);
    let canonical = format!("{method}\n{path}\n\n{lines}\n\n{names}\n{payload}");
    let day = at.strftime("%Y%m%d");
    let scope = format!("{day}/{}/{service}/aws4_request", signer.region);
    let text = format!(
        "AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}",
        sha(canonical.as_bytes())
    );
    let mut key = format!("AWS4{}", signer.secret).into_bytes();
    for part in scope.split('/').chain([text.as_str()]) {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes());
        key = tag.as_ref().to_vec();
    }
    headers.push((
        "authorization".to_owned(),
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            signer.key,
            hex::encode(key)
        ),
    ));
    headers
}
