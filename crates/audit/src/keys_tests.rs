#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

/// Made by `openssl genpkey -algorithm ed25519`; its public half by `openssl pkey -pubout`.
const OF_OPENSSL: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIBBo9qF3Zel5LKXf+6txu1qywXNCtQvyYXjKCi/pSvgt
-----END PRIVATE KEY-----
";
const ITS_PUBLIC: &str = "ed25519:MCowBQYDK2VwAyEAcmJ8RkU7NzVnxT+uTux3aa9x4Ehv6qBToDS3H+kPiL4=";

fn public(byte: u8) -> String {
    Signer::from_seed(&[byte; 32]).unwrap().public().to_string()
}

#[test]
fn a_key_file_of_openssl_is_one_of_ours() {
    let signer = read_key_file(OF_OPENSSL).unwrap();
    assert_eq!(*signer.public(), ITS_PUBLIC.parse().unwrap());
    let ours = key_file(&[9; 32]);
    let read = read_key_file(&ours).unwrap();
    assert_eq!(read.public(), Signer::from_seed(&[9; 32]).unwrap().public());
    let with_returns = OF_OPENSSL.replace('\n', "\r\n");
    assert_eq!(
        read_key_file(&with_returns).unwrap().public(),
        signer.public()
    );
}

#[test]
fn other_files_are_no_key_files() {
    let cut = OF_OPENSSL.replace("vgt\n", "\n");
    let public = OF_OPENSSL.replace("PRIVATE", "PUBLIC");
    for bad in ["", "secret", &cut, &public, "-----BEGIN PRIVATE KEY-----"] {
        assert_eq!(
            read_key_file(bad).err(),
            Some(KeyFault::NotAKeyFile),
            "{bad}"
        );
    }
}

/// Made by `openssl ecparam -name prime256v1 -genkey`; its signature over `hallpass` by `openssl
/// dgst -sha256 -sign`.
const OF_OPENSSL_P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmx3sXX5meA4nzNz7h8WdCLpWg5pH
zwG0nH47SBLMVhwq+Qx2kd7kwFmWGvLhcBIzVIWJcj1QcJeWIJkEbFawUg==
-----END PUBLIC KEY-----
";
const SIGNED_P256: &str = "MEUCIGHZ4uW7aPa4I6kv4VXhPFl7bV1mb9QMjVKWurRRtPl+AiEAwE3D3ZfIQGyzoAqtpJPjwJqG6Bo51o2b1xE/5QNSOFg=";
/// A signature of the Ed25519 key above over `hallpass`, by `openssl pkeyutl -sign -rawin`.
const SIGNED_ED25519: &str =
    "3KUaaeI7YeuG3U1nm1uzH43vLJIMDcJCMwZlu5c9DBg1jBEEGgcRVDWI421VkW5L/XK76o3PfM7M4H+LYaFwCg==";

#[test]
fn a_public_key_file_of_openssl_checks_what_openssl_signed() {
    let der = ITS_PUBLIC.trim_start_matches("ed25519:");
    let of_ed25519 = format!("-----BEGIN PUBLIC KEY-----\r\n{der}\r\n-----END PUBLIC KEY-----");
    for (file, signed) in [
        (of_ed25519.as_str(), SIGNED_ED25519),
        (OF_OPENSSL_P256, SIGNED_P256),
    ] {
        let key = read_public_key_file(file).unwrap();
        let signature = STANDARD.decode(signed).unwrap();
        assert_eq!(key.check_bytes(b"hallpass", &signature), Ok(()));
        assert_eq!(
            key.check_bytes(b"hallpasS", &signature),
            Err(SignatureFault::Wrong)
        );
        let cut = signature.split_last().unwrap().1;
        assert_eq!(
            key.check_bytes(b"hallpass", cut),
            Err(SignatureFault::Wrong)
        );
    }
    let cut = of_ed25519.replace("PiL4=", "PiA==");
    for bad in ["", "key", &cut, OF_OPENSSL, ITS_PUBLIC] {
        let found = read_public_key_file(bad).err();
        assert_eq!(found, Some(KeyFault::NotAPublicKeyFile), "{bad}");
    }
}

#[test]
fn a_list_reads_back_and_comments_are_nothing() {
    let text = format!(
        "# the server\nhead {}  # since March\n\nwitness a {}\nwitness a {}\nwitness b {}\n",
        public(1),
        public(2),
        public(3),
        public(4)
    );
    let keys = TrustedKeys::parse(&text).unwrap();
    assert_eq!((keys.heads(), keys.witnesses.len()), (1, 2));
    assert_eq!(TrustedKeys::parse(&keys.to_string()), Ok(keys));
}

#[test]
fn each_bad_line_is_named() {
    let (one, two) = (public(1), public(2));
    for (text, line, fault) in [
        (format!("head {one}\nheads {two}"), 2, KeyLineFault::Form),
        ("head".to_owned(), 1, KeyLineFault::Form),
        (format!("witness {one}"), 1, KeyLineFault::Form),
        (format!("head {one} more"), 1, KeyLineFault::Form),
        (
            "\nhead ed25519:AAAA".to_owned(),
            2,
            KeyLineFault::Key(KeyFault::NotAPublicKey),
        ),
        (
            format!("witness ../a {one}"),
            1,
            KeyLineFault::Name(WitnessNameFault),
        ),
        // the server's operator cannot be its witness
        (
            format!("head {one}\nwitness a {one}"),
            2,
            KeyLineFault::TwoRoles,
        ),
        (
            format!("witness a {one}\nhead {one}"),
            2,
            KeyLineFault::TwoRoles,
        ),
    ] {
        let found = TrustedKeys::parse(&text).unwrap_err();
        assert_eq!(found, KeyListFault { line, fault }, "{text}");
    }
}
