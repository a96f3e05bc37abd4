//! The smaller policy (`inventory.md` §7.5): kept statements with reasons, and the proof.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_activity::{
    KeptReason, PolicyText, ReplayVerdict, ResourceGrain, SeenCall, SeenFold, SeenUse, ShrinkGrain,
    ShrinkQuestion, Shrunk, Unseen, UnseenKept, UseOf, UsesWanted, prove, shrink,
};
use hallpass_base::testing::rows;
use serde_json::{Value, json};

use crate::stage::at;

pub(crate) const ACCOUNT: &str = "111122223333";

pub(crate) fn policy(statements: &Value) -> PolicyText {
    let text = json!({"Version": "2012-10-17", "Statement": statements});
    PolicyText {
        name: "inline".to_owned(),
        text: text.to_string(),
    }
}

pub(crate) fn called(name: &str, resources: &[&str]) -> SeenUse {
    let (service, event) = name.split_once(':').unwrap();
    let resources: BTreeSet<String> = resources.iter().map(|it| (*it).to_owned()).collect();
    SeenUse {
        call: SeenCall {
            account_id: ACCOUNT.to_owned(),
            region: "eu-west-1".to_owned(),
            person: "ana".to_owned(),
            service: service.to_owned(),
            event: event.to_owned(),
            error_code: None,
            resources: Some(resources).filter(|it| !it.is_empty()),
        },
        events: 1,
        last: at("2026-11-12T08:00:00Z"),
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) policies: Vec<PolicyText>,
    pub(crate) uses: Vec<SeenUse>,
    pub(crate) grain: ShrinkGrain,
    pub(crate) resources: ResourceGrain,
    pub(crate) unseen: UnseenKept,
    pub(crate) data_events: BTreeSet<String>,
    pub(crate) boundary: Option<PolicyText>,
}

impl Asked {
    pub(crate) fn of(statements: &Value, uses: Vec<SeenUse>) -> Self {
        Self {
            policies: vec![policy(statements)],
            uses,
            grain: ShrinkGrain::Action,
            resources: ResourceGrain::Any,
            unseen: UnseenKept::All,
            data_events: BTreeSet::new(),
            boundary: None,
        }
    }

    pub(crate) fn shrink(&self) -> Shrunk {
        let question = ShrinkQuestion {
            policies: &self.policies,
            boundary: self.boundary.as_ref(),
            uses: &self.uses,
            grain: self.grain,
            resources: self.resources,
            unseen: self.unseen,
            data_events: &self.data_events,
        };
        shrink(&question).unwrap()
    }
}

fn said(shrunk: &Shrunk) -> Vec<String> {
    let each = shrunk.statements.iter().map(|it| {
        let actions = it.statement.get("Action").or(it.statement.get("NotAction"));
        let actions = match actions.unwrap() {
            Value::Array(all) => all
                .iter()
                .map(|it| it.as_str().unwrap())
                .collect::<Vec<_>>()
                .join(" "),
            one => one.as_str().unwrap().to_owned(),
        };
        format!("{}: {actions}", it.sid)
    });
    each.collect()
}

fn verdicts(shrunk: &Shrunk) -> BTreeMap<String, &'static str> {
    let calls = shrunk.proof.calls.iter();
    calls
        .map(|it| (format!("{}:{}", it.service, it.event), it.verdict.name()))
        .collect()
}

const EC2: &str = r#"[{"Effect": "Allow", "Action": ["ec2:*", "s3:List*"], "Resource": "*"}]"#;

#[test]
fn each_grain_keeps_what_belongs_to_the_calls() {
    let statements: Value = serde_json::from_str(EC2).unwrap();
    let mut asked = Asked::of(
        &statements,
        vec![
            called("ec2:DescribeInstances", &[]),
            called("s3:ListBuckets", &[]),
        ],
    );
    asked.unseen = UnseenKept::None;
    assert_eq!(
        said(&asked.shrink()),
        ["Used: ec2:DescribeInstances s3:ListAllMyBuckets"]
    );
    asked.grain = ShrinkGrain::Service;
    assert_eq!(said(&asked.shrink()), ["Used: ec2:* s3:List*"]);
    asked.grain = ShrinkGrain::Level;
    let shrunk = asked.shrink();
    let said = said(&shrunk);
    assert!(
        said[0].contains("s3:List*") && !said[0].contains("ec2:RunInstances"),
        "{said:?}"
    );
    assert!(shrunk.proof.is_whole());
    let ec2 = shrunk
        .services
        .iter()
        .find(|it| it.service == "ec2")
        .unwrap();
    assert!(
        ec2.before > ec2.after && ec2.after > 1 && ec2.writes > 100,
        "{ec2:?}"
    );
    assert!(!ec2.words.is_empty());
}

