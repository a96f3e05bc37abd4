//! The Debian package: programs, manual, completions, units, users, and an empty configuration
//! folder (`deb(5)`, Debian Policy 6.8).

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::archive::{Files, Packed, ar, gz, tar_gz};
use super::image;

#[derive(Clone, Debug)]
pub(super) struct Package<'a> {
    pub(super) version: &'a str,
    /// Rust's platform name.
    pub(super) target: &'a str,
    /// Minimum glibc version; `None` if not needed.
    pub(super) glibc: Option<String>,
    /// Time of every file, in seconds since 1970.
    pub(super) at: u64,
}

impl Package<'_> {
    fn architecture(&self) -> Option<&'static str> {
        image::architecture(self.target)
    }

    /// Returns the file name; `None` for an unknown platform.
    pub(super) fn file_name(&self) -> Option<String> {
        Some(format!(
            "hallpass_{}_{}.deb",
            self.version,
            self.architecture()?
        ))
    }

    /// Converts a version for Debian's order: pre-releases sort first with `~`, but last with
    /// Cargo's `-`. The file name keeps Cargo's, because release sites refuse `~`.
    fn debian_version(&self) -> String {
        self.version.replace('-', "~")
    }

    fn control(&self, size: usize) -> String {
        let depends = self
            .glibc
            .as_ref()
            .map(|it| format!("Depends: libc6 (>= {it}), libgcc-s1\n"));
        format!(
            "Package: hallpass\nVersion: {}\nArchitecture: {}\nMaintainer: Hallpass maintainers <maintainers@hallpass.invalid>\n\
             Installed-Size: {}\n{}Recommends: systemd (>= 251)\nSection: admin\nPriority: optional\n\
             Description: temporary access to AWS accounts\n Just-in-time access for AWS IAM Identity Center: people request a\n \
             permission set or a group, rules decide who approves, and the access\n ends on time. Server, guard, witness and command line.\n",
            self.debian_version(),
            self.architecture().unwrap_or("all"),
            size.div_ceil(1024),
            depends.unwrap_or_default()
        )
    }
}

