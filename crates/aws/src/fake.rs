use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials as Key;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_organizations::config::retry::RetryConfig;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use hallpass_base::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::connect::over;
use crate::dates::AnswerDates;
use crate::{Aws, AwsClientSettings, ConnectError, DateListener, Dated};

pub(crate) const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-0123456789abcdef";
pub(crate) const MANAGEMENT: &str = "111111111111";

pub(crate) type FakeAnswer = (u16, Value);

type Script = dyn Fn(&str, &Value) -> Option<FakeAnswer> + Send + Sync;

pub(crate) struct Fake {
    script: Box<Script>,
    calls: Mutex<Vec<(String, Value)>>,
    headers: Mutex<BTreeMap<&'static str, String>>,
    signed_at: Mutex<Vec<String>>,
    heard: Mutex<Vec<Timestamp>>,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

pub(crate) fn unheard() -> AnswerDates {
    AnswerDates::new(Arc::new(|_| {}), Arc::new(Stopped))
}

#[derive(Debug, Clone)]
struct Wire(Arc<Fake>);

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target");
        let operation = target
            .and_then(|target| target.rsplit('.').next())
            .unwrap_or("GetCallerIdentity");
        let signed_at = request.headers().get("x-amz-date").unwrap_or_default();
        self.0.signed_at.lock().unwrap().push(signed_at.to_owned());
        let body = request.body().bytes().unwrap_or_default();
        let body = serde_json::from_slice(body).unwrap_or_default();
        let (status, answer) = self.0.answer(operation, &body);
        let text = match answer {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let status = StatusCode::try_from(status).unwrap();
        let mut response = HttpResponse::new(status, SdkBody::from(text));
        for (name, value) in self.0.headers.lock().unwrap().iter() {
            response.headers_mut().insert(*name, value.clone());
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl Fake {
    pub(crate) fn new(
        script: impl Fn(&str, &Value) -> Option<FakeAnswer> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            calls: Mutex::default(),
            headers: Mutex::default(),
            signed_at: Mutex::default(),
            heard: Mutex::default(),
        })
    }

    pub(crate) fn with_headers(&self, headers: &[(&'static str, &str)]) {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        *self.headers.lock().unwrap() = headers.collect();
    }

    pub(crate) fn signed_at(&self) -> Vec<String> {
        self.signed_at.lock().unwrap().clone()
    }

    pub(crate) fn heard(&self) -> Vec<Timestamp> {
        self.heard.lock().unwrap().clone()
    }

    fn answer(&self, operation: &str, body: &Value) -> FakeAnswer {
        self.calls
            .lock()
            .unwrap()
            .push((operation.to_owned(), body.clone()));
        (self.script)(operation, body).unwrap_or_else(|| (200, usual(operation)))
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(name, _)| name == operation).count()
    }

    pub(crate) fn last(&self, operation: &str) -> Value {
        let calls = self.calls.lock().unwrap();
        let found = calls.iter().rfind(|(name, _)| name == operation);
        found.map(|(_, body)| body.clone()).unwrap_or_default()
    }

    pub(crate) async fn try_connect(
        self: &Arc<Self>,
        settings: &AwsClientSettings,
    ) -> Result<Aws, ConnectError> {
        let connector = SharedHttpConnector::new(Wire(Arc::clone(self)));
        let key = Key::new("AKIA0000111122223333", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(key))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        let told = Arc::clone(self);
        let listener: DateListener =
            Arc::new(move |dated: Dated| told.heard.lock().unwrap().push(dated.date));
        let dates = AnswerDates::new(listener, Arc::new(Stopped));
        over(&config, settings, Arc::new(Stopped), &dates, 1).await
    }

    pub(crate) async fn connect(self: &Arc<Self>) -> Aws {
        self.try_connect(&AwsClientSettings::new("eu-west-1"))
            .await
            .unwrap()
    }
}

fn usual(operation: &str) -> Value {
    match operation {
        "GetCallerIdentity" => Value::String(format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::{MANAGEMENT}:user/admin</Arn>\
             <UserId>AIDA1</UserId><Account>{MANAGEMENT}</Account></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
             </GetCallerIdentityResponse>"
        )),
        "ListInstances" => json!({"Instances": [
            {"InstanceArn": INSTANCE, "IdentityStoreId": "d-1234567890"}]}),
        "DescribeOrganization" => json!({"Organization": {
            "Id": "o-abcdefghij", "MasterAccountId": MANAGEMENT}}),
        "ListRoots" => json!({"Roots": [{"Id": "r-abcd"}]}),
        "ListAccounts" | "ListAccountsForParent" => json!({"Accounts": [
            {"Id": MANAGEMENT, "Name": "root", "Email": "r@acme.example", "State": "ACTIVE"}]}),
        "ListOrganizationalUnitsForParent" => json!({"OrganizationalUnits": []}),
        "ListPermissionSets" => json!({"PermissionSets": []}),
        "ListUsers" => json!({"Users": []}),
        "ListGroups" => json!({"Groups": []}),
        "ListGroupMemberships" => json!({"GroupMemberships": []}),
        "ListAccountAssignments" => json!({"AccountAssignments": []}),
        other => panic!("no answer to {other}"),
    }
}

pub(crate) fn error(name: &str, message: &str) -> FakeAnswer {
    (400, json!({"__type": name, "Message": message}))
}
