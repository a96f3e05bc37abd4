//! Cluster files (`organization.md` O-1): individually and compared.

use hallpass_org::readiness::{InstallFile, InstallFileError, openshift_checks};
use hallpass_plans::{CheckResult, CheckSeverity};

use crate::readiness::{question, row};

const ORGANIZATION: &str = "clusters";

fn file(name: &str, text: &str) -> InstallFile {
    InstallFile {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn judged(texts: &[&str]) -> Result<Vec<CheckResult>, InstallFileError> {
    let files = texts.iter().zip(["a.yaml", "b.yaml", "c.yaml"]);
    let files: Vec<InstallFile> = files.map(|(text, name)| file(name, text)).collect();
    openshift_checks(&files, &question())
}

const CLUSTER: &str = "apiVersion: v1
baseDomain: acme.example
metadata: {name: shop}
controlPlane: {name: master, replicas: 3, platform: {aws: {zones: [eu-west-1a, eu-west-1b, eu-west-1c]}}}
compute:
- {name: worker, replicas: 3, platform: {aws: {zones: [eu-west-1a, eu-west-1b, eu-west-1c]}}}
- {name: infra, replicas: 3, platform: {aws: {zones: [eu-west-1a, eu-west-1b, eu-west-1c]}}}
platform: {aws: {region: eu-west-1, userTags: {owner: shop}}}
publish: Internal
fips: true
";

static CLUSTERS: [(&str, &str, &str, &str); 11] = [
    (
        "infra, replicas: 3",
        "infra, replicas: 2",
        "infrastructure-machines",
        "2 replicas",
    ),
    (
        "infra, replicas: 3, platform: {aws: {zones: [eu-west-1a,",
        "infra, replicas: 3, platform: {aws: {zones: [eu-west-1b,",
        "infrastructure-zones",
        "eu-west-1b, eu-west-1c",
    ),
    (
        "{name: infra, replicas: 3",
        "{name: apps, replicas: 3",
        "infrastructure-machines",
        "no pool is called `infra`",
    ),
    (
        "publish: Internal",
        "networking: {machineNetwork: [{cidr: 172.30.4.0/24}]}\npublish: Internal",
        "networks-apart",
        "machineNetwork 172.30.4.0/24 and serviceNetwork 172.30.0.0/16",
    ),
    (
        "master, replicas: 3",
        "master, replicas: 4",
        "control-plane-replicas",
        "4 replicas",
    ),
    (
        "master, replicas: 3",
        "master, replicas: 1",
        "control-plane-replicas",
        "1 replicas",
    ),
    (
        "worker, replicas: 3",
        "worker, replicas: 2",
        "compute-replicas",
        "2 replicas",
    ),
    (
        "master, replicas: 3, platform: {aws: {zones: [eu-west-1a,",
        "master, replicas: 3, platform: {aws: {zones: [eu-west-1b,",
        "control-plane-zones",
        "eu-west-1b, eu-west-1c",
    ),
    (
        "worker, replicas: 3, platform: {aws: {zones: [eu-west-1a",
        "worker, replicas: 3, platform: {aws: {zones: [eu-west-2a",
        "compute-region",
        "not in eu-west-1: eu-west-2a",
    ),
    (
        "worker, replicas: 3, platform: {aws: {zones: [eu-west-1a",
        "worker, replicas: 3, platform: {aws: {zones: [eu-west-1-bos-1a",
        "compute-region",
        "eu-west-1-bos-1a",
    ),
    (", userTags: {owner: shop}", "", "user-tags", "none"),
];

#[test]
fn a_cluster_is_advised() {
    let checks = judged(&[CLUSTER]).unwrap();
    let bad: Vec<_> = checks
        .iter()
        .map(CheckResult::row)
        .filter(|it| it.status == "fail")
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    for (from, to, id, evidence) in CLUSTERS {
        let text = CLUSTER.replace(from, to);
        assert_ne!(text, CLUSTER, "{from}");
        let checks = judged(&[&text]).unwrap();
        let (status, said, _) = row(&checks, id, "shop");
        assert_eq!(status, "fail", "{id}: {said}");
        assert!(said.contains(evidence), "{id}: {said}");
    }
    let free = CLUSTER.replace(
        ", platform: {aws: {zones: [eu-west-1a, eu-west-1b, eu-west-1c]}}",
        "",
    );
    let checks = judged(&[&free]).unwrap();
    assert_eq!(row(&checks, "compute-zones", "shop").0, "not_applicable");
    for (text, said) in [
        (
            "metadata: {name: a}\nplatform: {gcp: {}}\n",
            "no cluster on AWS",
        ),
        ("- 1\n", ""),
        ("platform: {aws: {region: eu-west-1}}\n", "metadata"),
    ] {
        let error = judged(&[text]).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_file_and_line() {
    for (from, to, line, said) in [
        (
            "replicas: 3, platform",
            "replicas: many, platform",
            4,
            "many",
        ),
        (
            "publish: Internal",
            "networking:\n  clusterNetwork:\n  - cidr: 10.0.0.0/99\npublish: Internal",
            11,
            "10.0.0.0/99",
        ),
        ("platform: {aws: {region", "platform: [aws: {region", 8, ""),
    ] {
        let wrong = CLUSTER.replacen(from, to, 1);
        assert_ne!(wrong, CLUSTER, "{from}");
        let error = judged(&[CLUSTER, &wrong]).unwrap_err();
        assert_eq!(error.file, "b.yaml");
        assert_eq!(error.place.map(|it| it.0), Some(line), "{error}");
        assert!(error.message.contains(said), "{error}");
    }
}

#[test]
fn machines_of_infrastructure_are_known_by_their_label_and_missed_more_in_production() {
    let labelled = CLUSTER.replace(
        "{name: infra, replicas: 3",
        "{name: routers, labels: {node-role.kubernetes.io/infra: ''}, replicas: 3",
    );
    let checks = judged(&[&labelled]).unwrap();
    let (status, ..) = row(&checks, "infrastructure-machines", "shop/routers");
    assert_eq!(status, "pass");
    let without = CLUSTER.replace("{name: infra,", "{name: apps,");
    for (name, severity) in [
        ("shop", CheckSeverity::Info),
        ("shop-dev", CheckSeverity::Info),
        ("shop-prod", CheckSeverity::Warn),
    ] {
        let text = without.replace("{name: shop}", &format!("{{name: {name}}}"));
        let checks = judged(&[&text]).unwrap();
        let (status, _, found) = row(&checks, "infrastructure-machines", name);
        assert_eq!((status, found), ("fail", severity), "{name}");
    }
}

fn production() -> String {
    CLUSTER
        .replace("{name: shop}", "{name: shop-prod}")
        .replace("eu-west-1", "us-east-1")
        .replace(
            "userTags: {owner: shop}",
            "userTags: {owner: shop}, hostedZoneRole: \"arn:aws:iam::222222222222:role/names\"",
        )
        .replace(
            "publish: Internal",
            "networking: {machineNetwork: [{cidr: 10.1.0.0/16}], clusterNetwork: [{cidr: 10.132.0.0/14}], serviceNetwork: [172.31.0.0/16]}\npublish: Internal",
        )
}

fn development() -> String {
    CLUSTER.replace("{name: shop}", "{name: shop-dev}").replace(
        "userTags: {owner: shop}",
        "userTags: {owner: shop, environment: test}, hostedZoneRole: \"arn:aws:iam::333333333333:role/names\"",
    )
}

type ClusterChange = fn(String) -> String;

static BESIDE: &[(ClusterChange, &str, &str, CheckSeverity, &str)] = &[
    (
        |it| it.replace("222222222222", "333333333333"),
        "clusters-apart",
        "fail",
        CheckSeverity::Error,
        "shop-prod and shop-dev are in 333333333333",
    ),
    (
        |it| {
            it.replace(
                "hostedZoneRole: \"arn:aws:iam::222222222222:role/names\"",
                "publicIpv4Pool: a",
            )
        },
        "clusters-apart",
        "manual",
        CheckSeverity::Error,
        "no ARN says in which accounts",
    ),
    (
        |it| it.replace("10.1.0.0/16", "10.0.128.0/24"),
        "machine-networks",
        "fail",
        CheckSeverity::Warn,
        "machineNetwork 10.0.128.0/24 and machineNetwork 10.0.0.0/16",
    ),
    (
        |it| it.replace("10.1.0.0/16", "10.129.0.0/16"),
        "machine-networks",
        "fail",
        CheckSeverity::Warn,
        "machineNetwork 10.129.0.0/16 and clusterNetwork 10.128.0.0/14",
    ),
    (
        |it| it.replace("172.31.0.0/16", "172.30.0.0/16"),
        "inner-networks",
        "fail",
        CheckSeverity::Info,
        "serviceNetwork 172.30.0.0/16",
    ),
    (
        |it| it.replace("{name: shop-prod}", "{name: Shop-Dev}"),
        "cluster-names",
        "fail",
        CheckSeverity::Error,
        "api.shop-dev.acme.example of a.yaml and b.yaml",
    ),
    (
        |it| it.replacen("us-east-1c", "us-east-1-bos-1a", 2),
        "one-control-plane-per-location",
        "fail",
        CheckSeverity::Warn,
        "shop-prod of us-east-1 in us-east-1-bos-1a",
    ),
];

#[test]
fn several_clusters_are_held_against_each_other() {
    let fine = judged(&[&production(), &development()]).unwrap();
    let bad = fine.iter().map(CheckResult::row);
    let bad: Vec<_> = bad
        .filter(|it| ["fail", "manual"].contains(&it.status))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let (_, said, _) = row(&fine, "one-control-plane-per-location", ORGANIZATION);
    assert_eq!(said, "eu-west-1: shop-dev; us-east-1: shop-prod");
    for (change, id, status, severity, evidence) in BESIDE {
        let changed = change(production());
        assert_ne!(changed, production(), "{id}");
        let checks = judged(&[&changed, &development()]).unwrap();
        let target = if *status == "manual" {
            ""
        } else {
            ORGANIZATION
        };
        let (seen, said, found) = row(&checks, id, target);
        assert_eq!((seen, found), (*status, *severity), "{id}: {said}");
        assert!(said.contains(evidence), "{id}: {said}");
    }
}

#[test]
fn clusters_of_one_name_are_told_apart_by_their_files() {
    let other = CLUSTER.replace("acme.example", "other.example");
    let checks = judged(&[CLUSTER, &other]).unwrap();
    let targets = checks.iter().filter(|it| it.id == "control-plane-replicas");
    let targets: Vec<&str> = targets.map(|it| it.target.as_str()).collect();
    assert_eq!(targets, ["shop (a.yaml)", "shop (b.yaml)"]);
    assert_eq!(row(&checks, "cluster-names", ORGANIZATION).0, "pass");
}
