//! Benchmarks parsing, compiling and evaluating policies. The typical request has three identity
//! policies, five service control policies on three levels, and a boundary.
#![expect(
    clippy::expect_used,
    reason = "a benchmark stops when its policies do not load"
)]

use std::fmt::Write as _;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use hallpass_iam::denial::{Denial, DeniedAction, OfferedPolicy, OfferedSet, judge};
use hallpass_iam::lint::{Options, lint};
use hallpass_iam::summary::summarize;
use hallpass_iam::{
    Caller, Case, CaseOptions, Context, Decision, Grid, GridCaller, GridResource, Layers, Policy,
    PolicyType, Request, decide, facts, simulate_line,
};

fn main() {
    divan::main();
}

/// The referee's case, too (`bench/policies.py` sends the same line).
const CASE: &str = include_str!("typical.json");

fn typical() -> Case {
    Case::read(CASE.trim(), &CaseOptions::default()).expect("the case loads")
}

#[divan::bench]
fn typical_request(bencher: Bencher<'_, '_>) {
    let case = typical();
    assert_eq!(case.decide(), Decision::Allowed);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        decide(
            divan::black_box(&case.layers),
            divan::black_box(&case.first),
        )
    });
}

#[divan::bench]
fn typical_request_denied_at_the_first_level(bencher: Bencher<'_, '_>) {
    let case = typical();
    let request = case.first.clone();
    let request = request
        .with_action("organizations:LeaveOrganization")
        .expect("an action");
    assert_eq!(decide(&case.layers, &request), Decision::ExplicitlyDenied);
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench_local(|| decide(divan::black_box(&case.layers), divan::black_box(&request)));
}

#[divan::bench]
fn line_read_compiled_and_decided(bencher: Bencher<'_, '_>) {
    let options = CaseOptions::default();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench_local(|| simulate_line(divan::black_box(CASE.trim()), 1, &options));
}

/// About three statements, like most cases.
const SMALL: &str = r#"{"id":"small","principal":"arn:aws:iam::111111111111:user/u","action":"s3:GetObject","resource":"arn:aws:s3:::team-a/x","context":{"aws:SourceIp":"10.1.2.3"},"identityPolicies":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"arn:aws:s3:::team-*/*"},{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}]}"#;

#[divan::bench]
fn small_line_read_compiled_and_decided(bencher: Bencher<'_, '_>) {
    let options = CaseOptions::default();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench_local(|| simulate_line(divan::black_box(SMALL), 1, &options));
}

fn guardrail() -> String {
    let mut text = String::from(r#"{"Version":"2012-10-17","Statement":["#);
    for i in 0..8 {
        let comma = if i == 0 { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"Sid":"Guard{i}","Effect":"Deny","Action":["ec2:Run*","iam:Create*","s3:Put{i}*"],"Resource":"*","Condition":{{"StringNotEquals":{{"aws:RequestedRegion":["eu-west-1","eu-central-1"]}},"ArnNotLike":{{"aws:PrincipalArn":"arn:aws:iam::*:role/admin-{i}"}}}}}}"#
        )
        .expect("writing to a string does not fail");
    }
    text.push_str("]}");
    text
}

#[divan::bench]
fn compiling_a_policy_of_eight_statements(bencher: Bencher<'_, '_>) {
    let text = guardrail();
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench_local(|| Policy::parse(divan::black_box(&text), PolicyType::Scp));
}

/// As large as AWS's `ReadOnlyAccess`: patterns per service, and single actions.
fn read_only() -> String {
    let services = facts::services().filter(|it| it.actions().len() > 4);
    let actions = services.flat_map(|service| {
        let single = service
            .actions()
            .iter()
            .take(4)
            .map(facts::ActionFacts::full_name);
        let patterns = ["Describe*", "Get*", "List*"];
        let patterns = patterns.map(|it| format!("{}:{it}", service.prefix));
        single.chain(patterns)
    });
    let actions: Vec<String> = actions.map(|it| format!("\"{it}\"")).collect();
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":[{}],"Resource":"*"}}}}"#,
        actions.join(",")
    )
}

#[divan::bench]
fn linting_two_thousand_actions(bencher: Bencher<'_, '_>) {
    let text = read_only();
    let options = Options::new(PolicyType::Identity);
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench_local(|| lint(divan::black_box(&text), &options));
}

fn policy(text: &str, kind: PolicyType) -> Arc<Policy> {
    Arc::new(Policy::parse(text, kind).expect("the policy loads"))
}

