use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use hallpass_app::host::replaced_file;
use hallpass_iam::PolicyType;
use hallpass_iam::language::{POLICY_BYTES_MAX, PolicyJson};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::decoded;

const DEPTH_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct PolicyFile {
    /// As named or found; `-` is standard input.
    pub(super) name: String,
    pub(super) kind: PolicyType,
    pub(super) text: String,
}

impl PolicyFile {
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        if self.name == "-" {
            return Err(
                Failure::bad_input("standard input cannot be repaired in place")
                    .code("E_ARG")
                    .help("give a file to `--fix`"),
            );
        }
        replaced_file::replace(Path::new(&self.name), text)
    }

    /// The file name without folders, `.json` and the type.
    pub(super) fn stem(&self) -> String {
        let name = Path::new(&self.name).file_stem().unwrap_or_default();
        let name = name.to_string_lossy();
        match name.rsplit_once('.') {
            Some((stem, kind)) if kind_named(kind).is_some() => stem.to_owned(),
            _ => name.into_owned(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct FoundPolicies {
    pub(super) policies: Vec<PolicyFile>,
    pub(super) failures: Vec<Failure>,
    pub(super) passed_over: Vec<String>,
}

/// Reads named files, and every `*.json` below folders, sorted by name.
pub(super) fn find(paths: &[PathBuf], kind: Option<PolicyType>) -> FoundPolicies {
    let mut found = FoundPolicies::default();
    for path in paths {
        if path.is_dir() {
            let mut files = Vec::new();
            found
                .failures
                .extend(below(path, DEPTH_MAX, &mut files).err());
            for file in &files {
                if kind.or_else(|| kind_of(file)).is_none() && !holds_policy(file) {
                    found.passed_over.push(file.display().to_string());
                } else {
                    found.add(read(file, kind));
                }
            }
        } else {
            found.add(read(path, kind));
        }
    }
    found
}

impl FoundPolicies {
    fn add(&mut self, read: Result<PolicyFile, Failure>) {
        match read {
            Ok(policy) => self.policies.push(policy),
            Err(failure) => self.failures.push(failure),
        }
    }
}

/// Whether a file is, or may be, a policy.
fn holds_policy(path: &Path) -> bool {
    let Ok(text) = read_text(path) else {
        return true;
    };
    PolicyJson::new(&text).map_or(true, |it| it.is_policy())
}

fn below(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error: io::Error| Failure::unreadable(folder.display(), &error);
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let mut paths = entries
        .map(|entry| entry.map(|it| it.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    paths.sort();
    for path in paths {
        let hidden = path
            .file_name()
            .is_some_and(|it| it.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            if depth > 0 && !path.is_symlink() {
                below(&path, depth - 1, found)?;
            }
        } else if path.extension().is_some_and(|it| it == "json") {
            found.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path, kind: Option<PolicyType>) -> Result<PolicyFile, Failure> {
    let name = path.display().to_string();
    let kind = kind.or_else(|| kind_of(path)).ok_or_else(|| {
        Failure::bad_input(format!("nothing tells what `{name}` is for"))
            .code("E_TYPE")
            .at(&name)
            .help(
                "give `--type`, or name the file such as `x.scp.json`, or put it into a folder \
                 such as `scp/`",
            )
    })?;
    let text = read_text(path)?;
    Ok(PolicyFile { name, kind, text })
}

/// Reads text; `-` is standard input. Truncates a long one where the parser refuses it.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let name = path.display();
    let unreadable = |error: io::Error| Failure::unreadable(&name, &error);
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(fs::File::open(path).map_err(unreadable)?)
    };
    let mut bytes = Vec::new();
    let limit = POLICY_BYTES_MAX as u64 + 1;
    input
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    // may split a character; the parser refuses the length anyway
    if bytes.len() > POLICY_BYTES_MAX {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    decoded(&name.to_string(), &bytes).map(str::to_owned)
}

/// The type from a file's name or nearest folder: `x.scp.json`, `scp/x.json`, `scps/x.json`.
fn kind_of(path: &Path) -> Option<PolicyType> {
    let stem = path.file_stem()?.to_string_lossy();
    let by_name = stem.rsplit_once('.').and_then(|(_, kind)| kind_named(kind));
    by_name.or_else(|| {
        path.ancestors()
            .skip(1)
            .find_map(|folder| kind_named(&folder.file_name()?.to_string_lossy()))
    })
}

fn kind_named(word: &str) -> Option<PolicyType> {
    let word = word.to_ascii_lowercase();
    let mut kinds = PolicyType::ALL.iter();
    let kind = kinds.find(|(name, _)| {
        let plural = match name.strip_suffix('y') {
            Some(start) => format!("{start}ies"),
            None => format!("{name}s"),
        };
        word == *name || word == plural
    });
    kind.map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_folders_tell_the_type() {
        let rows = [
            ("a/deny.scp.json", Some(PolicyType::Scp)),
            ("policies/scp/deny.json", Some(PolicyType::Scp)),
            ("SCPs/emea/deny.json", Some(PolicyType::Scp)),
            ("scp/role.trust.json", Some(PolicyType::Trust)),
            ("identities/read.json", Some(PolicyType::Identity)),
            ("boundaries/dev.json", Some(PolicyType::Boundary)),
            ("policies/read.json", None),
            ("-", None),
        ];
        for (path, expected) in rows {
            assert_eq!(kind_of(Path::new(path)), expected, "{path}");
        }
    }
}
