//! Custom code of rules (`organization.md` ): a `[[webhooks]]` table by name, or a Lambda
//! function by ARN.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Loaded;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallpass_aws::{AwsClientSettings, OrganizationCalls, RoleToAssume};
use hallpass_base::Clock;
use hallpass_base::text::line;
use hallpass_channels::notify::Webhook;
use hallpass_enforcement::OrganizationFault;
use hallpass_findings::remediation::{CalledCode, CodeAnswer, CodeFault, OwnCode, function_region};
use hallpass_inventory::collect::CallPlace;
use hallpass_terminal::exit::Failure;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// Function timeout. Shorter than a lane's lease, which is not renewed meanwhile.
const FUNCTION_MAX: Duration = Duration::from_secs(30);
/// Bytes of an answer that are stored.
const ANSWER_BYTES_MAX: usize = 2_000;
const AT_ONCE: usize = 4;

pub struct CallableCode {
    webhooks: BTreeMap<String, Webhook>,
    client: AwsClientSettings,
    clock: Arc<dyn Clock>,
    /// Created at the first call: most rules call no function.
    calls: OnceCell<OrganizationCalls>,
}

impl CallableCode {
    pub fn of(
        loaded: &Loaded,
        client: AwsClientSettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn OwnCode>, Failure> {
        let all = loaded.webhooks(clock)?.into_iter();
        Ok(Arc::new(Self {
            webhooks: all.map(|it| (it.setting_name().to_owned(), it)).collect(),
            client,
            clock: Arc::clone(clock),
            calls: OnceCell::new(),
        }))
    }

    async fn webhook(&self, name: &str, id: &str, body: &Value) -> Result<CodeAnswer, CodeFault> {
        let Some(webhook) = self.webhooks.get(name) else {
            let why = format!("no table of `[[webhooks]]` is called `{name}`");
            return Err(CodeFault::Refused(why));
        };
        match webhook.call_code(id, body).await {
            Ok((status, text)) => Ok(CodeAnswer { status, text }),
            Err(failed) if failed.is_later => Err(CodeFault::Passing(failed.why)),
            Err(failed) => Err(CodeFault::Refused(failed.why)),
        }
    }

    async fn calls(&self) -> Result<&OrganizationCalls, CodeFault> {
        let make = || async {
            OrganizationCalls::new(
                self.client.clone(),
                RoleToAssume::default(),
                AT_ONCE,
                fastrand::u64(..),
                Arc::clone(&self.clock),
            )
            .await
        };
        self.calls
            .get_or_try_init(make)
            .await
            .map_err(CodeFault::Refused)
    }

    /// One synchronous call. Without an answer, the step rules retry with the same id in the body:
    /// the first call may still take effect.
    async fn function(&self, arn: &str, body: &Value) -> Result<CodeAnswer, CodeFault> {
        let Some(region) = function_region(arn) else {
            let why = format!("`{arn}` is not the ARN of a function");
            return Err(CodeFault::Refused(why));
        };
        let input = json!({
            "FunctionName": arn, "InvocationType": "RequestResponse", "Payload": STANDARD.encode(body.to_string()),
        });
        let calls = self.calls().await?;
        let call = ("lambda", "Invoke");
        let sent = calls.send_in(&CallPlace::Home, Some(region), call, &input);
        match timeout(FUNCTION_MAX, sent).await {
            Err(_) => {
                let why = format!("no answer within {} s", FUNCTION_MAX.as_secs());
                Err(CodeFault::Passing(why))
            }
            Ok(Ok(answer)) => answered(&answer),
            Ok(Err(fault)) => Err(match fault {
                OrganizationFault::Throttled { .. }
                | OrganizationFault::Unreachable { .. }
                | OrganizationFault::Conflict { .. } => CodeFault::Passing(fault.to_string()),
                OrganizationFault::AlreadyThere { .. }
                | OrganizationFault::NotThere { .. }
                | OrganizationFault::Refused { .. } => CodeFault::Refused(fault.to_string()),
            }),
        }
    }
}

/// A failed function still answers with status 200.
fn answered(answer: &Value) -> Result<CodeAnswer, CodeFault> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    let bytes = text("Payload").and_then(|it| STANDARD.decode(it).ok());
    let mut bytes = bytes.unwrap_or_default();
    bytes.truncate(ANSWER_BYTES_MAX);
    let said = line(&String::from_utf8_lossy(&bytes), ANSWER_BYTES_MAX);
    if let Some(error) = text("FunctionError") {
        let why = format!("the function failed ({error}): {said}");
        return Err(CodeFault::Refused(why));
    }
    let status = answer.get("StatusCode").and_then(Value::as_u64);
    let status = status.and_then(|it| u16::try_from(it).ok()).unwrap_or(200);
    Ok(CodeAnswer { status, text: said })
}

#[async_trait]
impl OwnCode for CallableCode {
    async fn call(&self, of: &CalledCode, id: &str, body: &Value) -> Result<CodeAnswer, CodeFault> {
        match of {
            CalledCode::Webhook(name) => self.webhook(name, id, body).await,
            CalledCode::Function(arn) => self.function(arn, body).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_failed_is_no_success_whatever_its_status() {
        let good = json!({ "StatusCode": 200, "Payload": STANDARD.encode("{\"isolated\": true}") });
        let expected = CodeAnswer {
            status: 200,
            text: "{\"isolated\": true}".to_owned(),
        };
        assert_eq!(answered(&good), Ok(expected));
        let long = json!({ "StatusCode": 200, "Payload": STANDARD.encode("x".repeat(9_000)) });
        assert!(answered(&long).unwrap().text.len() <= ANSWER_BYTES_MAX);
        let error = STANDARD.encode("{\"errorMessage\": \"no such host\"}");
        let failed = json!({ "StatusCode": 200, "FunctionError": "Unhandled", "Payload": error });
        let Err(CodeFault::Refused(why)) = answered(&failed) else {
            panic!("it failed");
        };
        assert!(
            why.contains("(Unhandled)") && why.contains("no such host"),
            "{why}"
        );
    }
}
