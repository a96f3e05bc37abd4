//! Measures memory of compiled policies by resident size. Prints one JSON line for
//! `bench/policies.py`.
#![expect(clippy::print_stdout, reason = "it is what the example is for")]

use std::fmt::Write as _;
use std::{error, fs};

use hallpass_iam::{Policy, PolicyType};

const POLICIES: usize = 10_000;

/// Bytes of resident memory (`proc(5)`).
fn resident() -> Result<usize, Box<dyn error::Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kib.ok_or("no VmRSS")?.parse::<usize>()? * 1024)
}

fn policy(number: usize) -> String {
    let mut text = String::from(r#"{"Version":"2012-10-17","Statement":["#);
    for part in 0..3 {
        let comma = if part == 0 { "" } else { "," };
        let made = write!(
            text,
            r#"{comma}{{"Sid":"S{part}","Effect":"Allow","Action":["s3:Get{number}*","sqs:Send*"],"Resource":["arn:aws:s3:::team-{number}/*","arn:aws:sqs:*:*:q-{part}"],"Condition":{{"StringEquals":{{"aws:PrincipalTag/team":"t{number}"}}}}}}"#
        );
        debug_assert!(made.is_ok(), "{made:?}");
    }
    text.push_str("]}");
    text
}

fn main() -> Result<(), Box<dyn error::Error>> {
    let length = policy(POLICIES).len();
    let mut held = Vec::with_capacity(POLICIES);
    let before = resident()?;
    for number in 0..POLICIES {
        held.push(Policy::parse(&policy(number), PolicyType::Identity)?);
    }
    let each = resident()?.saturating_sub(before) / held.len();
    println!(r#"{{"policies":{POLICIES},"bytes_of_text":{length},"bytes_held":{each}}}"#);
    Ok(())
}
