//! Checks configured names in the organization: groups by attributes, and accepted standing access.

use hallpass_access::StandingPattern;
use hallpass_app::config::Loaded;
use hallpass_rules::{Directory, Rules};

use super::{DoctorReport, groups};

pub(super) fn check(
    loaded: &Loaded,
    directory: &Directory,
    rules: Option<&Rules>,
    report: &mut DoctorReport,
) {
    groups::check(loaded, directory, rules, report);
    check_standing(&loaded.settings().sweep.standing, directory, report);
}

/// Warns about `access.standing` patterns without a match: a sweep might remove the access they
/// should keep.
fn check_standing(patterns: &[StandingPattern], directory: &Directory, report: &mut DoctorReport) {
    const CHECK: &str = "standing access";
    for dead in patterns.iter().filter_map(|it| it.dead(directory)) {
        report.warn(CHECK, dead.to_string(), dead.help());
    }
}

#[cfg(test)]
mod tests {
    use hallpass_rules::directory::{Group, Snapshot};

    use super::*;

    #[test]
    fn a_pattern_of_standing_access_that_accepts_nothing_is_a_warning() {
        let directory = Directory::new(Snapshot {
            groups: vec![Group {
                id: "99999999-8888-7777-6666-555555555555".parse().unwrap(),
                name: "team/oncall".to_owned(),
                members: None,
            }],
            ..Snapshot::default()
        });
        let anybody = "00000001-0000-0000-0000-000000000000";
        let patterns = ["team/oncall", "team?oncall"].map(|group| format!("{group}/{anybody}"));
        let patterns: Vec<StandingPattern> =
            patterns.iter().map(|it| it.parse().unwrap()).collect();
        let mut report = DoctorReport::default();
        check_standing(&patterns, &directory, &mut report);
        let [line] = report.lines.as_slice() else {
            panic!("{:?}", report.lines)
        };
        assert_eq!((line.check, line.result), ("standing access", "warning"));
        assert!(line.detail.contains("no account fits `oncall`"), "{line:?}");
        assert!(line.remedy.contains("write `?`"), "{line:?}");
    }
}
