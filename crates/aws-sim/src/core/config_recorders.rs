//! Recorders of Config and their delivery channels: those that a file states or somebody wrote; elsewhere they are drawn.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The name that the console gives.
pub(crate) const NAME: &str = "default";

/// Config in an account and a Region.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SimRecorder {
    /// The recorder, as it was put.
    pub recorder: Option<Value>,
    /// Whether it records.
    pub recording: bool,
    /// The delivery channel, as it was put.
    pub channel: Option<Value>,
}

impl SimRecorder {
    /// A recorder that records everything, and its channel.
    pub(crate) fn usual(account: &str) -> Self {
        let role = "aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig";
        Self {
            recorder: Some(json!({
                "name": NAME, "roleARN": format!("arn:aws:iam::{account}:role/{role}"),
                "recordingGroup": {
                    "allSupported": true, "includeGlobalResourceTypes": false, "resourceTypes": [],
                    "exclusionByResourceTypes": { "resourceTypes": [] },
                    "recordingStrategy": { "useOnly": "ALL_SUPPORTED_RESOURCE_TYPES" },
                },
                "recordingMode": { "recordingFrequency": "CONTINUOUS", "recordingModeOverrides": [] },
                "recordingScope": "PAID",
            })),
            recording: true,
            channel: Some(
                json!({ "name": NAME, "s3BucketName": format!("config-bucket-{account}") }),
            ),
        }
    }
}

/// What is known of Config: by account and Region what was written, and whether the rest is drawn.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimRecorders {
    /// Whether there is nothing but what is written.
    pub is_stated: bool,
    /// What is written.
    #[serde(with = "super::queues::as_rows")]
    pub written: BTreeMap<(String, String), SimRecorder>,
}

impl SimRecorders {
    /// What there is in a place; `None` where it is drawn.
    pub(crate) fn known(&self, account: &str, region: &str) -> Option<SimRecorder> {
        let found = self.written.get(&(account.to_owned(), region.to_owned()));
        found
            .cloned()
            .or_else(|| self.is_stated.then(SimRecorder::default))
    }

    /// Whether somebody says that there is a recorder or a channel in one of these Regions.
    pub(crate) fn is_recorded(&self, account: &str, regions: &[String]) -> bool {
        regions.iter().any(|region| {
            let known = self.known(account, region);
            known.is_some_and(|it| it.recorder.is_some() || it.channel.is_some())
        })
    }
}
