//! What is told of sweeps, as a file that is read and committed. `BLESS=1` writes it anew.

use std::fmt::Write as _;

use hallpass_store_testing::{a_digest, digests};
use hallpass_wording::sweeps::{digest_letter, digest_text};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/sweeps.txt");

#[test]
fn digests_say_what_the_file_has() {
    let mut found = String::new();
    for digest in digests().iter().chain([&a_digest(1)]) {
        let subject = digest_letter(digest).subject;
        writeln!(found, "=== {subject}\n{}\n", digest_text(digest)).unwrap();
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(GOLDEN, &found).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    assert!(found == golden, "{found}");
}
