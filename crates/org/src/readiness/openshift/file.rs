//! Parses the checked parts of a cluster's `install-config.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::network::Network;

/// Marks infrastructure machines (`OpenShift`: "Creating infrastructure machine sets").
const INFRASTRUCTURE: &str = "node-role.kubernetes.io/infra";
/// The installer's default (`OpenShift`: "Network configuration parameters").
const MACHINES: &str = "10.0.0.0/16";
const PODS: &str = "10.128.0.0/14";
const SERVICES: &str = "172.30.0.0/16";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallFile {
    pub name: String,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InstallFileError {
    pub file: String,
    /// Line and column, both from 1; `None` for the whole file.
    pub place: Option<(u64, u64)>,
    pub message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstallConfig {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) base_domain: Option<String>,
    #[serde(default)]
    pub(super) control_plane: MachinePool,
    #[serde(default)]
    pub(super) compute: Vec<MachinePool>,
    #[serde(default)]
    networking: Networking,
    pub(super) platform: Platform<ClusterOnAws>,
    #[serde(default)]
    pub(super) publish: Option<String>,
    #[serde(default)]
    pub(super) fips: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) name: String,
}

/// Missing values use the installer's defaults.
#[derive(Debug, Default, Deserialize)]
pub(super) struct MachinePool {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) replicas: Option<u32>,
    #[serde(default)]
    labels: BTreeMap<String, Option<String>>,
    #[serde(default)]
    pub(super) platform: Platform<PoolOnAws>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Platform<T> {
    pub(super) aws: Option<T>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct PoolOnAws {
    #[serde(default)]
    pub(super) zones: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterOnAws {
    pub(super) region: String,
    #[serde(default)]
    pub(super) user_tags: BTreeMap<String, String>,
    #[serde(default)]
    hosted_zone: Option<String>,
    #[serde(default)]
    subnets: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Networking {
    #[serde(default, rename = "machineNetwork")]
    machines: Vec<Range>,
    #[serde(default, rename = "clusterNetwork")]
    pods: Vec<Range>,
    #[serde(default, rename = "serviceNetwork")]
    services: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
struct Range {
    cidr: Spanned<String>,
}

impl MachinePool {
    pub(super) fn is_infrastructure(&self) -> bool {
        self.name.eq_ignore_ascii_case("infra") || self.labels.contains_key(INFRASTRUCTURE)
    }

    pub(super) fn zones(&self) -> BTreeSet<&str> {
        let named = self.platform.aws.as_ref().map(|it| &it.zones);
        named.into_iter().flatten().map(String::as_str).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClusterUse {
    Production,
    Other,
}

#[derive(Debug)]
pub(super) struct Cluster {
    /// Display name: cluster name, with the file if the name is ambiguous.
    pub(super) said: String,
    pub(super) file: String,
    pub(super) config: InstallConfig,
    pub(super) aws: ClusterOnAws,
    pub(super) machines: Vec<Network>,
    pub(super) pods: Vec<Network>,
    pub(super) services: Vec<Network>,
    /// Accounts in the file's ARNs.
    pub(super) accounts: BTreeSet<String>,
}

impl Cluster {
    pub(super) fn read(file: &InstallFile) -> Result<Self, InstallFileError> {
        let wrong = |place: Option<(u64, u64)>, message: String| InstallFileError {
            file: file.name.clone(),
            place,
            message,
        };
        let mut config: InstallConfig = serde_saphyr::from_str(&file.text)
            .map_err(|error| wrong(error.location().map(of), error.to_string()))?;
        let not_aws = || {
            let message = "`platform.aws` is missing: it is no cluster on AWS".to_owned();
            wrong(None, message)
        };
        let aws = config.platform.aws.take().ok_or_else(not_aws)?;
        let read = |all: Vec<&Spanned<String>>, name: &str, otherwise: &str| {
            let found = all.iter().map(|it| {
                let message = || {
                    format!(
                        "`{}` in `networking.{name}` is no range of addresses, as `{otherwise}`",
                        it.value
                    )
                };
                Network::parse(&it.value).ok_or_else(|| wrong(Some(of(it.referenced)), message()))
            });
            let found: Result<Vec<Network>, _> = found.collect();
            let default = || Network::parse(otherwise).into_iter().collect();
            found.map(|it| if it.is_empty() { default() } else { it })
        };
        let networking = &config.networking;
        let ranges = |all: &'_ [Range]| -> Vec<Spanned<String>> {
            all.iter().map(|it| it.cidr.clone()).collect()
        };
        let (machines, pods) = (ranges(&networking.machines), ranges(&networking.pods));
        Ok(Self {
            said: config.metadata.name.clone(),
            file: file.name.clone(),
            machines: read(machines.iter().collect(), "machineNetwork", MACHINES)?,
            pods: read(pods.iter().collect(), "clusterNetwork", PODS)?,
            services: read(
                networking.services.iter().collect(),
                "serviceNetwork",
                SERVICES,
            )?,
            accounts: accounts(&file.text),
            config,
            aws,
        })
    }

    /// From a tag, else from its name.
    pub(super) fn used_for(&self) -> Option<ClusterUse> {
        let is_stage =
            |key: &str| ["environment", "env", "stage"].contains(&key.to_lowercase().as_str());
        let tags = self.aws.user_tags.iter();
        let tags = tags.filter(|(key, _)| is_stage(key)).map(|it| it.1);
        let mut all = tags.chain([&self.config.metadata.name]);
        all.find_map(|it| use_of(it))
    }

    /// Ids owned by one account: subnets and the DNS zone.
    pub(super) fn owned(&self) -> BTreeSet<&str> {
        let zone = self.aws.hosted_zone.iter();
        zone.chain(&self.aws.subnets).map(String::as_str).collect()
    }

    /// Checks for a zone of its Region, excluding Local Zones.
    pub(super) fn has_zone(&self, zone: &str) -> bool {
        let rest = zone.strip_prefix(self.aws.region.as_str());
        rest.is_some_and(|it| it.len() == 1 && it.chars().all(|it| it.is_ascii_lowercase()))
    }
}

fn use_of(text: &str) -> Option<ClusterUse> {
    let lower = text.to_lowercase();
    let mut words = lower.split(|it: char| !it.is_ascii_alphanumeric());
    words.find_map(|word| match word {
        "prod" | "production" | "prd" | "live" => Some(ClusterUse::Production),
        "dev" | "development" | "test" | "tst" | "qa" | "stage" | "staging" | "sandbox"
        | "nonprod" | "preprod" | "int" => Some(ClusterUse::Other),
        _ => None,
    })
}

fn of(location: Location) -> (u64, u64) {
    (location.line(), location.column())
}

fn accounts(text: &str) -> BTreeSet<String> {
    let arns = text.match_indices("arn:aws").map(|(at, _)| {
        let rest = text.get(at..).unwrap_or_default();
        rest.split(':').nth(4).unwrap_or_default()
    });
    let is_id = |it: &&str| it.len() == 12 && it.bytes().all(|byte| byte.is_ascii_digit());
    arns.filter(is_id).map(str::to_owned).collect()
}
