//! Which program this is.

use hallpass_host::program::{COMMIT, VERSION, platform, sha256};

use super::DoctorReport;

/// Says what the papers of a release are held against: version, commit and sum.
pub(super) fn check(report: &mut DoctorReport) {
    const CHECK: &str = "program";
    let commit = match COMMIT {
        Some(commit) => format!("commit {commit}"),
        None => "not compiled by a release".to_owned(),
    };
    let about = format!("hallpass {VERSION}, {commit}, {}", platform());
    match sha256() {
        Ok(sum) => report.add(CHECK, Ok(format!("{about}, SHA-256 {sum}"))),
        Err(error) => report.warn(
            CHECK,
            format!("{about}; its file cannot be read: {error}"),
            "start it again, if it was replaced meanwhile",
        ),
    }
}
