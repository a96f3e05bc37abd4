use hallpass_app::config::Loaded;
use hallpass_terminal::exit::Failure;
use serde_json::{Value, json};

use super::iam_policy;

pub(super) const TAKES: [&str; 3] = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:ReceiveMessage",
];

/// Actions to requeue parked events (`events replay`).
pub(super) const AGAIN: [&str; 4] = [
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
];

pub(super) fn statement(loaded: &Loaded, actions: &[&str]) -> Result<Value, Failure> {
    let home = hallpass_app::setup::opening::aws_settings(loaded).region;
    let address = loaded.event_queue()?;
    let queue = address.map_or_else(|| "*".to_owned(), |address| arn(&address, &home));
    Ok(iam_policy::statement("TakeEvents", actions, &json!(queue)))
}

/// Parts missing in the address become wildcards.
fn arn(address: &str, home: &str) -> String {
    let mut parts = address.rsplit('/');
    let (name, account) = (parts.next(), parts.next());
    let host = parts.next().unwrap_or_default();
    let region = host
        .strip_prefix("sqs.")
        .and_then(|it| it.split('.').next());
    let region = region.unwrap_or(home);
    format!(
        "arn:{}:sqs:{region}:{}:{}",
        iam_policy::partition(region),
        account.unwrap_or("*"),
        name.unwrap_or("*")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_queue() {
        for (address, wanted) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/111122223333/events",
                "arn:aws:sqs:eu-west-1:111122223333:events",
            ),
            (
                "https://sqs.us-gov-west-1.amazonaws.com/111122223333/events",
                "arn:aws-us-gov:sqs:us-gov-west-1:111122223333:events",
            ),
            (
                "http://127.0.0.1:4566/111122223333/events",
                "arn:aws:sqs:us-east-1:111122223333:events",
            ),
        ] {
            assert_eq!(arn(address, "us-east-1"), wanted);
        }
    }
}
