//! `sim`: generated organizations, and a server that prints its address.

use crate::run::run_args;

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
