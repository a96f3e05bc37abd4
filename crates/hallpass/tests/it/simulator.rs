//! `sim`: generated organizations, and a server that prints its address.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::run::{hallpass, run_args};

const SIZES: [&str; 8] = [
    "--accounts",
    "6",
    "--users",
    "5",
    "--groups",
    "2",
    "--permission-sets",
    "3",
];

#[test]
fn the_same_seed_generates_the_same_organization() {
    let generate = |seed: &str| {
        let args = ["sim", "generate", "--seed", seed];
        run_args(args.iter().chain(&SIZES)).exits(0).out
    };
    let one = generate("3");
    assert_eq!(one, generate("3"));
    assert_ne!(one, generate("4"));
    let file: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(file["accounts"].as_array().unwrap().len(), 6);
    assert_eq!(
        file["identity_center"]["users"].as_array().unwrap().len(),
        5
    );
}

#[test]
fn it_prints_the_environment_of_its_management_account() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("organization.json");
    std::fs::write(&path, crate::decide::ORGANIZATION).unwrap();
    let mut child = hallpass()
        .args([
            "sim",
            "--listen",
            "127.0.0.1:0",
            "--secret",
            "it's secret",
            "--organization",
        ])
        .arg(&path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said: Vec<String> = lines.by_ref().take(6).map(Result::unwrap).collect();
    let address = said[0]
        .strip_prefix("export AWS_ENDPOINT_URL=http://")
        .unwrap();
    assert!(std::net::TcpStream::connect(address).is_ok(), "{address}");
    assert_eq!(said[3], "export AWS_ACCESS_KEY_ID=AKIA0000111122223333");
    assert_eq!(said[4], "export AWS_SECRET_ACCESS_KEY='it'\\''s secret'");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_address_in_use_is_said_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = run_args(["sim", "--listen", &address]).exits(1);
    assert!(ran.err.contains("cannot listen on"), "{}", ran.err);
    assert_eq!(ran.out, "");
}

#[test]
fn a_broken_organization_file_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("organization.json");
    std::fs::write(&path, r#"{"version":1,"acounts":[]}"#).unwrap();
    let ran = run_args(["sim", "--organization", path.to_str().unwrap()]).exits(2);
    assert!(ran.err.contains("/acounts"), "{}", ran.err);
}
