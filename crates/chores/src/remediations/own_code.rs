//! Code of somebody's own that rules call: a table of `[[webhooks]]` by its name (`organization.md` R-15).

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_model::Clock;
use hallpass_notify::Webhook;
use hallpass_remediation::{CodeAnswer, CodeFault, OwnCode};
use serde_json::Value;

use hallpass_config::Loaded;
use hallpass_terminal::exit::Failure;

/// The tables of `[[webhooks]]`, by name.
pub struct NamedWebhooks(BTreeMap<String, Webhook>);

impl NamedWebhooks {
    /// Those of the configuration.
    ///
    /// # Errors
    /// Exit 2 where one cannot work.
    pub fn of(loaded: &Loaded, clock: &Arc<dyn Clock>) -> Result<Arc<dyn OwnCode>, Failure> {
        let all = loaded.webhooks(clock)?.into_iter();
        let all = all.map(|it| (it.setting_name().to_owned(), it)).collect();
        Ok(Arc::new(Self(all)))
    }
}

#[async_trait]
impl OwnCode for NamedWebhooks {
    async fn call(&self, name: &str, id: &str, body: &Value) -> Result<CodeAnswer, CodeFault> {
        let Some(webhook) = self.0.get(name) else {
            let why = format!("no table of `[[webhooks]]` is called `{name}`");
            return Err(CodeFault::Refused(why));
        };
        match webhook.call_code(id, body).await {
            Ok((status, text)) => Ok(CodeAnswer { status, text }),
            Err(failed) if failed.is_later => Err(CodeFault::Passing(failed.why)),
            Err(failed) => Err(CodeFault::Refused(failed.why)),
        }
    }
}
