//! Config recorders and delivery channels: from a file or a write, else generated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The console's default name.
pub(crate) const NAME: &str = "default";

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SimRecorder {
    pub recorder: Option<Value>,
    pub recording: bool,
    pub channel: Option<Value>,
}

impl SimRecorder {
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

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimRecorders {
    pub is_stated: bool,
    #[serde(with = "super::queues::as_rows")]
    pub written: BTreeMap<(String, String), SimRecorder>,
}

impl SimRecorders {
    /// `None` where it is generated.
    pub(crate) fn known(&self, account: &str, region: &str) -> Option<SimRecorder> {
        let found = self.written.get(&(account.to_owned(), region.to_owned()));
        found
            .cloned()
            .or_else(|| self.is_stated.then(SimRecorder::default))
    }

    pub(crate) fn is_recorded(&self, account: &str, regions: &[String]) -> bool {
        regions.iter().any(|region| {
            let known = self.known(account, region);
            known.is_some_and(|it| it.recorder.is_some() || it.channel.is_some())
        })
    }
}
