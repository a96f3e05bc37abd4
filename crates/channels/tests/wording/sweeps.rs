//! Sweep texts, as a committed file.

use std::fmt::Write as _;

use hallpass_channels::wording::sweeps::{digest_letter, digest_text};
use hallpass_store_testing::{a_digest, digests};

use crate::golden;

#[test]
fn digests_say_what_the_file_has() {
    let mut found = String::new();
    for digest in digests().iter().chain([&a_digest(1)]) {
        let subject = digest_letter(digest).subject;
        writeln!(found, "=== {subject}\n{}\n", digest_text(digest)).unwrap();
    }
    golden::check("sweeps.txt", &found);
}
