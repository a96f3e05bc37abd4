//! Root user sign-ins of the payer account from `EventBridge` (`organization.md` Y-2).

use serde_json::{Map, Value, json};

use super::file::PayerFile;

pub const SIGN_IN_SOURCE: &str = "aws.signin";
pub const SIGN_IN_DETAIL_TYPE: &str = "AWS Console Sign In via CloudTrail";
const TEXT_MAX: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootSignIn {
    /// `CloudTrail`'s id, equal for duplicate deliveries.
    pub event_id: String,
    pub at: String,
    pub source_ip: String,
    /// `Yes`, `No`, or empty.
    pub mfa: String,
    pub outcome: String,
    pub region: String,
}

impl RootSignIn {
    /// Key columns.
    pub const KEY: [&'static str; 1] = ["event_id"];
    pub const MESSAGE: &'static str = "root user of the payer account {account_id}: sign-in at {time} from {source_ip}, second factor {mfa}, {outcome}";

    pub fn row(&self, file: &PayerFile) -> Map<String, Value> {
        let values = json!({
            "account_id": file.payer, "event_id": self.event_id, "time": self.at, "source_ip": self.source_ip,
            "mfa": self.mfa, "outcome": self.outcome, "aws_region": self.region,
        });
        match values {
            Value::Object(values) => values,
            _ => Map::new(),
        }
    }
}

/// Parses an event's detail; `None` unless the payer account's root user signed in.
///
/// # Errors
/// A sign-in without the members of every `CloudTrail` record.
pub fn root_sign_in(file: &PayerFile, detail: &Value) -> Result<Option<RootSignIn>, String> {
    let text = |path: &str| {
        let text = detail.pointer(path).and_then(Value::as_str);
        text.map(|it| it.chars().take(TEXT_MAX).collect::<String>())
    };
    let is_root = text("/userIdentity/type").as_deref() == Some("Root")
        && text("/eventName").as_deref() == Some("ConsoleLogin");
    let account = text("/userIdentity/accountId");
    if !is_root || account.as_deref() != Some(file.payer.as_str()) {
        return Ok(None);
    }
    let event_id = text("/eventID").filter(|it| !it.is_empty());
    let event_id = event_id.ok_or("the record has no `eventID`")?;
    let or_unknown = |path: &str| text(path).unwrap_or_else(|| "unknown".to_owned());
    Ok(Some(RootSignIn {
        event_id,
        at: or_unknown("/eventTime"),
        source_ip: or_unknown("/sourceIPAddress"),
        mfa: or_unknown("/additionalEventData/MFAUsed"),
        outcome: or_unknown("/responseElements/ConsoleLogin"),
        region: or_unknown("/awsRegion"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = include_str!("../../../../docs/spec/fixtures/org-root-login.json");
    const FILE: &str = include_str!("../../../../docs/spec/fixtures/org-payer.yaml");

    fn event() -> Value {
        serde_json::from_str(EVENT).unwrap()
    }

    #[test]
    fn the_event_of_the_fixture_is_a_sign_in_of_the_root_user() {
        let file = PayerFile::read(FILE).unwrap();
        let found = root_sign_in(&file, &event()["detail"]).unwrap().unwrap();
        let row = found.row(&file);
        assert_eq!(row["event_id"], "33333333-2222-4333-8444-555555555555");
        assert_eq!(
            (&row["source_ip"], &row["mfa"]),
            (&json!("8.8.8.8"), &json!("Yes"))
        );
        assert_eq!(
            (&row["outcome"], &row["account_id"]),
            (&json!("Success"), &json!("111111111111"))
        );
        assert!(RootSignIn::KEY.iter().all(|it| row.contains_key(*it)));
    }

    #[test]
    fn that_of_anybody_else_is_none_and_one_without_an_id_is_refused() {
        let file = PayerFile::read(FILE).unwrap();
        for (path, value) in [
            ("/userIdentity/type", "IAMUser"),
            ("/userIdentity/accountId", "222222222222"),
            ("/eventName", "SwitchRole"),
        ] {
            let mut event = event();
            *event["detail"].pointer_mut(path).unwrap() = value.into();
            assert_eq!(root_sign_in(&file, &event["detail"]), Ok(None), "{path}");
        }
        let mut event = event();
        event["detail"]["eventID"] = Value::Null;
        assert!(root_sign_in(&file, &event["detail"]).is_err());
    }
}
