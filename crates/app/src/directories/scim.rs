//! SCIM endpoint of IAM Identity Center: deactivates and reactivates users (AWS IAM Identity Center
//! SCIM implementation, "`GetUser`" and "`PatchUser`"; RFC 7644 §3.5.2).

use std::time::Duration;

use async_trait::async_trait;
use hallpass_aws::answer_body::{BodyFault, whole};
use hallpass_org::pci::{ProviderFault, ProviderPeople, ProviderPerson, ProviderState};
use hallpass_terminal::exit::Failure;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

const CALL_MAX: Duration = Duration::from_mins(1);
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Schema of a change (RFC 7644 §3.5.2).
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

pub struct ScimPeople {
    client: reqwest::Client,
    base: String,
    token: HeaderValue,
}

impl ScimPeople {
    pub fn new(endpoint: &str, token: &SecretString) -> Result<Self, Failure> {
        let bad = |why: &str| {
            let failure = Failure::bad_input(format!("`pci.scim_endpoint`: `{endpoint}` {why}"));
            failure.help("it is in the console of IAM Identity Center, Settings, Automatic provisioning: `https://scim.eu-west-1.amazonaws.com/…/scim/v2`")
        };
        let parsed: Url = endpoint.parse().map_err(|_| bad("is no URL"))?;
        let host = parsed.host_str().unwrap_or_default();
        let is_local = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
        if parsed.scheme() != "https" && !(parsed.scheme() == "http" && is_local) {
            return Err(bad("would send the token in the clear"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(bad("holds a user name or password"));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(bad("has a query or fragment"));
        }
        let header = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
        let mut token = header.map_err(|_| {
            Failure::bad_input("`pci.scim_token` holds characters that no token has")
        })?;
        token.set_sensitive(true);
        let client = reqwest::Client::builder()
            .timeout(CALL_MAX)
            // the token is for one host
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("hallpass/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| Failure::failed("the client of SCIM cannot be made"))?;
        Ok(Self {
            client,
            base: endpoint.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// Returns `None` for an unknown user.
    async fn call(
        &self,
        method: Method,
        id: &str,
        body: Option<&Value>,
    ) -> Result<Option<Value>, ProviderFault> {
        let url = format!("{}/Users/{id}", self.base);
        let mut request = self.client.request(method, url);
        request = request.header(AUTHORIZATION, self.token.clone());
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/scim+json");
            request = request.body(body.to_string());
        }
        let answer = request.send().await.map_err(|_| unanswered())?;
        let status = answer.status().as_u16();
        let bytes = whole(answer, ANSWER_BYTES_MAX).await;
        let bytes = bytes.map_err(|broken| match broken {
            BodyFault::Lost(_) => unanswered(),
            BodyFault::TooLarge => fault(status, "the answer is too large"),
        })?;
        let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        match status {
            200..300 => Ok(Some(document)),
            404 => Ok(None),
            _ => {
                let said = document.get("detail").and_then(Value::as_str);
                Err(fault(status, said.unwrap_or("no reason given")))
            }
        }
    }

    async fn make(&self, id: &str, active: &Value) -> Result<(), ProviderFault> {
        let change = json!({ "op": "replace", "path": "active", "value": active });
        let body = json!({ "schemas": [PATCH], "Operations": [change] });
        let answered = self.call(Method::PATCH, id, Some(&body)).await?;
        answered
            .map(|_| ())
            .ok_or_else(|| fault(404, "there is no such person"))
    }
}

fn unanswered() -> ProviderFault {
    ProviderFault {
        code: "NoAnswer".to_owned(),
        message: "there was no answer".to_owned(),
        passing: true,
    }
}

fn fault(status: u16, message: &str) -> ProviderFault {
    ProviderFault {
        code: format!("HTTP {status}"),
        message: message.to_owned(),
        passing: status == 429 || status >= 500,
    }
}

fn read(document: &Value) -> Result<ProviderPerson, ProviderFault> {
    let text = |name: &str| {
        document
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let active = match document.get("active") {
        Some(Value::Bool(active)) => Some(*active),
        // the endpoint accepts booleans as words, so may return them
        Some(Value::String(word)) => word.parse().ok(),
        _ => None,
    };
    let (Some(id), Some(name), Some(active)) = (text("id"), text("userName"), active) else {
        return Err(fault(
            200,
            "the answer has no person with id, name and `active`",
        ));
    };
    Ok(ProviderPerson {
        id,
        names: vec![name],
        state: if active {
            ProviderState::Active
        } else {
            ProviderState::Suspended
        },
    })
}

#[async_trait]
impl ProviderPeople for ScimPeople {
    fn base(&self) -> &str {
        &self.base
    }

    async fn person(&self, id: &str) -> Result<Option<ProviderPerson>, ProviderFault> {
        let Some(document) = self.call(Method::GET, id, None).await? else {
            return Ok(None);
        };
        Ok(Some(read(&document)?).filter(|it| it.id == id))
    }

    async fn suspend(&self, id: &str) -> Result<(), ProviderFault> {
        self.make(id, &json!(false)).await
    }

    async fn resume(&self, id: &str) -> Result<(), ProviderFault> {
        self.make(id, &json!(true)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_one_that_the_token_may_be_sent_to() {
        let token = SecretString::from("very-secret");
        for (endpoint, is_one) in [
            ("https://scim.eu-west-1.amazonaws.com/x/scim/v2/", true),
            ("http://127.0.0.1:8080/scim/v2", true),
            ("http://scim.example.com/v2", false),
            ("https://ana:word@scim.example.com/v2", false),
            ("https://scim.example.com/v2?tenant=1", false),
            ("scim.example.com", false),
        ] {
            let made = ScimPeople::new(endpoint, &token);
            assert_eq!(made.is_ok(), is_one, "{endpoint}");
            if let Err(refused) = made {
                assert!(refused.words().contains("pci.scim_endpoint"));
                assert!(!refused.words().contains("very-secret"));
            }
        }
        let bad = ScimPeople::new("https://scim.example.com", &SecretString::from("a\nb"));
        assert!(bad.is_err_and(|it| it.words().contains("pci.scim_token")));
    }

    #[test]
    fn a_person_is_read_with_words_for_booleans_too_and_never_half() {
        let person = |active: Value| json!({ "id": "1", "userName": "ana", "active": active });
        let state = |document: &Value| read(document).map(|it| it.state);
        assert_eq!(state(&person(json!(true))), Ok(ProviderState::Active));
        assert_eq!(state(&person(json!("false"))), Ok(ProviderState::Suspended));
        for half in [
            person(json!(null)),
            person(json!("perhaps")),
            json!({ "id": "1", "active": true }),
            json!([]),
        ] {
            assert!(read(&half).is_err(), "{half}");
        }
    }
}