fn allow(action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}},{{"Effect":"Deny","Action":"s3:Delete*","Resource":"*"}}]}}"#
    )
}

/// 1,000 principals × 500 actions × 200 resources: a hundred million questions.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn hundred_million_questions(bencher: Bencher<'_, '_>) {
    let services = ["s3", "ec2", "iam", "sqs", "kms"];
    let actions: Vec<String> = (0..500)
        .map(|at| {
            format!(
                "{}:Action{at}",
                services.iter().cycle().nth(at).unwrap_or(&"s3")
            )
        })
        .collect();
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    let bucket = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/role-7"},"Action":"s3:*","Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    let resources: Vec<GridResource> = (0..200)
        .map(|at| GridResource {
            arn: format!("arn:aws:s3:::bucket-{at}/x"),
            account: Some("111111111111".to_owned()),
            policy: (at % 4 == 0).then(|| policy(bucket, PolicyType::Resource)),
            rcps: Vec::new(),
        })
        .collect();
    let case = typical();
    let shared: Vec<Arc<Policy>> = (0..50)
        .map(|at| {
            let text = allow(
                &format!("s3:Action{at}*"),
                &format!("arn:aws:s3:::bucket-{at}*"),
            );
            policy(&text, PolicyType::Identity)
        })
        .collect();
    let callers: Vec<GridCaller> = (0..1000)
        .map(|at| {
            let name = format!("arn:aws:sts::111111111111:assumed-role/role-{at}/s");
            let own = shared.iter().cycle().skip(at % 50).take(3).cloned();
            GridCaller {
                caller: Caller::parse(&name).expect("a session"),
                layers: Layers {
                    identity: own.collect(),
                    ..case.layers.clone()
                },
                context: Context::new()
                    .with("aws:SourceIp", "10.1.2.3")
                    .with("aws:RequestedRegion", "eu-west-1")
                    .with("aws:PrincipalTag/team", "red"),
                management_account: false,
            }
        })
        .collect();
    bencher
        .counter(ItemsCount::new(100_000_000_u32))
        .bench_local(|| {
            let mut grid = Grid::new(&actions, resources.clone()).expect("the grid loads");
            callers
                .iter()
                .map(|caller| grid.ask(caller).allowed())
                .sum::<usize>()
        });
}

#[divan::bench]
fn one_question_with_another_request(bencher: Bencher<'_, '_>) {
    let case = typical();
    let requests: Vec<Request> = ["s3:GetObject", "ec2:DescribeInstances", "iam:CreateUser"]
        .iter()
        .map(|action| case.first.clone().with_action(action).expect("an action"))
        .collect();
    bencher
        .counter(ItemsCount::new(requests.len()))
        .bench_local(|| {
            let decisions = requests.iter();
            decisions
                .map(|request| decide(&case.layers, request) as u32)
                .sum::<u32>()
        });
}

/// As long as `ReadOnlyAccess`: three patterns per known service.
fn as_long_as_aws_writes() -> String {
    let services = facts::services().map(|it| it.prefix);
    let patterns = services
        .flat_map(|it| ["Get*", "List*", "Describe*"].map(|name| format!("\"{it}:{name}\"")));
    let patterns: Vec<String> = patterns.collect();
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{}],"Resource":"*"}}]}}"#,
        patterns.join(",")
    )
}

#[divan::bench]
fn a_denial_judged_by_a_policy_as_long_as_aws_writes_them(bencher: Bencher<'_, '_>) {
    let message = "User: arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_A_0123456789abcdef/mara is not authorized to \
                   perform: s3:GetObject on resource: arn:aws:s3:::logs/today";
    let denial = Denial::read(message).expect("a denial");
    let set = OfferedSet {
        name: "ReadOnly".to_owned(),
        policies: vec![OfferedPolicy {
            name: "ReadOnlyAccess".to_owned(),
            arn: None,
            is_boundary: false,
            text: Some(as_long_as_aws_writes()),
        }],
    };
    let denied = [DeniedAction::new(denial, [])];
    bencher.bench_local(|| judge(divan::black_box(&set), &denied, "111122223333"));
}

#[divan::bench]
fn a_policy_as_long_as_aws_writes_them_in_words(bencher: Bencher<'_, '_>) {
    let text = as_long_as_aws_writes();
    bencher.bench_local(|| summarize(divan::black_box(&text), PolicyType::Identity));
}
