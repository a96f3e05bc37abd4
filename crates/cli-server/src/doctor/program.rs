use hallpass_app::config::Loaded;
use hallpass_app::host::descriptors;
use hallpass_app::host::program::{COMMIT, VERSION, platform, sha256};
use hallpass_app::setup::opening::{ConfigArgs, NAME_IT};

use super::DoctorReport;

pub(super) const CONFIGURATION: &str = "configuration";

pub(super) fn check_configuration(config: &ConfigArgs, report: &mut DoctorReport) {
    match config.missing() {
        None => report.add(CONFIGURATION, Ok("read".to_owned())),
        Some(words) => report.warn(
            CONFIGURATION,
            format!("{words}; everything is as by default"),
            NAME_IT,
        ),
    }
}

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

pub(super) fn check_descriptors(loaded: &Loaded, report: &mut DoctorReport) {
    const CHECK: &str = "open files";
    let limit = descriptors::raise();
    let shares = match descriptors::share(limit.now, loaded.config.server.max_connections) {
        Ok(shares) => shares,
        Err(failure) => return report.add(CHECK, Err((failure.words(), descriptors::REMEDY))),
    };
    match shares.warning() {
        Some((words, remedy)) => report.warn(CHECK, words, remedy),
        None => report.add(CHECK, Ok(shares.words())),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        config: ConfigArgs,
    }

    #[test]
    fn defaults_without_a_configuration_are_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hallpass.toml");
        let told = || {
            let path = file.to_str().unwrap();
            let typed = Typed::parse_from(["hallpass", "--config", path]);
            let mut report = DoctorReport::default();
            check_configuration(&typed.config, &mut report);
            report.lines.remove(0)
        };
        let absent = told();
        assert_eq!(absent.result, "warning");
        assert!(
            absent.detail.contains("no configuration file") && absent.detail.contains("by default"),
            "{}",
            absent.detail
        );
        std::fs::write(&file, "").unwrap();
        assert_eq!(told().result, "ok");
    }
}
