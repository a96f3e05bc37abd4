//! AWS for tests: answers each call with a status and a body, and remembers the calls.

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
use hallpass_model::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::connect::over;
use crate::{Aws, ConnectError, Settings};

pub(crate) const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-0123456789abcdef";
pub(crate) const MANAGEMENT: &str = "111111111111";

/// A status and a body.
pub(crate) type Answer = (u16, Value);

type Script = dyn Fn(&str, &Value) -> Option<Answer> + Send + Sync;

/// Answers from a script; what it leaves out is answered by an organization of one account.
pub(crate) struct Fake {
    script: Box<Script>,
    calls: Mutex<Vec<(String, Value)>>,
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

#[derive(Debug, Clone)]
struct Wire(Arc<Fake>);

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target");
        let operation = target
            .and_then(|target| target.rsplit('.').next())
            .unwrap_or("GetCallerIdentity");
        let body = request.body().bytes().unwrap_or_default();
        let body = serde_json::from_slice(body).unwrap_or_default();
        let (status, answer) = self.0.answer(operation, &body);
        let text = match answer {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let status = StatusCode::try_from(status).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(text))))
    }
}

impl Fake {
    pub(crate) fn new(
        script: impl Fn(&str, &Value) -> Option<Answer> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            calls: Mutex::default(),
        })
    }

    fn answer(&self, operation: &str, body: &Value) -> Answer {
        self.calls
            .lock()
            .unwrap()
            .push((operation.to_owned(), body.clone()));
        (self.script)(operation, body).unwrap_or_else(|| (200, usual(operation)))
    }

    /// How often an operation was called.
    pub(crate) fn count(&self, operation: &str) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(name, _)| name == operation).count()
    }

    /// The input of an operation's last call.
    pub(crate) fn last(&self, operation: &str) -> Value {
        let calls = self.calls.lock().unwrap();
        let found = calls.iter().rfind(|(name, _)| name == operation);
        found.map(|(_, body)| body.clone()).unwrap_or_default()
    }

    pub(crate) async fn try_connect(
        self: &Arc<Self>,
        settings: &Settings,
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
        over(&config, settings, Arc::new(Stopped), 1).await
    }

    pub(crate) async fn connect(self: &Arc<Self>) -> Aws {
        self.try_connect(&Settings::new("eu-west-1")).await.unwrap()
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

/// An error answer.
pub(crate) fn error(name: &str, message: &str) -> Answer {
    (400, json!({"__type": name, "Message": message}))
}
