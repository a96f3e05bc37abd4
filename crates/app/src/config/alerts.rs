//! `[alerts]`: alert rules over snapshots, and AWS destinations.

use std::path::{Path, PathBuf};

use crate::host::snapshots_at::SnapshotsAt;
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::Loaded;

/// Default folder of `hallpass sync`, next to the configuration.
const SNAPSHOTS: &str = "snapshots";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alerts {
    file: Option<PathBuf>,
    sns: Vec<AlertTopic>,
    sqs: Vec<AlertQueue>,
    security_hub: SecurityHub,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertTopic {
    name: String,
    topic: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertQueue {
    name: String,
    queue: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SecurityHub {
    region: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertTargets {
    pub topics: Vec<(String, String)>,
    pub queues: Vec<(String, String)>,
    pub security_hub: Option<String>,
    pub public_url: String,
}

impl AlertTargets {
    pub fn names(&self) -> Vec<String> {
        let topics = self.topics.iter().map(|(name, _)| format!("sns:{name}"));
        let queues = self.queues.iter().map(|(name, _)| format!("sqs:{name}"));
        let hub = self
            .security_hub
            .as_ref()
            .map(|_| "security_hub".to_owned());
        topics.chain(queues).chain(hub).collect()
    }
}

impl Loaded {
    pub fn alert_targets(&self) -> AlertTargets {
        let table = &self.config.alerts;
        let topics = table.sns.iter();
        let queues = table.sqs.iter();
        let region = table.security_hub.region.clone();
        AlertTargets {
            topics: topics
                .map(|it| (it.name.clone(), it.topic.clone()))
                .collect(),
            queues: queues
                .map(|it| (it.name.clone(), it.queue.clone()))
                .collect(),
            security_hub: region.filter(|it| !it.is_empty()),
            public_url: self.config.server.public_url.clone(),
        }
    }

    /// Returns targets with unique names.
    pub fn named_alert_targets(&self) -> Result<AlertTargets, Failure> {
        let targets = self.alert_targets();
        let mut names = targets.names();
        names.sort();
        let twice = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b);
        match twice {
            None => Ok(targets),
            Some((name, _)) => Err(Failure::bad_input(format!(
                "two targets of alerts are called `{name}`"
            ))
            .help("deliveries are kept by name: give each its own")),
        }
    }

    /// `None`: the server runs no rules.
    pub fn alert_file(&self) -> Option<PathBuf> {
        self.config.alerts.file.as_ref().map(|it| self.path(it))
    }

    pub fn snapshots(&self) -> Result<Option<SnapshotsAt>, Failure> {
        let place = self.config.inventory.snapshots.as_deref();
        place
            .map(|it| match it.parse() {
                Ok(SnapshotsAt::Folder(path)) => Ok(SnapshotsAt::Folder(self.path(&path))),
                Ok(bucket) => Ok(bucket),
                Err(why) => Err(Failure::bad_input(format!("`inventory.snapshots`: {why}"))),
            })
            .transpose()
    }

    /// Snapshots for alert rules.
    pub fn alerted_snapshots(&self) -> Result<SnapshotsAt, Failure> {
        let beside = || SnapshotsAt::Folder(self.path(Path::new(SNAPSHOTS)));
        Ok(self.snapshots()?.unwrap_or_else(beside))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn loaded(text: &str) -> Result<Loaded, String> {
        Ok(Loaded {
            config: parse(text, "h.toml").map_err(|failure| failure.words())?,
            folder: PathBuf::new(),
        })
    }

    const TOPIC: &str =
        "[[alerts.sns]]\nname = \"ops\"\ntopic = \"arn:aws:sns:eu-west-1:111122223333:a\"\n";
    const QUEUE: &str = "[[alerts.sqs]]\nname = \"ops\"\nqueue = \"https://sqs.eu-west-1.amazonaws.com/111122223333/a\"\n";

    #[test]
    fn targets_are_channels_beside_those_of_people() {
        let hub = "[alerts.security_hub]\nregion = \"eu-west-1\"\n";
        let all = loaded(&format!("{TOPIC}{QUEUE}{hub}")).unwrap();
        let names = all.channel_names();
        assert_eq!(names, ["log", "sns:ops", "sqs:ops", "security_hub"]);
        assert_eq!(all.named_alert_targets().unwrap().names(), names[1..]);
        assert!(loaded("").unwrap().alert_targets().names().is_empty());
    }

    #[test]
    fn two_of_one_name_and_unknown_keys_are_refused() {
        let twice = loaded(&format!("{TOPIC}{TOPIC}")).unwrap();
        let told = twice.named_alert_targets().expect_err("two").words();
        assert!(told.contains("sns:ops"), "{told}");
        for text in [
            "[[alerts.sns]]\nname = \"a\"\n",
            "[alerts.security_hub]\nregions = []\n",
            "[alerts]\nsnz = []\n",
        ] {
            assert!(loaded(text).is_err(), "{text}");
        }
    }
}
