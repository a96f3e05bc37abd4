//! Compares several cluster files.

use std::collections::BTreeMap;

use hallpass_plans::{CheckOutcome, CheckResult, CheckSeverity};

use super::super::question::{ReadinessQuestion, check, nothing_of, warning};
use super::file::{Cluster, ClusterUse};
use super::single::overlaps;

const CLUSTERS: &str = "clusters";

pub(super) fn checks(clusters: &[Cluster], question: &ReadinessQuestion) -> Vec<CheckResult> {
    if clusters.len() < 2 {
        return vec![
            question.manual(
                "clusters-apart",
                "clusters for development and for production are in separate accounts",
                "one file does not cover other clusters",
            ),
            question.manual(
                "one-control-plane-per-location",
                "no control plane is stretched over locations",
                "one file does not cover other locations",
            ),
        ];
    }
    let mut checks = vec![one_control_plane(clusters), names(clusters)];
    checks.extend(networks(clusters));
    checks.push(apart(clusters, question));
    checks
}

fn pairs(clusters: &[Cluster]) -> impl Iterator<Item = (&Cluster, &Cluster)> {
    let each = clusters.iter().enumerate();
    each.flat_map(|(at, one)| clusters.iter().skip(at + 1).map(move |other| (one, other)))
}

/// Production must be in separate accounts, judged by resource ids and ARNs.
fn apart(clusters: &[Cluster], question: &ReadinessQuestion) -> CheckResult {
    let title = "clusters for development and for production are in separate accounts";
    let unlike = pairs(clusters).filter(|(one, other)| {
        let uses = (one.used_for(), other.used_for());
        let is_production = |it| it == Some(ClusterUse::Production);
        is_production(uses.0) != is_production(uses.1)
    });
    let (mut together, mut open, mut separate) = (Vec::new(), Vec::new(), Vec::new());
    for (one, other) in unlike {
        let both = format!("{} and {}", one.said, other.said);
        let shared: Vec<&str> = one.owned().intersection(&other.owned()).copied().collect();
        let accounts: Vec<&String> = one.accounts.intersection(&other.accounts).collect();
        let is_known = !one.accounts.is_empty() && !other.accounts.is_empty();
        if !shared.is_empty() {
            together.push(format!("{both} have {}", shared.join(", ")));
        } else if let [account, ..] = accounts.as_slice() {
            together.push(format!("{both} are in {account}"));
        } else if is_known && one.used_for().is_some() && other.used_for().is_some() {
            separate.push(both);
        } else {
            open.push(both);
        }
    }
    if !together.is_empty() {
        return check(
            ("clusters-apart", title),
            CLUSTERS,
            CheckOutcome::Fail(together.join("; ")),
            "install them in separate accounts: who administers one would the other",
        );
    }
    if !open.is_empty() || separate.is_empty() {
        let words = if open.is_empty() {
            "no file says that its cluster is for production, by its name or a tag `environment`"
                .to_owned()
        } else {
            format!(
                "no ARN says in which accounts they are: {}",
                open.join("; ")
            )
        };
        return question.manual("clusters-apart", title, &words);
    }
    let seen = format!("in different accounts: {}", separate.join("; "));
    check(
        ("clusters-apart", title),
        CLUSTERS,
        CheckOutcome::Pass(seen),
        "",
    )
}

/// One control plane per location.
fn one_control_plane(clusters: &[Cluster]) -> CheckResult {
    let (mut stretched, mut places) = (Vec::new(), BTreeMap::<&str, Vec<&str>>::new());
    for cluster in clusters {
        let pools = cluster.config.compute.iter();
        let pools = pools.chain([&cluster.config.control_plane]);
        let zones = pools.flat_map(|it| it.zones());
        let mut elsewhere: Vec<&str> = zones.filter(|it| !cluster.has_zone(it)).collect();
        elsewhere.sort_unstable();
        elsewhere.dedup();
        if !elsewhere.is_empty() {
            let (said, region) = (&cluster.said, &cluster.aws.region);
            stretched.push(format!("{said} of {region} in {}", elsewhere.join(", ")));
        }
        let here = places.entry(&cluster.aws.region).or_default();
        here.push(&cluster.said);
    }
    let places = places
        .iter()
        .map(|(region, all)| format!("{region}: {}", all.join(", ")));
    let outcome = if stretched.is_empty() {
        CheckOutcome::Pass(places.collect::<Vec<_>>().join("; "))
    } else {
        CheckOutcome::Fail(stretched.join("; "))
    };
    warning(check(
        (
            "one-control-plane-per-location",
            "no control plane is stretched over locations",
        ),
        CLUSTERS,
        outcome,
        "install a cluster in each location: a shared link would fail for both",
    ))
}

/// Equal names in one domain give equal addresses.
fn names(clusters: &[Cluster]) -> CheckResult {
    let full = |it: &Cluster| {
        let domain = it.config.base_domain.as_deref()?;
        let name = &it.config.metadata.name;
        Some(format!("{name}.{}", domain.trim_end_matches('.')).to_lowercase())
    };
    let same = pairs(clusters).filter_map(|(one, other)| {
        let name = full(one).filter(|it| Some(it) == full(other).as_ref())?;
        Some(format!("api.{name} of {} and {}", one.file, other.file))
    });
    check(
        ("cluster-names", "no two clusters have one address"),
        CLUSTERS,
        nothing_of(&same.collect::<Vec<_>>()),
        "give one of them another name or another base domain",
    )
}

/// Overlapping ranges prevent a connection between clusters.
fn networks(clusters: &[Cluster]) -> [CheckResult; 2] {
    let (mut reachable, mut inner) = (Vec::new(), Vec::new());
    for (one, other) in pairs(clusters) {
        let named = |found: Vec<String>| {
            let both = format!("{} and {}", one.said, other.said);
            let rows = found.into_iter();
            rows.map(move |it| format!("{both}: {it}"))
                .collect::<Vec<_>>()
        };
        let machines = ("machineNetwork", one.machines.as_slice());
        let theirs = ("machineNetwork", other.machines.as_slice());
        // machines of one subnet share a network on purpose
        if one.owned().is_disjoint(&other.owned()) {
            reachable.extend(named(overlaps(machines, theirs)));
        }
        for (mine, its) in [(one, other), (other, one)] {
            let machines = ("machineNetwork", mine.machines.as_slice());
            for network in [
                ("clusterNetwork", its.pods.as_slice()),
                ("serviceNetwork", its.services.as_slice()),
            ] {
                reachable.extend(named(overlaps(machines, network)));
            }
        }
        for (name, own, theirs) in [
            ("clusterNetwork", &one.pods, &other.pods),
            ("serviceNetwork", &one.services, &other.services),
        ] {
            inner.extend(named(overlaps((name, own), (name, theirs))));
        }
    }
    [
        warning(check(
            (
                "machine-networks",
                "networks of clusters do not overlap with machines of others",
            ),
            CLUSTERS,
            nothing_of(&reachable),
            "choose other ranges: with these they cannot be connected",
        )),
        CheckResult {
            severity: CheckSeverity::Info,
            ..check(
                (
                    "inner-networks",
                    "networks inside of clusters are their own",
                ),
                CLUSTERS,
                nothing_of(&inner),
                "choose other ranges where pods of clusters are to reach each other",
            )
        },
    ]
}
