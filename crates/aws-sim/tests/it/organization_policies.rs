//! Organization policies: `simulator.md` O-17 to O-28 and O-34, limits, files.

use hallpass_aws_sim::Options;
use hallpass_aws_sim::organization::{Shape, Sizes, generate, make_messy, parse_value};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, options};

const SCP: &str = "SERVICE_CONTROL_POLICY";
const DENY: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"No","Effect":"Deny","Action":"iam:*","Resource":"*"}]}"#;

async fn org(bench: &Bench, operation: &str, input: Value) -> Answer {
    bench
        .call(&format!("organizations:{operation}"), input)
        .await
}

fn said(answer: &Answer) -> String {
    match answer.json()["Reason"].as_str() {
        Some(reason) => format!("{}/{reason}", answer.outcome()),
        None => answer.outcome(),
    }
}

async fn unit(bench: &Bench, parent: &str, name: &str) -> String {
    let input = json!({ "ParentId": parent, "Name": name });
    let made = org(bench, "CreateOrganizationalUnit", input).await.json();
    made["OrganizationalUnit"]["Id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn policy(bench: &Bench, name: &str, content: &str) -> String {
    let input = json!({ "Name": name, "Description": "", "Type": SCP, "Content": content });
    let made = org(bench, "CreatePolicy", input).await.json();
    let summary = &made["Policy"]["PolicySummary"];
    assert_eq!(summary["AwsManaged"], false, "{made}");
    summary["Id"].as_str().unwrap().to_owned()
}

async fn held(bench: &Bench, target: &str) -> Vec<String> {
    let input = json!({ "TargetId": target, "Filter": SCP });
    let listed = org(bench, "ListPoliciesForTarget", input).await.json();
    let rows = listed["Policies"].as_array().unwrap().iter();
    let mut names: Vec<String> = rows
        .map(|row| row["Name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

const CSPM: &str = "SECURITYHUB_CSPM_POLICY";

/// `simulator.md` O-36: attachments from the root down accumulate; detaching removes them.
#[tokio::test]
async fn policies_that_are_inherited_add_up_in_an_account() {
    let bench = Bench::small().await;
    let root = bench.file().organization.root;
    let (account, unit) = (bench.account("payments-dev"), bench.unit("Prod"));
    let other = bench.account("payments-prod");
    let effective = async |account: &str| {
        let input = json!({ "PolicyType": CSPM, "TargetId": account });
        org(&bench, "DescribeEffectivePolicy", input).await
    };
    org(
        &bench,
        "EnablePolicyType",
        json!({ "RootId": root, "PolicyType": CSPM }),
    )
    .await;
    let none = effective(&account).await;
    assert_eq!(none.outcome(), "EffectivePolicyNotFoundException");
    let attach = async |name: &str, lists: Value, target: &str| {
        let content = json!({ "securityhub": { "cspm_enablement": lists } }).to_string();
        let input = json!({ "Name": name, "Description": "", "Type": CSPM, "Content": content });
        let made = org(&bench, "CreatePolicy", input).await.json();
        let id = made["Policy"]["PolicySummary"]["Id"]
            .as_str()
            .unwrap()
            .to_owned();
        let input = json!({ "PolicyId": id, "TargetId": target });
        assert_eq!(org(&bench, "AttachPolicy", input).await.outcome(), "ok");
        id
    };
    let all = json!({ "enable_in_regions": { "@@assign": ["eu-west-1", "us-east-1"] },
        "disable_in_regions": { "@@append": ["sa-east-1"], "@@operators_allowed_for_child_policies": ["@@all"] } });
    attach("base", all, &root).await;
    let less =
        json!({ "enable_in_regions": { "@@remove": ["us-east-1"], "@@append": ["eu-central-1"] } });
    let less = attach("less", less, &unit).await;
    let lists = async |account: &str| {
        let answer = effective(account).await.json();
        let policy = &answer["EffectivePolicy"];
        assert_eq!(policy["TargetId"], account, "{answer}");
        assert_eq!(policy["PolicyType"], CSPM, "{answer}");
        let content: Value =
            serde_json::from_str(policy["PolicyContent"].as_str().unwrap()).unwrap();
        content["securityhub"]["cspm_enablement"].clone()
    };
    let base = json!({ "enable_in_regions": ["eu-west-1", "us-east-1"], "disable_in_regions": ["sa-east-1"] });
    let below = json!({ "enable_in_regions": ["eu-west-1", "eu-central-1"], "disable_in_regions": ["sa-east-1"] });
    assert_eq!(lists(&other).await, below);
    assert_eq!(lists(&account).await, base);
    org(
        &bench,
        "DetachPolicy",
        json!({ "PolicyId": less, "TargetId": unit }),
    )
    .await;
    assert_eq!(lists(&other).await, base);
    let unit = json!({ "PolicyType": CSPM, "TargetId": root });
    let refused = org(&bench, "DescribeEffectivePolicy", unit).await;
    assert_eq!(
        said(&refused),
        "InvalidInputException/INVALID_PARTY_TYPE_TARGET"
    );
}

#[tokio::test]
async fn units_are_made_and_removed() {
    let bench = Bench::small().await;
    let root = bench.file().organization.root;
    let mut at = root.clone();
    for depth in 1..=5 {
        at = unit(&bench, &at, &format!("d{depth}")).await;
    }
    let prod = bench.unit("Prod");
    for (operation, input, expected) in [
        (
            "CreateOrganizationalUnit",
            json!({ "ParentId": at, "Name": "d6" }),
            "ConstraintViolationException/OU_DEPTH_LIMIT_EXCEEDED",
        ),
        (
            "CreateOrganizationalUnit",
            json!({ "ParentId": root, "Name": "d1" }),
            "DuplicateOrganizationalUnitException",
        ),
        (
            "CreateOrganizationalUnit",
            json!({ "ParentId": "ou-zzzz-00000000", "Name": "d1" }),
            "ParentNotFoundException",
        ),
        (
            "UpdateOrganizationalUnit",
            json!({ "OrganizationalUnitId": at, "Name": "deep" }),
            "ok",
        ),
        // `simulator.md` O-17
        (
            "DeleteOrganizationalUnit",
            json!({ "OrganizationalUnitId": prod }),
            "OrganizationalUnitNotEmptyException",
        ),
        (
            "DeleteOrganizationalUnit",
            json!({ "OrganizationalUnitId": at }),
            "ok",
        ),
        (
            "DeleteOrganizationalUnit",
            json!({ "OrganizationalUnitId": at }),
            "OrganizationalUnitNotFoundException",
        ),
    ] {
        let answer = org(&bench, operation, input).await;
        assert_eq!(said(&answer), expected, "{operation} {}", answer.text);
    }
}

#[tokio::test]
async fn tags_of_everything() {
    let bench = Bench::small().await;
    let root = bench.file().organization.root;
    let deny = policy(&bench, "deny-iam", DENY).await;
    let account = bench.account("payments-dev");
    for id in [&root, &deny, &account] {
        let tags = json!([{ "Key": "drill", "Value": "7" }, { "Key": "ends", "Value": "" }]);
        let tag = org(
            &bench,
            "TagResource",
            json!({ "ResourceId": id, "Tags": tags }),
        )
        .await;
        assert_eq!(tag.outcome(), "ok", "{}", tag.text);
        org(
            &bench,
            "UntagResource",
            json!({ "ResourceId": id, "TagKeys": ["ends", "absent"] }),
        )
        .await;
        let listed = org(&bench, "ListTagsForResource", json!({ "ResourceId": id }))
            .await
            .json();
        let found = listed["Tags"]
            .as_array()
            .unwrap()
            .contains(&json!({ "Key": "drill", "Value": "7" }));
        assert!(found, "{listed}");
        assert!(!listed.to_string().contains("ends"), "{listed}");
    }
    let many: Vec<Value> = (0..51)
        .map(|at| json!({ "Key": format!("k{at}"), "Value": "" }))
        .collect();
    for (tags, id, expected) in [
        (
            json!([{ "Key": "aws:x", "Value": "" }]),
            account.as_str(),
            "InvalidInputException/INVALID_SYSTEM_TAGS_PARAMETER",
        ),
        (
            json!([{ "Key": "x", "Value": "" }, { "Key": "x", "Value": "1" }]),
            account.as_str(),
            "InvalidInputException/DUPLICATE_TAG_KEY",
        ),
        (
            json!(many),
            deny.as_str(),
            "ConstraintViolationException/MAX_TAG_LIMIT_EXCEEDED",
        ),
        (
            json!([{ "Key": "x", "Value": "" }]),
            "p-0000000000",
            "TargetNotFoundException",
        ),
    ] {
        let answer = org(
            &bench,
            "TagResource",
            json!({ "ResourceId": id, "Tags": tags }),
        )
        .await;
        assert_eq!(said(&answer), expected);
    }
}

/// A policy of exactly this many bytes.
fn of_length(kind: &str, length: usize) -> String {
    let principal = match kind {
        SCP => "",
        _ => r#""Principal":"*","#,
    };
    let begin = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny",{principal}"Action":"s3:ListBucket","Resource":"*","Sid":""#
    );
    let end = r#""}]}"#;
    let sid = "a".repeat(length - begin.len() - end.len());
    format!("{begin}{sid}{end}")
}

/// Since 2026-05-15, and before.
#[tokio::test]
async fn size_and_number_of_policies_go_by_their_type() {
    for (quotas, kind, characters, number) in [
        ("current", SCP, 10_240, 10),
        ("current", "RESOURCE_CONTROL_POLICY", 5_120, 5),
        ("before", SCP, 5_120, 5),
        ("before", "RESOURCE_CONTROL_POLICY", 5_120, 5),
    ] {
        let bench = Bench::new(Options {
            behaviour: vec![("scp_quotas".to_owned(), quotas.to_owned())],
            ..options()
        })
        .await;
        let row = format!("{quotas} {kind}");
        let root = bench.file().organization.root;
        org(
            &bench,
            "EnablePolicyType",
            json!({ "RootId": root, "PolicyType": kind }),
        )
        .await;
        let account = bench.account("payments-dev");
        let create = async |name: String, length: usize| {
            let content = of_length(kind, length);
            let input =
                json!({ "Name": name, "Description": "", "Type": kind, "Content": content });
            org(&bench, "CreatePolicy", input).await
        };
        let longer = create("longer".to_owned(), characters + 1).await;
        let refused = "ConstraintViolationException/POLICY_CONTENT_LIMIT_EXCEEDED";
        assert_eq!(said(&longer), refused, "{row}");
        for place in 1..=number {
            let made = create(format!("p{place}"), characters).await;
            assert_eq!(said(&made), "ok", "{row}");
            let id = made.json()["Policy"]["PolicySummary"]["Id"].clone();
            let input = json!({ "PolicyId": id, "TargetId": account });
            let expected = if place < number {
                "ok"
            } else {
                "ConstraintViolationException/MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
            };
            let attached = org(&bench, "AttachPolicy", input).await;
            assert_eq!(said(&attached), expected, "{row}: {place}");
        }
    }
}

#[tokio::test]
async fn types_are_switched_off_and_on() {
    let bench = Bench::small().await;
    let root = bench.file().organization.root;
    let account = bench.account("payments-dev");
    let last = policy(&bench, "last", DENY).await;
    let off = org(
        &bench,
        "DisablePolicyType",
        json!({ "RootId": root, "PolicyType": SCP }),
    )
    .await;
    assert_eq!(off.json()["Root"]["PolicyTypes"], json!([]));
    assert!(held(&bench, &account).await.is_empty());
    let attach = json!({ "PolicyId": last, "TargetId": account });
    for (operation, input, expected) in [
        ("AttachPolicy", attach, "PolicyTypeNotEnabledException"),
        (
            "DisablePolicyType",
            json!({ "RootId": root, "PolicyType": SCP }),
            "PolicyTypeNotEnabledException",
        ),
        (
            "EnablePolicyType",
            json!({ "RootId": root, "PolicyType": SCP }),
            "ok",
        ),
        (
            "EnablePolicyType",
            json!({ "RootId": root, "PolicyType": "RESOURCE_CONTROL_POLICY" }),
            "ok",
        ),
        (
            "DetachPolicy",
            json!({ "PolicyId": "p-RCPFullAWSAccess", "TargetId": account }),
            "ConstraintViolationException/MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
        ),
    ] {
        let answer = org(&bench, operation, input).await;
        assert_eq!(said(&answer), expected, "{operation} {}", answer.text);
    }
    assert_eq!(held(&bench, &account).await, ["FullAWSAccess"]);
    let input = json!({ "PolicyId": "p-FullAWSAccess" });
    let targets = org(&bench, "ListTargetsForPolicy", input).await.json();
    assert_eq!(targets["Targets"].as_array().unwrap().len(), 20);
    assert!(targets["NextToken"].is_string());
}

#[tokio::test]
async fn policies_go_out_and_come_in_again() {
    let bench = Bench::small().await;
    let file = bench.file();
    let prod = bench.unit("Prod");
    let account = bench.account("payments-dev");
    let spaced = DENY.replace(':', ": ");
    let narrow = policy(&bench, "narrow", &DENY.replace("Deny", "Allow")).await;
    let deny = policy(&bench, "spaced", &spaced).await;
    for (operation, policy, target) in [
        ("AttachPolicy", narrow.as_str(), account.as_str()),
        ("AttachPolicy", &deny, &prod),
        ("AttachPolicy", &deny, &file.organization.root),
        ("DetachPolicy", "p-FullAWSAccess", &account),
    ] {
        let answer = org(
            &bench,
            operation,
            json!({ "PolicyId": policy, "TargetId": target }),
        )
        .await;
        assert_eq!(answer.outcome(), "ok", "{}", answer.text);
    }
    let tags = json!([{ "Key": "a", "Value": "b" }]);
    org(
        &bench,
        "TagResource",
        json!({ "ResourceId": deny, "Tags": tags }),
    )
    .await;
    let (_, before) = bench.control("GET", "/state?full=1", Value::Null).await;
    assert_eq!(
        before["file"]["organization"]["without_full_access"],
        json!([account])
    );
    let (status, answer) = bench.control("POST", "/load", before["file"].clone()).await;
    assert_eq!(status, 200, "{answer}");
    let (_, after) = bench.control("GET", "/state?full=1", Value::Null).await;
    assert_eq!(before["file"], after["file"]);
    assert_eq!(held(&bench, &account).await, ["narrow"]);
    let described = org(&bench, "DescribePolicy", json!({ "PolicyId": deny }))
        .await
        .json();
    assert_eq!(described["Policy"]["Content"], spaced);
}

#[tokio::test]
async fn what_is_wrong_with_policies_of_a_file() {
    let bench = Bench::small().await;
    let mut file = serde_json::to_value(bench.file()).unwrap();
    let content = || serde_json::from_str::<Value>(DENY).unwrap();
    file["policies"] = json!([
        { "name": "a", "type": SCP, "content": content(), "targets": ["Root", "Nowhere", "Workloads"] },
        { "name": "a", "type": SCP, "content": { "Version": "2012-10-17", "Statement": [{ "Effect": "Refuse" }] } },
        { "name": "FullAWSAccess", "type": SCP, "content": content() },
        { "id": "x", "name": "b", "type": "SCP", "content": "{" },
    ]);
    let (status, answer) = bench.control("POST", "/load", file).await;
    assert_eq!(status, 400);
    let problems = answer["error"]["problems"].as_array().unwrap().iter();
    let mut pointers: Vec<&str> = problems
        .map(|row| row["pointer"].as_str().unwrap())
        .collect();
    pointers.dedup();
    for expected in [
        "/policies/0/targets/1",
        "/policies/1/name",
        "/policies/1/content",
        "/policies/2",
        "/policies/3/type",
        "/policies/3/id",
        "/policies/3/content",
    ] {
        assert!(pointers.contains(&expected), "{expected} {pointers:?}");
    }
}

#[tokio::test]
async fn a_messy_organization_comes_in_again() {
    let sizes = Sizes {
        accounts: 60,
        users: 200,
        groups: 20,
        permission_sets: 20,
        assignments_per_account: 5,
        ou_depth: 3,
    };
    let mut file = generate(&sizes, Shape::Enterprise, 9);
    make_messy(&mut file, 1.0);
    let file = parse_value(serde_json::to_value(file).unwrap()).unwrap();
    let bench = Bench::new(Options {
        organization: file,
        ..options()
    })
    .await;
    let (_, before) = bench.control("GET", "/state?full=1", Value::Null).await;
    assert!(
        before["file"]["policies"]
            .as_array()
            .is_some_and(|rows| rows.len() > 1),
        "{}",
        before["file"]["policies"]
    );
    let (status, answer) = bench.control("POST", "/load", before["file"].clone()).await;
    assert_eq!(status, 200, "{answer}");
    let (_, after) = bench.control("GET", "/state?full=1", Value::Null).await;
    assert_eq!(before["file"], after["file"]);
}
