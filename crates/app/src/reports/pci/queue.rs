//! SQS queue for lists of users over a limit (`inventory.md` H-15).

use std::path::PathBuf;
use std::str::FromStr;

use crate::host::named_calls::NamedCalls;
use crate::host::runtime::runtime;
use hallpass_aws::RoleToAssume;
use hallpass_aws_model::facts;
use hallpass_org::{ReadPlace, ServiceCalls as _};
use hallpass_terminal::exit::Failure;
use serde_json::json;

const MESSAGE_BYTES_MAX: usize = facts::QUEUE_MESSAGE_BYTES.count();

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmitTarget {
    File(PathBuf),
    Queue(String),
}

impl FromStr for EmitTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(url) = text.strip_prefix("sqs:") {
            let is_address = url.starts_with("https://") || url.starts_with("http://");
            return if is_address {
                Ok(Self::Queue(url.to_owned()))
            } else {
                Err(
                    "write `sqs:` and the address of a queue, which begins with https://"
                        .to_owned(),
                )
            };
        }
        if text.starts_with("arn:") || text.starts_with("https:") {
            return Err("write a file, or `sqs:` and the address of a queue".to_owned());
        }
        Ok(Self::File(PathBuf::from(text)))
    }
}

pub fn region_of(url: &str) -> Option<String> {
    let host = url.split("://").nth(1)?.strip_prefix("sqs.")?;
    host.split('.').next().map(str::to_owned)
}

/// Sends a text once.
///
/// # Errors
/// Too long, or SQS failed. Without a response, delivery is unknown.
pub fn send(url: &str, region: String, text: &str) -> Result<(), Failure> {
    if text.len() > MESSAGE_BYTES_MAX {
        let message = format!("{} bytes are too many for a message of SQS", text.len());
        return Err(Failure::failed(message).help("`--emit-to FILE` writes the list"));
    }
    runtime()?.block_on(async {
        let calls = NamedCalls::new(region.clone(), RoleToAssume::default(), 1).await?;
        let place = ReadPlace {
            region: Some(region),
            ..ReadPlace::default()
        };
        let input = json!({"QueueUrl": url, "MessageBody": text});
        let sent = calls.send(&place, ("sqs", "SendMessage"), &input).await;
        let failed = |fault| Failure::failed(format!("`{url}` does not take the list: {fault}"));
        sent.map(|_| ())
            .map_err(|fault| failed(fault).help("it takes `sqs:SendMessage`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_file_or_the_address_of_a_queue() {
        let parsed = |text: &str| text.parse::<EmitTarget>();
        assert_eq!(
            parsed("seed.json"),
            Ok(EmitTarget::File("seed.json".into()))
        );
        let url = "https://sqs.eu-west-1.amazonaws.com/111111111111/people";
        assert_eq!(
            parsed(&format!("sqs:{url}")),
            Ok(EmitTarget::Queue(url.to_owned()))
        );
        for bad in ["sqs:people", "arn:aws:sqs:eu-west-1:1:people", url] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }
}