/// Action, event, services with logged data events, reason to keep; `None`: unused.
type UnseenRow = (
    &'static str,
    &'static str,
    &'static [&'static str],
    Option<Unseen>,
);

const UNSEEN: [UnseenRow; 14] = [
    (
        "s3:GetObject",
        "s3:ListBuckets",
        &[],
        Some(Unseen::DataEvent),
    ),
    ("s3:GetObject", "s3:ListBuckets", &["s3"], None),
    ("s3:GetBucketAcl", "s3:ListBuckets", &[], None),
    (
        "dynamodb:PutItem",
        "dynamodb:DescribeTable",
        &[],
        Some(Unseen::DataEvent),
    ),
    (
        "lambda:InvokeFunction",
        "lambda:ListFunctions20150331",
        &[],
        Some(Unseen::DataEvent),
    ),
    ("iam:PassRole", "iam:ListRoles", &[], Some(Unseen::NoEvent)),
    (
        "iam:PassRole",
        "iam:ListRoles",
        &["iam"],
        Some(Unseen::NoEvent),
    ),
    (
        "rds-db:connect",
        "rds:DescribeDBInstances",
        &[],
        Some(Unseen::NoEvent),
    ),
    (
        "kafka-cluster:Connect",
        "kafka:ListClusters",
        &[],
        Some(Unseen::NoEvent),
    ),
    (
        "cloudshell:GetFileUploadUrls",
        "ec2:RunInstances",
        &[],
        Some(Unseen::NoEvent),
    ),
    (
        "ec2:CreateTags",
        "ec2:RunInstances",
        &[],
        Some(Unseen::PartOfAnother),
    ),
    ("ec2:CreateTags", "ec2:DescribeInstances", &[], None),
    (
        "ec2:DescribeVolumes",
        "ec2:NoSuchThing",
        &[],
        Some(Unseen::NotMatched),
    ),
    (
        "ec2:NewerThanTheFacts",
        "ec2:DescribeInstances",
        &[],
        Some(Unseen::NotKnown),
    ),
];

