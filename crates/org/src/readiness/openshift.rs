//! A cluster's `install-config.yaml`, judged as advice (`organization.md` O-1): nothing is called.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_runner::{CheckOutcome, CheckResult, CheckSeverity};
use serde::Deserialize;

use super::checks::{ReadinessQuestion, check, warning};
use crate::judging::verdict;

/// Fewer zones than this are one failure away from nothing.
const ZONES_MIN: usize = 3;
/// Machines of the control plane, and at least of those that work.
const REPLICAS: u32 = 3;

/// The file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InstallFileError(String);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstallConfig {
    metadata: Metadata,
    #[serde(default)]
    control_plane: MachinePool,
    #[serde(default)]
    compute: Vec<MachinePool>,
    platform: Platform<ClusterOnAws>,
    #[serde(default)]
    publish: Option<String>,
    #[serde(default)]
    fips: bool,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    name: String,
}

/// Machines that are alike. What is not said is what the installer takes.
#[derive(Debug, Default, Deserialize)]
struct MachinePool {
    #[serde(default)]
    name: String,
    #[serde(default)]
    replicas: Option<u32>,
    #[serde(default)]
    platform: Platform<PoolOnAws>,
}

#[derive(Debug, Default, Deserialize)]
struct Platform<T> {
    aws: Option<T>,
}

#[derive(Debug, Default, Deserialize)]
struct PoolOnAws {
    #[serde(default)]
    zones: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClusterOnAws {
    region: String,
    #[serde(default)]
    user_tags: BTreeMap<String, String>,
}

/// Checks a file.
///
/// # Errors
/// It is no such file, or the cluster is not on AWS.
pub fn openshift_checks(
    text: &str,
    question: &ReadinessQuestion,
) -> Result<Vec<CheckResult>, InstallFileError> {
    let file: InstallConfig =
        serde_saphyr::from_str(text).map_err(|error| InstallFileError(error.to_string()))?;
    let not_aws =
        || InstallFileError("`platform.aws` is missing: it is no cluster on AWS".to_owned());
    let aws = file.platform.aws.as_ref().ok_or_else(not_aws)?;
    let cluster = file.metadata.name.as_str();
    let replicas = file.control_plane.replicas.unwrap_or(REPLICAS);
    let mut checks = vec![check(
        (
            "control-plane-replicas",
            "the control plane has three machines",
        ),
        cluster,
        verdict(replicas == REPLICAS, format!("{replicas} replicas")),
        "three of them agree when one is lost; more, or an even number, help nobody",
    )];
    checks.extend(zones(cluster, "control-plane", &file.control_plane, aws));
    for pool in &file.compute {
        let target = format!("{cluster}/{}", pool.name);
        let replicas = pool.replicas.unwrap_or(REPLICAS);
        checks.push(check(
            ("compute-replicas", "at least three machines work"),
            &target,
            verdict(replicas >= REPLICAS, format!("{replicas} replicas")),
            "as many as there are zones, at least",
        ));
        checks.extend(zones(&target, "compute", pool, aws));
    }
    let tags: Vec<&str> = aws.user_tags.keys().map(String::as_str).collect();
    let (is_tagged, tags) = (!tags.is_empty(), tags.join(", "));
    let seen = if is_tagged { tags } else { "none".to_owned() };
    checks.push(warning(check(
        ("user-tags", "what the cluster makes says whose it is"),
        cluster,
        verdict(is_tagged, seen),
        "set `platform.aws.userTags`: they cannot all be added later",
    )));
    let publish = file.publish.as_deref().unwrap_or("External");
    let exposed = format!("publish is {publish}, fips is {}", file.fips);
    checks.push(CheckResult {
        severity: CheckSeverity::Info,
        ..check(
            (
                "cannot-be-changed",
                "what cannot be changed later was chosen",
            ),
            cluster,
            CheckOutcome::Pass(exposed),
            "",
        )
    });
    checks.push(question.manual(
        "clusters-apart",
        "clusters for development and for production are in accounts of their own",
        "one file says nothing of other clusters",
    ));
    checks.push(question.manual(
        "one-control-plane-per-location",
        "no control plane is stretched over locations",
        "one file says nothing of other locations",
    ));
    Ok(checks)
}

fn zones(target: &str, pool: &str, machines: &MachinePool, aws: &ClusterOnAws) -> [CheckResult; 2] {
    let named = machines.platform.aws.as_ref().map(|it| &it.zones);
    let named: BTreeSet<&String> = named.into_iter().flatten().collect();
    let list = || {
        named
            .iter()
            .map(|it| it.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let not_named =
        || CheckOutcome::NotApplicable("no zones are named: the installer takes all".to_owned());
    let spread = if named.is_empty() {
        not_named()
    } else {
        verdict(named.len() >= ZONES_MIN, list())
    };
    let is_of_region = |zone: &&&String| {
        let rest = zone.strip_prefix(aws.region.as_str());
        rest.is_some_and(|it| it.len() == 1 && it.chars().all(|it| it.is_ascii_lowercase()))
    };
    let others = named.iter().filter(|it| !is_of_region(it));
    let others: Vec<&str> = others.map(|it| it.as_str()).collect();
    let region = if named.is_empty() {
        not_named()
    } else if others.is_empty() {
        CheckOutcome::Pass(aws.region.clone())
    } else {
        CheckOutcome::Fail(format!("not in {}: {}", aws.region, others.join(", ")))
    };
    [
        check(
            (
                &format!("{pool}-zones"),
                "its machines are in three zones or more",
            ),
            target,
            spread,
            "name three zones of the Region, or none",
        ),
        check(
            (&format!("{pool}-region"), "its zones are of the Region"),
            target,
            region,
            "zones are called as the Region, with a letter",
        ),
    ]
}
