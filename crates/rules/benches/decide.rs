//! Benchmark of decisions with a thousand rules; the limit is 50 microseconds.
#![expect(
    clippy::expect_used,
    reason = "a benchmark stops when its rules do not load"
)]

use std::fmt::Write as _;

use divan::Bencher;
use hallpass_base::{AccountId, Email, Timestamp};
use hallpass_rules::{Ask, Directory, RuleFile, Rules, load};

fn main() {
    divan::main();
}

fn thousand(resource: impl Fn(usize) -> String) -> Rules {
    let mut text = String::from("[");
    for i in 0..1000 {
        let comma = if i == 0 { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"ResourceType": "Account", "Resource": "{}", "PermissionSet": ["Set{}", "Common"],
               "Approvers": ["p{}@corp.com", "p{}@corp.com"], "AllowSelfApproval": true}}"#,
            resource(i),
            i % 20,
            i % 97,
            i % 89,
        )
        .expect("writing to a string does not fail");
    }
    text.push(']');
    load(&RuleFile::new("bench.json", text))
        .expect("the rules load")
        .rules
}

fn run(bencher: Bencher<'_, '_>, rules: &Rules, set: &str) {
    let account = AccountId::new("100000000007").expect("twelve digits");
    let requester = Email::new("dev@corp.com").expect("an address");
    let facts = Directory::default();
    let ask = Ask::Account {
        account: &account,
        permission_set: set,
    };
    bencher.bench_local(|| {
        rules.decide(
            divan::black_box(&requester),
            &ask,
            &facts,
            Timestamp::UNIX_EPOCH,
        )
    });
}

#[divan::bench]
fn one_rule_per_account(bencher: Bencher<'_, '_>) {
    run(
        bencher,
        &thousand(|i| format!("{:012}", 100_000_000_000 + i)),
        "Common",
    );
}

#[divan::bench]
fn every_rule_wide_and_one_in_twenty_applies(bencher: Bencher<'_, '_>) {
    run(bencher, &thousand(|_| "*".to_owned()), "Set7");
}

#[divan::bench]
fn every_rule_applies(bencher: Bencher<'_, '_>) {
    run(bencher, &thousand(|_| "*".to_owned()), "Common");
}

#[divan::bench]
fn loading(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| thousand(|_| "*".to_owned()));
}