/// One row per reason that a log lacks an action.
#[test]
fn what_no_log_shows_is_kept_and_says_why() {
    let data = |names: &[&str]| {
        names
            .iter()
            .map(|it| (*it).to_owned())
            .collect::<BTreeSet<String>>()
    };
    let mut wrong = Vec::new();
    for (action, event, logged, wanted) in UNSEEN {
        let statements =
            json!([{"Effect": "Allow", "Action": [action, "ec2:RunInstances"], "Resource": "*"}]);
        let mut asked = Asked::of(&statements, vec![called(event, &[])]);
        asked.data_events = data(logged);
        let shrunk = asked.shrink();
        let found = shrunk.statements.iter().find_map(|it| match &it.because {
            KeptReason::NotVisible(reasons) => reasons.keys().next().copied(),
            KeptReason::Used(_) | KeptReason::Denies => None,
        });
        if found != wanted {
            wrong.push(format!(
                "{action} after {event}: {found:?} instead of {wanted:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// One row per event whose action has another name, or none.
#[test]
fn events_are_replayed_as_the_actions_they_need() {
    let table = "
        s3:ListAllMyBuckets        s3:ListBuckets                holds
        s3:GetObject               s3:HeadObject                 holds
        s3:PutObject               s3:CopyObject                 not_allowed_before
        s3:*                       s3:CopyObject                 holds
        lambda:InvokeFunction      lambda:Invoke                 holds
        lambda:ListFunctions       lambda:ListFunctions20150331  holds
        cloudwatch:PutMetricAlarm  monitoring:PutMetricAlarm     holds
        apigateway:POST            apigateway:CreateRestApi      holds
        kms:ReEncrypt*             kms:ReEncrypt                 holds
        kms:ReEncryptFrom          kms:ReEncrypt                 not_allowed_before
        dynamodb:PutItem           dynamodb:TransactWriteItems   not_judged
        ec2:*                      ec2:NoSuchThing               not_judged
        ec2:*                      signin:ConsoleLogin           needs_nothing
        ec2:*                      sts:GetCallerIdentity         needs_nothing
        ec2:*                      s3:ListBuckets                not_allowed_before
    ";
    let mut wrong = Vec::new();
    for [action, event, wanted] in rows(table) {
        let statements = json!([{"Effect": "Allow", "Action": action, "Resource": "*"}]);
        let shrunk = Asked::of(&statements, vec![called(event, &[])]).shrink();
        let found = verdicts(&shrunk);
        if found.get(event) != Some(&wanted) {
            wrong.push(format!(
                "{event} under {action}: {found:?} instead of {wanted}"
            ));
        }
        assert_eq!(
            shrunk.proof.is_whole(),
            ["holds", "needs_nothing"].contains(&wanted),
            "{event}"
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn refused_calls_are_no_use_and_failed_ones_are_where_the_policy_allows_them() {
    let statements = json!([{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]);
    let failed = |name: &str, code: &str| {
        let mut it = called(name, &[]);
        it.call.error_code = Some(code.to_owned());
        it
    };
    let mut asked = Asked::of(
        &statements,
        vec![
            failed("ec2:RunInstances", "Client.UnauthorizedOperation"),
            failed("ec2:StartInstances", "Client.InvalidInstanceID.NotFound"),
            failed("s3:ListBuckets", "InternalError"),
        ],
    );
    asked.unseen = UnseenKept::None;
    let shrunk = asked.shrink();
    assert_eq!(said(&shrunk), ["Used: ec2:StartInstances"]);
    let found = verdicts(&shrunk);
    assert_eq!(found["s3:ListBuckets"], "never_asked");
    assert!(!found.contains_key("ec2:RunInstances") && shrunk.proof.is_whole());
    assert_eq!(
        (
            shrunk.proof.succeeded,
            shrunk.proof.failed,
            shrunk.proof.refused
        ),
        (0, 2, 1)
    );
}

#[test]
fn conditions_denies_and_the_not_forms_stay_in_force() {
    let statements = json!([
        {"Sid": "Mfa", "Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*",
         "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
        {"Sid": "Keep", "Effect": "Deny", "Action": "s3:DeleteBucket", "NotResource": "arn:aws:s3:::mine-*"}]);
    let mut asked = Asked::of(
        &statements,
        vec![called("s3:CreateBucket", &["arn:aws:s3:::mine-1"])],
    );
    asked.unseen = UnseenKept::None;
    let shrunk = asked.shrink();
    let policy = shrunk.policy.as_ref().unwrap();
    assert_eq!(policy["Statement"][0]["Action"], "s3:CreateBucket");
    assert_eq!(
        policy["Statement"][0]["Condition"],
        json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    );
    assert_eq!(
        policy["Statement"][1],
        json!({"Sid": "Keep", "Effect": "Deny", "Action": "s3:DeleteBucket", "NotResource": "arn:aws:s3:::mine-*"})
    );
    assert!(shrunk.proof.is_whole());
    asked.uses = vec![called("iam:CreateUser", &[])];
    let shrunk = asked.shrink();
    assert_eq!(verdicts(&shrunk)["iam:CreateUser"], "not_allowed_before");
    assert_eq!(shrunk.policy, None);
}

#[test]
fn of_statements_that_say_the_same_the_narrower_is_kept_and_of_doubtful_ones_each() {
    let bucket = |name: &str| format!("arn:aws:s3:::{name}");
    let statements = json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:*", "Resource": [bucket("a"), bucket("a") + "/*"]},
        {"Effect": "Allow", "Action": "s3:PutBucketPolicy", "Resource": bucket("b")}]);
    let mut asked = Asked::of(
        &statements,
        vec![called("s3:PutBucketPolicy", &["arn:aws:s3:::a"])],
    );
    asked.unseen = UnseenKept::None;
    let shrunk = asked.shrink();
    assert_eq!(
        shrunk.policy.unwrap()["Statement"][0]["Resource"],
        json!([bucket("a"), bucket("a") + "/*"])
    );
    // Without the first statement, either other one may have allowed it.
    asked.policies = vec![policy(&json!([statements[1], statements[2]]))];
    asked.uses = vec![called("s3:PutBucketPolicy", &[])];
    let shrunk = asked.shrink();
    assert_eq!(shrunk.statements.len(), 2);
    assert!(shrunk.proof.is_whole());
}

#[test]
fn resources_are_narrowed_only_where_every_call_named_its_own() {
    let statements = json!([{"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}]);
    let arn = |name: &str| format!("arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{name}");
    let (one, two) = (arn("one"), arn("two"));
    let mut asked = Asked::of(
        &statements,
        vec![
            called("lambda:DeleteFunction20150331", &[&one]),
            called("lambda:DeleteFunction20150331", &[&two]),
        ],
    );
    asked.unseen = UnseenKept::None;
    let resources =
        |asked: &Asked| asked.shrink().policy.unwrap()["Statement"][0]["Resource"].clone();
    assert_eq!(resources(&asked), "*");
    asked.resources = ResourceGrain::Exact;
    assert_eq!(resources(&asked), json!([one, two]));
    assert!(asked.shrink().proof.is_whole());
    asked.resources = ResourceGrain::Prefix;
    assert_eq!(resources(&asked), json!("arn:aws:lambda:*:*:function:*"));
    asked.resources = ResourceGrain::Exact;
    asked
        .uses
        .push(called("lambda:DeleteFunction20150331", &[]));
    assert_eq!(resources(&asked), "*");
    // The log may name only one of several resource types.
    let statements = json!([{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]);
    let mut asked = Asked::of(
        &statements,
        vec![called(
            "ec2:RunInstances",
            &["arn:aws:ec2:eu-west-1:111122223333:instance/i-1"],
        )],
    );
    asked.unseen = UnseenKept::None;
    asked.resources = ResourceGrain::Exact;
    assert_eq!(resources(&asked), "*");
}

#[test]
fn the_proof_finds_what_another_policy_would_break() {
    let old = policy(&json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]));
    let uses = [
        called("ec2:RunInstances", &[]),
        called("s3:CreateBucket", &["arn:aws:s3:::a"]),
    ];
    let rows = [
        (
            json!([{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]),
            "holds",
            "would_break",
        ),
        (
            json!([{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::a"}]),
            "not_judged",
            "holds",
        ),
        (
            json!([{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b"}]),
            "not_judged",
            "would_break",
        ),
        (
            json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]),
            "not_judged",
            "not_judged",
        ),
        (
            json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}]),
            "holds",
            "holds",
        ),
        (
            json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}]),
            "would_break",
            "would_break",
        ),
        (
            json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}]),
            "would_break",
            "holds",
        ),
    ];
    for (new, ec2, s3) in rows {
        let proof = prove(std::slice::from_ref(&old), None, &[policy(&new)], &uses).unwrap();
        let found: Vec<&str> = proof.calls.iter().map(|it| it.verdict.name()).collect();
        assert_eq!(found, [ec2, s3], "{new}");
    }
}

#[test]
fn a_boundary_limits_what_the_old_policy_allowed() {
    let statements = json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]);
    let mut asked = Asked::of(
        &statements,
        vec![
            called("ec2:RunInstances", &[]),
            called("s3:ListBuckets", &[]),
        ],
    );
    asked.boundary = Some(policy(
        &json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]),
    ));
    asked.unseen = UnseenKept::None;
    let shrunk = asked.shrink();
    assert_eq!(said(&shrunk), ["Used: s3:ListAllMyBuckets"]);
    assert_eq!(verdicts(&shrunk)["ec2:RunInstances"], "not_allowed_before");
}

#[test]
fn the_older_language_keeps_its_meaning() {
    let text = r#"{"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}"}}"#;
    let mut asked = Asked::of(
        &json!([]),
        vec![called("s3:CreateBucket", &["arn:aws:s3:::${aws:username}"])],
    );
    asked.policies = vec![PolicyText {
        name: "old".to_owned(),
        text: text.to_owned(),
    }];
    asked.unseen = UnseenKept::None;
    let shrunk = asked.shrink();
    assert_eq!(
        shrunk.policy.as_ref().unwrap()["Statement"][0]["Resource"],
        "arn:aws:s3:::${$}{aws:username}"
    );
    assert!(shrunk.proof.is_whole());
}

#[test]
fn less_that_no_log_shows_is_kept_where_that_is_asked() {
    let statements = json!([{"Effect": "Allow", "Resource": "*",
        "Action": ["ec2:RunInstances", "ec2:CreateTags", "iam:PassRole", "s3:GetObject", "ec2:NewerThanTheFacts"]}]);
    let mut asked = Asked::of(&statements, vec![called("ec2:RunInstances", &[])]);
    let rows = [
        (
            UnseenKept::All,
            "NotVisible: ec2:CreateTags ec2:NewerThanTheFacts iam:PassRole s3:GetObject",
            0,
        ),
        (
            UnseenKept::OfUsedServices,
            "NotVisible: ec2:CreateTags iam:PassRole",
            1,
        ),
        (UnseenKept::None, "", 3),
    ];
    for (unseen, wanted, given_up) in rows {
        asked.unseen = unseen;
        let shrunk = asked.shrink();
        let said = said(&shrunk);
        assert_eq!(said.get(1).map_or("", String::as_str), wanted);
        assert_eq!(shrunk.given_up_unseen, given_up, "{unseen:?}");
        assert!(shrunk.proof.is_whole());
    }
    // An unknown call may have needed any action of its service.
    asked.uses = vec![called("ec2:NoSuchThing", &[])];
    assert_eq!(
        said(&asked.shrink()),
        ["NotVisible: ec2:CreateTags ec2:NewerThanTheFacts ec2:RunInstances"]
    );
}

#[test]
fn risks_that_go_are_told() {
    let statements =
        json!([{"Effect": "Allow", "Action": ["iam:*", "s3:ListAllMyBuckets"], "Resource": "*"}]);
    let mut asked = Asked::of(&statements, vec![called("s3:ListBuckets", &[])]);
    asked.unseen = UnseenKept::None;
    let shrunk = asked.shrink();
    let risks = shrunk.risks.unwrap();
    assert!(
        risks
            .iter()
            .any(|it| it.why.contains("iam") || it.before > 0)
    );
    assert!(risks.iter().all(|it| it.after == 0));
}

#[test]
fn a_log_is_read_event_by_event() {
    let record = |id: u32, arns: &Value, changes: &Value| {
        let mut made = json!({"eventID": format!("{id:032}"), "eventTime": "2026-11-12T08:00:00Z", "eventSource": "s3.amazonaws.com",
            "eventName": "GetObject", "awsRegion": "eu-west-1", "recipientAccountId": ACCOUNT, "resources": arns,
            "userIdentity": {"type": "AssumedRole", "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/ana"),
                "sessionContext": {"sessionIssuer": {"userName": "AWSReservedSSO_Dev_0123456789abcdef",
                    "arn": format!("arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef")}}}});
        for (name, value) in changes.as_object().unwrap() {
            made[name] = value.clone();
        }
        made
    };
    let one = json!([{"ARN": "arn:aws:s3:::a/1"}]);
    let records = [
        record(1, &one, &json!({})),
        record(1, &one, &json!({})),
        record(2, &one, &json!({"errorCode": "AccessDenied"})),
        record(
            3,
            &json!([{"ARN": "arn:aws:s3:::a/1"}, {"type": "AWS::S3::Bucket"}]),
            &json!({}),
        ),
        record(4, &json!([]), &json!({"eventTime": "2026-10-01T00:00:00Z"})),
        record(
            5,
            &json!([]),
            &json!({"userIdentity": {"type": "Root", "accountId": ACCOUNT}}),
        ),
    ];
    let text = json!({"Records": records}).to_string();
    let wanted = UsesWanted {
        of: UseOf::PermissionSet("Dev".to_owned()),
        since: at("2026-11-01T00:00:00Z"),
        until: at("2026-12-01T00:00:00Z"),
        account: None,
    };
    let mut fold = SeenFold::default();
    fold.read(text.as_bytes(), &wanted).unwrap();
    fold.read(text.as_bytes(), &wanted).unwrap();
    assert!(fold.read(&b"{"[..], &wanted).is_err());
    assert_eq!(
        fold.reach(),
        Some((at("2026-10-01T00:00:00Z"), at("2026-11-12T08:00:00Z")))
    );
    let found: Vec<(u64, bool, Option<usize>)> = fold
        .uses()
        .into_iter()
        .map(|it| {
            (
                it.events,
                it.call.error_code.is_some(),
                it.call.resources.map(|it| it.len()),
            )
        })
        .collect();
    assert_eq!(
        found,
        [(1, false, None), (1, false, Some(1)), (1, true, Some(1))]
    );
}

#[test]
fn a_policy_that_cannot_be_read_is_named() {
    let bad = PolicyText {
        name: "bad one".to_owned(),
        text: "{".to_owned(),
    };
    let question = ShrinkQuestion {
        policies: &[bad],
        boundary: None,
        uses: &[],
        grain: ShrinkGrain::Action,
        resources: ResourceGrain::Any,
        unseen: UnseenKept::All,
        data_events: &BTreeSet::new(),
    };
    let error = shrink(&question).unwrap_err();
    assert!(error.to_string().contains("`bad one`"), "{error}");
}

/// Returns the calls that still work after removing a statement.
pub(crate) fn holding(asked: &Asked, statements: &[Value]) -> BTreeSet<String> {
    let mut new = policy(&Value::Array(statements.to_vec()));
    if statements.is_empty() {
        // A policy needs a statement.
        new = policy(&json!([{"Effect": "Deny", "Action": "none:*", "Resource": "*"}]));
    }
    let proof = prove(
        &asked.policies,
        asked.boundary.as_ref(),
        &[new],
        &asked.uses,
    )
    .unwrap();
    let holds = proof
        .calls
        .iter()
        .filter(|it| it.verdict == ReplayVerdict::Holds);
    holds
        .map(|it| format!("{}:{} {}", it.service, it.event, it.events))
        .collect()
}
