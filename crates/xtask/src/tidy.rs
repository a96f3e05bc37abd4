//! Checks the tree against the house rules. Collects files and metadata; the checks themselves read
//! nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::breach::Breach;
use crate::circles::Circles;
use crate::doc_references::Landmarks;
use crate::metric_names::{self, MetricNames};
use crate::spec::Spec;
use crate::syntax::ParsedFile;
use crate::texts::has_extension;
use crate::type_names::TypeNames;
use crate::{
    acceptance, arrows, citations, docs, manifests, outside, pages_named, phrases, resolution,
    sizes, sources, texts, wrapped,
};

#[derive(Debug, thiserror::Error)]
pub(crate) enum TidyError {
    #[error("`{program}` cannot be run")]
    Start {
        program: &'static str,
        source: io::Error,
    },
    #[error("`{program}` failed: {text}")]
    Failed { program: &'static str, text: String },
    #[error("`cargo metadata` does not answer JSON")]
    Metadata(#[source] serde_json::Error),
    #[error("`{path}` cannot be read")]
    Read { path: PathBuf, source: io::Error },
}

/// Returns every breach in the tree at `root`, sorted by place.
pub(crate) fn run(root: &Path) -> Result<Vec<Breach>, TidyError> {
    let metadata = output(
        "cargo",
        &["metadata", "--no-deps", "--format-version", "1"],
        root,
    )?;
    let metadata = serde_json::from_slice(&metadata).map_err(TidyError::Metadata)?;
    let mut findings = arrows::check(&metadata);
    let tree = |edges| output("cargo", &resolution::question(edges), root);
    let (programs, tests) = (tree(resolution::PROGRAMS)?, tree(resolution::TESTS)?);
    let text = String::from_utf8_lossy;
    findings.extend(resolution::check(&text(&programs), &text(&tests)));
    let mut files = Vec::new();
    for path in tracked(root)? {
        if let Some(text) = read(root, &path)? {
            files.push((path, text));
        }
    }
    findings.extend(check_files(&files));
    findings.extend(docs::check(root).map_err(|source| TidyError::Read {
        path: "docs".into(),
        source,
    })?);
    findings.sort();
    findings.dedup();
    Ok(findings)
}

type Texts = [(String, String)];

/// Checks files alone and together, in three parallel parts of equal duration.
fn check_files(files: &Texts) -> Vec<Breach> {
    std::thread::scope(|scope| {
        let each = scope.spawn(|| {
            let each = files.iter();
            each.flat_map(|(path, text)| check_file(path, text))
                .collect()
        });
        let parsed = scope.spawn(|| check_parsed(files));
        let mut findings = check_together(files);
        for part in [each, parsed] {
            match part.join() {
                Ok(found) => findings.extend::<Vec<Breach>>(found),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        findings
    })
}

fn check_parsed(files: &Texts) -> Vec<Breach> {
    let (mut names, mut circles) = (TypeNames::default(), Circles::default());
    let mut findings = Vec::new();
    let rust = files.iter().filter(|(path, _)| has_extension(path, "rs"));
    for file in rust.filter_map(|(path, text)| ParsedFile::of(path, text)) {
        names.add(&file);
        circles.add(&file);
        findings.extend(outside::check(&file));
    }
    findings.extend(names.check());
    findings.extend(circles.check());
    findings
}

fn check_together(files: &Texts) -> Vec<Breach> {
    let (mut spec, mut landmarks) = (Spec::default(), Landmarks::default());
    let (mut metrics, mut findings) = (MetricNames::default(), Vec::new());
    for (path, text) in files {
        findings.extend(spec.add(path, text));
        landmarks.add(path, text);
        if has_extension(path, "rs") {
            metrics.add(path, text);
        }
    }
    let pages: BTreeSet<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    for (path, text) in files {
        findings.extend(pages_named::check(&pages, path, text));
        findings.extend(citations::check(&spec, path, text));
        findings.extend(acceptance::played(&spec, path, text));
        findings.extend(landmarks.check(path, text));
    }
    let text_of = |wanted: &str| {
        let found = files.iter().find(|(path, _)| path == wanted);
        found.map_or("", |(_, text)| text.as_str())
    };
    let (page, fixture) = (text_of(acceptance::DECISIONS), text_of(acceptance::FIXTURE));
    findings.extend(acceptance::decisions(page, fixture));
    findings.extend(resolution::commands("Makefile", text_of("Makefile")));
    findings.extend(metrics.check(text_of(metric_names::PAGE)));
    findings
}

fn check_file(path: &str, text: &str) -> Vec<Breach> {
    let mut findings = texts::check(path, text);
    findings.extend(wrapped::check(path, text));
    findings.extend(phrases::check(path, text));
    if path.contains("/templates/") && has_extension(path, "html") {
        findings.extend(docs::check_template(path, text));
    }
    if has_extension(path, "rs") {
        findings.extend(sources::check(path, text));
        findings.extend(sizes::check(path, text));
    }
    if path.ends_with("Cargo.toml") {
        findings.extend(manifests::check(path, text));
    }
    findings
}

/// Returns files in the repository, or added by the next `git add`.
fn tracked(root: &Path) -> Result<Vec<String>, TidyError> {
    let args = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let listing = output("git", &args, root)?;
    let paths = listing
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty());
    Ok(paths
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect())
}

/// Returns a file's text; `None` if binary, or deleted but still in the index.
fn read(root: &Path, path: &str) -> Result<Option<String>, TidyError> {
    let path = root.join(path);
    match fs::read(&path) {
        Ok(bytes) if bytes.contains(&0) => Ok(None),
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) if path.is_dir() => Ok(None),
        Err(source) => Err(TidyError::Read { path, source }),
    }
}

fn output(program: &'static str, args: &[&str], folder: &Path) -> Result<Vec<u8>, TidyError> {
    let done = Command::new(program)
        .args(args)
        .current_dir(folder)
        .output()
        .map_err(|source| TidyError::Start { program, source })?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    let text = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(TidyError::Failed { program, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_file_meets_its_checks() {
        let found = |path: &str, text: &str| {
            check_file(path, text)
                .into_iter()
                .map(|it| it.message)
                .collect::<Vec<_>>()
        };
        assert!(found("docs/a.md", "fine\n").is_empty());
        assert_eq!(found("docs/a.md", "bad \n").len(), 1);
        assert_eq!(found("docs/a.md", &"word ".repeat(30)).len(), 2);
        let page = "<h2>What happened</h2>\n";
        assert_eq!(found("crates/a/templates/a.html", page).len(), 1);
        assert_eq!(found("crates/a/src/lib.rs", "//! A.\nfn a() {}\n").len(), 0);
        assert!(!found("crates/a/Cargo.toml", "[package]\nname = \"a\"\n").is_empty());
    }
}