/// Creates users and folders. Restarts running services with the new program, unless the installer
/// does so later (`HALLPASS_RESTART=later`). A failing service does not fail the installation,
/// which could block the fix: a configuration or the next package. Starts nothing without a
/// configuration. The units need the first systemd whose `LoadCredential` takes a folder, the
/// command line needs none: neither an older systemd nor a machine that creates folders but no
/// users fails the installation.
const AFTER_INSTALL: &str = "#!/bin/sh
set -e
root=${DPKG_ROOT:-}
if [ \"$1\" = configure ]; then
    if command -v systemd-sysusers >/dev/null; then systemd-sysusers ${root:+--root=\"$root\"} hallpass.conf; fi
    if command -v systemd-tmpfiles >/dev/null; then systemd-tmpfiles ${root:+--root=\"$root\"} --create hallpass.conf ||
        echo 'hallpass: not every folder could be made; once its users are there: systemd-tmpfiles --create hallpass.conf' >&2
    fi
    if [ -z \"$root\" ] && [ -d /run/systemd/system ]; then
        version=$(systemctl --version | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p')
        if [ \"${version:-251}\" -lt 251 ]; then
            echo \"hallpass: its units need systemd 251 or later, and do not start with $version, which this machine has\" >&2
        fi
        systemctl daemon-reload
        for unit in hallpass hallpass-guard hallpass-witness; do
            [ \"${HALLPASS_RESTART:-}\" = later ] || systemctl try-restart \"$unit.service\" ||
                echo \"hallpass: $unit.service did not come up with the new program: journalctl --unit=$unit\" >&2
        done
    fi
    if [ ! -e \"$root/etc/hallpass/hallpass.toml\" ]; then
        echo 'hallpass: write a configuration: hallpass init --folder /etc/hallpass --data /var/lib/hallpass' >&2
    fi
fi
";

const BEFORE_REMOVAL: &str = "#!/bin/sh
set -e
if [ \"$1\" = remove ] && [ -z \"${DPKG_ROOT:-}\" ] && [ -d /run/systemd/system ]; then
    systemctl disable --now hallpass.service hallpass-guard.service hallpass-witness.service hallpass-backup.timer
fi
";

/// A purge deletes the configuration with its secrets, but not the database, its copies and the
/// audit log: they are evidence, and list pending ends.
const AFTER_REMOVAL: &str = "#!/bin/sh
set -e
root=${DPKG_ROOT:-}
if [ \"$1\" = purge ]; then
    rm -rf \"$root/etc/hallpass\"
    rmdir \"$root/var/backups/hallpass\" 2>/dev/null || :
    for data in /var/lib/hallpass /var/lib/hallpass-witness /var/backups/hallpass; do
        if [ -e \"$root$data\" ]; then
            echo \"hallpass: $data is kept: it holds the audit log; remove it yourself\" >&2
        fi
    done
fi
if [ -z \"$root\" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
";

/// Packs an archive's files at Debian's places.
pub(super) fn package(package: &Package<'_>, files: &Files) -> Result<Vec<u8>, io::Error> {
    let mut placed = Files::new();
    for (path, file) in files {
        if let Some(place) = place(path) {
            let packed = if is_compressed(&place) {
                Packed::text(gz(&file.bytes)?)
            } else {
                file.clone()
            };
            placed.insert(place, packed);
        }
    }
    let size = placed.values().map(|it| it.bytes.len()).sum();
    let control = Files::from([
        ("control".to_owned(), Packed::text(package.control(size))),
        ("postinst".to_owned(), Packed::program(AFTER_INSTALL)),
        ("prerm".to_owned(), Packed::program(BEFORE_REMOVAL)),
        ("postrm".to_owned(), Packed::program(AFTER_REMOVAL)),
    ]);
    let control = tar_gz(&control, ".", package.at)?;
    let data = tar_gz(&placed, ".", package.at)?;
    let members: [(&str, &[u8]); 3] = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", &control),
        ("data.tar.gz", &data),
    ];
    Ok(ar(&members, package.at))
}

/// Returns whether Debian requires compression: manual pages and changes.
fn is_compressed(place: &str) -> bool {
    Path::new(place).extension() == Some(OsStr::new("gz"))
}

fn place(path: &str) -> Option<String> {
    let (folder, name) = path.split_once('/').unwrap_or(("", path));
    Some(match (folder, name) {
        ("", "hallpass" | "hallpass-query") => format!("usr/bin/{name}"),
        ("", "LICENSE") => "usr/share/doc/hallpass/LICENSE".to_owned(),
        ("", "LICENSES.txt") => "usr/share/doc/hallpass/copyright".to_owned(),
        ("", "CHANGELOG.md") => "usr/share/doc/hallpass/changelog.gz".to_owned(),
        ("man", name) => format!("usr/share/man/man1/{name}.gz"),
        ("completions", "hallpass.bash") => {
            "usr/share/bash-completion/completions/hallpass".to_owned()
        }
        ("completions", "_hallpass") => "usr/share/zsh/vendor-completions/_hallpass".to_owned(),
        ("completions", "hallpass.fish") => {
            "usr/share/fish/vendor_completions.d/hallpass.fish".to_owned()
        }
        ("systemd", "hallpass.sysusers") => "usr/lib/sysusers.d/hallpass.conf".to_owned(),
        ("systemd", "hallpass.tmpfiles") => "usr/lib/tmpfiles.d/hallpass.conf".to_owned(),
        ("systemd", unit) => format!("usr/lib/systemd/system/{unit}"),
        _ => return None,
    })
}

/// Returns the newest glibc symbol version a program requires (`GLIBC_2.34`); `None` if static.
pub(super) fn glibc(program: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"GLIBC_";
    let versions = program
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, it)| *it == MARK);
    let versions = versions.filter_map(|(at, _)| {
        let rest = program.get(at + MARK.len()..)?;
        let length = rest
            .iter()
            .take_while(|it| it.is_ascii_digit() || **it == b'.')
            .count();
        // a name in a program's text does not end in a zero
        let ended = rest.get(length) == Some(&0);
        let version = std::str::from_utf8(rest.get(..length)?).ok()?;
        let numbers: Option<Vec<u32>> = version.split('.').map(|it| it.parse().ok()).collect();
        Some((numbers?, version.to_owned())).filter(|_| ended)
    });
    versions.max().map(|(_, version)| version)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    use super::*;

    /// Runs the post-installation script with this systemd and failing units; returns exit code,
    /// output and calls.
    fn installed(systemd: u32, fails: &str, restart: &str) -> (Option<i32>, String, String) {
        installed_where(systemd, fails, restart, "#!/bin/sh\n")
    }

    fn installed_where(
        systemd: u32,
        fails: &str,
        restart: &str,
        makes_folders: &str,
    ) -> (Option<i32>, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let path = std::env::var("PATH").unwrap();
        let programs = format!("{}:{path}", folder.path().display());
        let script = AFTER_INSTALL
            .replace("/run/systemd/system", folder.path().to_str().unwrap())
            .replace(
                "/etc/hallpass/hallpass.toml",
                at("hallpass.toml").to_str().unwrap(),
            );
        let systemctl = format!(
            "#!/bin/sh\n[ \"$1\" != --version ] || {{ echo 'systemd {systemd} ({systemd}.39-1)'; exit; }}\n\
             echo \"$@\" >> {}\ncase \"$*\" in {fails}) exit 1 ;; esac\n",
            at("called").display()
        );
        for (name, text) in [
            ("postinst", script.as_str()),
            ("systemctl", systemctl.as_str()),
            ("systemd-sysusers", "#!/bin/sh\n"),
            ("systemd-tmpfiles", makes_folders),
            ("hallpass.toml", ""),
        ] {
            std::fs::write(at(name), text).unwrap();
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(at(name), mode).unwrap();
        }
        let done = Command::new("sh")
            .arg(at("postinst"))
            .arg("configure")
            .env("PATH", programs)
            .env("HALLPASS_RESTART", restart)
            .output()
            .unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        let called = std::fs::read_to_string(at("called")).unwrap();
        (done.status.code(), said, called)
    }

    #[test]
    fn a_service_that_does_not_come_up_leaves_the_package_installed_and_is_named() {
        let each = "daemon-reload\ntry-restart hallpass.service\ntry-restart hallpass-guard.service\ntry-restart hallpass-witness.service\n";
        let (status, said, called) = installed(251, "nothing", "");
        assert_eq!(
            (status, said.as_str(), called.as_str()),
            (Some(0), "", each)
        );
        let (status, said, called) = installed(252, "*hallpass.service", "");
        assert_eq!((status, called.as_str()), (Some(0), each));
        let journal =
            "hallpass.service did not come up with the new program: journalctl --unit=hallpass\n";
        assert!(
            said.ends_with(journal) && said.lines().count() == 1,
            "{said}"
        );
        let (status, said, called) = installed(257, "nothing", "later");
        assert_eq!(
            (status, said.as_str(), called.as_str()),
            (Some(0), "", "daemon-reload\n")
        );
    }

    #[test]
    fn a_systemd_that_does_not_start_the_units_is_told_and_keeps_nobody_from_the_package() {
        let (status, said, called) = installed(249, "nothing", "");
        assert!(status == Some(0) && called.contains("try-restart hallpass.service\n"));
        assert_eq!(
            said,
            "hallpass: its units need systemd 251 or later, and do not start with 249, which this machine has\n"
        );
    }

    #[test]
    fn folders_that_cannot_be_made_leave_the_package_installed_and_are_told() {
        let (status, said, called) = installed_where(252, "nothing", "", "#!/bin/sh\nexit 65\n");
        assert!(status == Some(0) && called.contains("try-restart hallpass.service\n"));
        assert!(
            said.starts_with("hallpass: not every folder could be made")
                && said.lines().count() == 1,
            "{said}"
        );
    }

    #[test]
    fn a_pre_release_comes_before_its_release() {
        for (version, debian) in [("0.2.0", "0.2.0"), ("0.2.0-rc.1", "0.2.0~rc.1")] {
            let package = Package {
                version,
                target: "x86_64-unknown-linux-musl",
                glibc: None,
                at: 0,
            };
            let control = package.control(1);
            assert!(
                control.contains(&format!("\nVersion: {debian}\n")),
                "{control}"
            );
            let name = format!("hallpass_{version}_amd64.deb");
            assert_eq!(package.file_name(), Some(name));
        }
    }

    #[test]
    fn the_newest_glibc_is_the_highest_number() {
        let text = b"..GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.4\0GLIBC_PRIVATE\0see GLIBC_9.9 here\0";
        assert_eq!(glibc(text).as_deref(), Some("2.34"));
        assert_eq!(glibc(b"nothing of that"), None);
    }

    #[test]
    fn whatever_the_archive_has_finds_its_place() {
        for (path, placed) in [
            ("hallpass", Some("usr/bin/hallpass")),
            (
                "man/hallpass-init.1",
                Some("usr/share/man/man1/hallpass-init.1.gz"),
            ),
            (
                "systemd/hallpass.service",
                Some("usr/lib/systemd/system/hallpass.service"),
            ),
            (
                "systemd/hallpass-backup.timer",
                Some("usr/lib/systemd/system/hallpass-backup.timer"),
            ),
            (
                "systemd/hallpass.tmpfiles",
                Some("usr/lib/tmpfiles.d/hallpass.conf"),
            ),
            ("LICENSE", Some("usr/share/doc/hallpass/LICENSE")),
            ("LICENSES.txt", Some("usr/share/doc/hallpass/copyright")),
            ("README.md", None),
        ] {
            assert_eq!(place(path).as_deref(), placed, "{path}");
        }
    }
}
