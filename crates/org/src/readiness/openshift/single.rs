use hallpass_plans::{CheckOutcome, CheckResult, CheckSeverity};

use super::super::question::{check, nothing_of, warning};
use super::file::{Cluster, ClusterUse, MachinePool};
use super::network::Network;
use crate::judging::verdict;

/// With fewer zones, one failure may stop the cluster.
const ZONES_MIN: usize = 3;
/// Control plane machines, and minimum of workers.
const REPLICAS: u32 = 3;

pub(super) fn checks(cluster: &Cluster) -> Vec<CheckResult> {
    let config = &cluster.config;
    let target = cluster.said.as_str();
    let replicas = config.control_plane.replicas.unwrap_or(REPLICAS);
    let mut checks = vec![check(
        (
            "control-plane-replicas",
            "the control plane has three machines",
        ),
        target,
        verdict(replicas == REPLICAS, format!("{replicas} replicas")),
        "three of them agree when one is lost; more, or an even number, do not help",
    )];
    checks.extend(zones(
        target,
        "control-plane",
        &config.control_plane,
        cluster,
    ));
    for pool in config.compute.iter().filter(|it| !it.is_infrastructure()) {
        let target = format!("{target}/{}", pool.name);
        let replicas = pool.replicas.unwrap_or(REPLICAS);
        checks.push(check(
            ("compute-replicas", "at least three machines work"),
            &target,
            verdict(replicas >= REPLICAS, format!("{replicas} replicas")),
            "as many as there are zones, at least",
        ));
        checks.extend(zones(&target, "compute", pool, cluster));
    }
    checks.extend(infrastructure(cluster));
    checks.push(networks_apart(cluster));
    let tags: Vec<&str> = cluster.aws.user_tags.keys().map(String::as_str).collect();
    let (is_tagged, tags) = (!tags.is_empty(), tags.join(", "));
    let seen = if is_tagged { tags } else { "none".to_owned() };
    checks.push(warning(check(
        ("user-tags", "resources of the cluster name their owner"),
        target,
        verdict(is_tagged, seen),
        "set `platform.aws.userTags`: they cannot all be added later",
    )));
    let publish = config.publish.as_deref().unwrap_or("External");
    let exposed = format!("publish is {publish}, fips is {}", config.fips);
    checks.push(CheckResult {
        severity: CheckSeverity::Info,
        ..check(
            (
                "cannot-be-changed",
                "settings that cannot be changed later are set",
            ),
            target,
            CheckOutcome::Pass(exposed),
            "",
        )
    });
    checks
}

/// Without infrastructure machines, routers, registry and monitoring share the workers.
fn infrastructure(cluster: &Cluster) -> Vec<CheckResult> {
    let pools = cluster.config.compute.iter();
    let pools: Vec<&MachinePool> = pools.filter(|it| it.is_infrastructure()).collect();
    if pools.is_empty() {
        let outcome = CheckOutcome::Fail(
            "no pool is called `infra` or labelled `node-role.kubernetes.io/infra`".to_owned(),
        );
        let severity = if cluster.used_for() == Some(ClusterUse::Production) {
            CheckSeverity::Warn
        } else {
            CheckSeverity::Info
        };
        return vec![CheckResult {
            severity,
            ..check(
                (
                    "infrastructure-machines",
                    "infrastructure has its own machines",
                ),
                &cluster.said,
                outcome,
                "make machine sets for it after the installation: three machines in three zones",
            )
        }];
    }
    let mut checks = Vec::new();
    for pool in pools {
        let target = format!("{}/{}", cluster.said, pool.name);
        let replicas = pool.replicas.unwrap_or(REPLICAS);
        checks.push(check(
            (
                "infrastructure-machines",
                "infrastructure has three machines or more",
            ),
            &target,
            verdict(replicas >= REPLICAS, format!("{replicas} replicas")),
            "as many as there are zones, at least",
        ));
        checks.extend(zones(&target, "infrastructure", pool, cluster));
    }
    checks
}

/// Overlapping networks of a cluster fail only in the installer.
fn networks_apart(cluster: &Cluster) -> CheckResult {
    let kinds = [
        ("machineNetwork", &cluster.machines),
        ("clusterNetwork", &cluster.pods),
        ("serviceNetwork", &cluster.services),
    ];
    let mut found = Vec::new();
    for (at, (name, own)) in kinds.iter().enumerate() {
        for (other, theirs) in kinds.iter().skip(at + 1) {
            found.extend(overlaps((name, own), (other, theirs)));
        }
    }
    check(
        (
            "networks-apart",
            "the networks of the cluster do not overlap",
        ),
        &cluster.said,
        nothing_of(&found),
        "choose other ranges: they cannot be changed later",
    )
}

pub(super) fn overlaps(
    (name, own): (&str, &[Network]),
    (other, theirs): (&str, &[Network]),
) -> Vec<String> {
    let pairs = own
        .iter()
        .flat_map(|one| theirs.iter().map(move |it| (one, it)));
    pairs
        .filter(|(one, it)| one.overlaps(**it))
        .map(|(one, it)| format!("{name} {one} and {other} {it}"))
        .collect()
}

fn zones(target: &str, pool: &str, machines: &MachinePool, cluster: &Cluster) -> [CheckResult; 2] {
    let named = machines.zones();
    let list = || named.iter().copied().collect::<Vec<_>>().join(", ");
    let not_named =
        || CheckOutcome::NotApplicable("no zones are named: the installer takes all".to_owned());
    let spread = if named.is_empty() {
        not_named()
    } else {
        verdict(named.len() >= ZONES_MIN, list())
    };
    let others = named.iter().filter(|it| !cluster.has_zone(it));
    let others: Vec<&str> = others.copied().collect();
    let of = &cluster.aws.region;
    let region = if named.is_empty() {
        not_named()
    } else if others.is_empty() {
        CheckOutcome::Pass(of.clone())
    } else {
        CheckOutcome::Fail(format!("not in {of}: {}", others.join(", ")))
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
