//! Maps events to all actions that they needed, as far as the name shows.

use hallpass_aws_model::facts::{NO_PERMISSION, NO_PERMISSION_OF_USERS};
use hallpass_iam::facts::{self, ActionFacts};

use super::events::{iam_action, prefix_of};

/// Events that need several actions (S3 user guide: *Required permissions for Amazon S3 API
/// operations*; KMS developer guide: *Permissions reference*).
const SEVERAL: &[(&str, &str, &[&str])] = &[
    ("s3", "CopyObject", &["PutObject", "GetObject"]),
    ("s3", "UploadPartCopy", &["PutObject", "GetObject"]),
    ("kms", "ReEncrypt", &["ReEncryptFrom", "ReEncryptTo"]),
];

/// Events whose action depends on the input (`DynamoDB` developer guide: *Using IAM with
/// transactions*, *Using IAM security policies with `PartiQL`*).
const BY_CONTENT: &[(&str, &[&str])] = &[(
    "dynamodb",
    &[
        "TransactWriteItems",
        "ExecuteStatement",
        "BatchExecuteStatement",
        "ExecuteTransaction",
    ],
)];

/// Services whose events need no permission unless an action has their name: console sign-in and
/// navigation.
const FREE_SERVICES: &[&str] = &["signin"];
/// The same for other services, in addition to AWS's facts.
const FREE: &[(&str, &str)] = &[
    ("sso", "Authenticate"),
    ("sso", "Federate"),
    ("sso", "Logout"),
];

#[derive(Clone, Debug)]
pub enum EventActions {
    All(Vec<&'static ActionFacts>),
    Nothing,
    Unknown,
}

pub fn event_actions(service: &str, event: &str) -> EventActions {
    let prefix = prefix_of(service);
    let is_nameless = || iam_action(service, event).is_none();
    let action = format!("{prefix}:{event}");
    let is_free = NO_PERMISSION.names(&action)
        || NO_PERMISSION_OF_USERS.names(&action)
        || FREE.contains(&(prefix, event))
        || FREE_SERVICES.contains(&prefix) && is_nameless();
    if is_free {
        return EventActions::Nothing;
    }
    let by_content = BY_CONTENT.iter().filter(|(of, _)| *of == prefix);
    if by_content
        .flat_map(|(_, names)| *names)
        .any(|it| *it == event)
    {
        return EventActions::Unknown;
    }
    let mut several = SEVERAL.iter();
    let several = several.find(|(of, name, _)| *of == prefix && *name == event);
    let actions: Option<Vec<&'static ActionFacts>> = match several {
        Some((_, _, names)) => {
            let found = names
                .iter()
                .map(|it| facts::action(&format!("{prefix}:{it}")));
            found.collect()
        }
        None => iam_action(service, event).map(|it| vec![it]),
    };
    actions.map_or(EventActions::Unknown, EventActions::All)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_may_need_several_actions_one_or_none() {
        let rows = [
            ("s3", "CopyObject", "s3:PutObject s3:GetObject"),
            ("kms", "ReEncrypt", "kms:ReEncryptFrom kms:ReEncryptTo"),
            ("s3", "ListBuckets", "s3:ListAllMyBuckets"),
            ("sts", "GetCallerIdentity", "nothing"),
            ("sts", "GetSessionToken", "nothing"),
            ("signin", "ConsoleLogin", "nothing"),
            // Used by `aws login`
            ("signin", "CreateOAuth2Token", "signin:CreateOAuth2Token"),
            ("dynamodb", "TransactWriteItems", "unknown"),
            ("ec2", "NoSuchThing", "unknown"),
        ];
        for (service, event, wanted) in rows {
            let found = match event_actions(service, event) {
                EventActions::All(all) => {
                    let names: Vec<String> = all.iter().map(|it| it.full_name()).collect();
                    names.join(" ")
                }
                EventActions::Nothing => "nothing".to_owned(),
                EventActions::Unknown => "unknown".to_owned(),
            };
            assert_eq!(found, wanted, "{service}:{event}");
        }
    }
}
