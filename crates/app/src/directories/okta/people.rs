//! Suspends and restores Okta users (Okta Users API, "User Lifecycle").

use async_trait::async_trait;
use hallpass_inventory::SliceFailure;
use hallpass_inventory::collect::OktaCalls as _;
use hallpass_org::pci::{ProviderFault, ProviderPeople, ProviderPerson, ProviderState};
use serde_json::Value;

use super::calls::OktaHttp;

pub struct OktaPeople(OktaHttp);

impl OktaPeople {
    pub fn new(calls: OktaHttp) -> Self {
        Self(calls)
    }

    fn url(&self, id: &str) -> Result<String, ProviderFault> {
        // other text could redirect the URL
        let is_id = !id.is_empty()
            && id
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'));
        if is_id {
            return Ok(format!("{}/api/v1/users/{id}", self.0.base()));
        }
        Err(ProviderFault {
            code: "no_id".to_owned(),
            message: format!("`{id}` is no id of Okta"),
            passing: false,
        })
    }

    async fn lifecycle(&self, id: &str, what: &str) -> Result<(), ProviderFault> {
        let url = format!("{}/lifecycle/{what}", self.url(id)?);
        self.0.post(&url).await.map_err(fault)
    }
}

/// Retryable: no response, server error or rate limit.
fn fault(failure: SliceFailure) -> ProviderFault {
    ProviderFault {
        passing: failure.code == "NoAnswer"
            || failure.http_status.is_some_and(|it| it == 429 || it >= 500),
        code: failure.code,
        message: failure.message,
    }
}

fn read(body: &Value) -> Result<ProviderPerson, ProviderFault> {
    let text = |at: &str| body.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let (Some(id), Some(status)) = (text("/id"), text("/status")) else {
        return Err(ProviderFault {
            code: "Undecodable".to_owned(),
            message: "the answer has no person with an id and a status".to_owned(),
            passing: false,
        });
    };
    let names = [text("/profile/login"), text("/profile/email")];
    Ok(ProviderPerson {
        id,
        names: names.into_iter().flatten().collect(),
        state: match status.as_str() {
            "SUSPENDED" => ProviderState::Suspended,
            "DEPROVISIONED" => ProviderState::Left,
            _ => ProviderState::Active,
        },
    })
}

#[async_trait]
impl ProviderPeople for OktaPeople {
    fn base(&self) -> &str {
        self.0.base()
    }

    async fn person(&self, id: &str) -> Result<Option<ProviderPerson>, ProviderFault> {
        match self.0.get(&self.url(id)?).await {
            // Okta also finds other names; accept only the id
            Ok(page) => Ok(Some(read(&page.body)?).filter(|it| it.id == id)),
            Err(failure) if failure.http_status == Some(404) => Ok(None),
            Err(failure) => Err(fault(failure)),
        }
    }

    async fn suspend(&self, id: &str) -> Result<(), ProviderFault> {
        self.lifecycle(id, "suspend").await
    }

    async fn resume(&self, id: &str) -> Result<(), ProviderFault> {
        self.lifecycle(id, "unsuspend").await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_may_sign_in_or_will_is_active_and_half_a_person_is_none() {
        let person = |status: &str| {
            let profile = json!({ "login": "ana", "email": "ana@example.com" });
            read(&json!({ "id": "00u1", "status": status, "profile": profile })).unwrap()
        };
        for (status, state) in [
            ("ACTIVE", ProviderState::Active),
            ("PASSWORD_EXPIRED", ProviderState::Active),
            ("LOCKED_OUT", ProviderState::Active),
            ("SUSPENDED", ProviderState::Suspended),
            ("DEPROVISIONED", ProviderState::Left),
        ] {
            assert_eq!(person(status).state, state, "{status}");
        }
        assert!(person("ACTIVE").is_called("ANA@example.com"));
        assert!(!person("ACTIVE").is_called("an"));
        assert!(read(&json!({ "id": "00u1" })).is_err());
        assert!(read(&json!([])).is_err());
    }

    #[test]
    fn only_what_may_be_done_is_worth_another_try() {
        let passing = |code: &str, http_status| {
            let mut failure = super::super::answer::failure(code, "", http_status);
            failure.attempts = 1;
            fault(failure).passing
        };
        assert!(passing("NoAnswer", None));
        assert!(passing("E0000047", Some(429)));
        assert!(passing("E0000009", Some(500)));
        assert!(!passing("E0000001", Some(400)));
        assert!(!passing("E0000006", Some(403)));
    }
}
