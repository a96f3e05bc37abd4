//! Parts of programs other than crates: Rust's standard library, the C library of static programs,
//! and Zig's libraries where it links.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::source::Source;
use super::{read_text, said, standard};

/// Notices of the standard library below a rustup compiler's root.
const NOTICES: &str = "share/doc/rust/COPYRIGHT-library.html";
/// The musl compiler's C library, below the platform's library folder.
const LIBC: &str = "self-contained/libc.a";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: &'static str,
    /// `None` if unknown.
    pub(super) version: Option<String>,
    pub(super) licence: &'static str,
    pub(super) about: &'static str,
    registry: &'static str,
    pub(super) texts: Vec<String>,
}

impl Part {
    pub(super) fn named(&self) -> String {
        let version = self.version.as_ref();
        let version = version.map_or_else(String::new, |it| format!(" {it}"));
        format!("{}{version}", self.name)
    }

    pub(super) fn reference(&self) -> String {
        let version = self.version.as_ref();
        let version = version.map_or_else(String::new, |it| format!("@{it}"));
        format!("pkg:{}/{}{version}", self.registry, self.name)
    }
}

/// Returns the parts of a platform's programs. `tools`: compilers other than Rust's, name and
/// version.
pub(super) fn parts(
    root: &Path,
    source: &Source,
    tools: &[(String, String)],
) -> Result<Vec<Part>, String> {
    let compiler = said(root, "rustc", &["--print", "sysroot"])?;
    let notices = read_text(&Path::new(&compiler).join(NOTICES)).map_err(|why| {
        format!("{why}: a release has the notices of the standard library, which a compiler of rustup brings")
    })?;
    let mut parts = vec![standard_library(&source.compiler, &notices)];
    if is_musl(&source.target) {
        let version = if tools.is_empty() {
            version_of_musl(root, &source.target)?
        } else {
            // Zig contains another one without a stated version
            None
        };
        parts.push(musl(version));
    }
    let zig = tools.iter().find(|(name, _)| name == "ziglang");
    parts.extend(zig.map(|(_, version)| what_zig_links(version)));
    Ok(parts)
}

fn is_musl(target: &str) -> bool {
    target.split('-').any(|it| it.starts_with("musl"))
}

/// `compiler`: its version output.
fn standard_library(compiler: &str, notices: &str) -> Part {
    let who = "The Rust Project Developers (see https://thanks.rust-lang.org)";
    let own = ["MIT", "Apache-2.0", "Unicode-3.0"];
    let mut texts = in_notices(notices);
    texts.extend(own.iter().filter_map(|it| standard::text(it, who)));
    Part {
        name: "rust-std",
        version: compiler.split_whitespace().nth(1).map(str::to_owned),
        licence: "MIT OR Apache-2.0",
        about: "Rust's standard library, with what its notices name",
        registry: "generic",
        texts,
    }
}

pub(super) fn musl(version: Option<String>) -> Part {
    Part {
        name: "musl",
        version,
        licence: "MIT",
        about: "C library",
        registry: "generic",
        texts: vec![include_str!("texts/musl.txt").to_owned()],
    }
}

fn what_zig_links(version: &str) -> Part {
    Part {
        name: "ziglang",
        version: Some(version.to_owned()),
        licence: "MIT",
        about: "what Zig links into a program that it compiles: functions of its compiler",
        registry: "pypi",
        texts: standard::text("MIT", "Zig contributors")
            .into_iter()
            .collect(),
    }
}

/// Returns the version of the compiler's C library; `None` without one.
fn version_of_musl(root: &Path, target: &str) -> Result<Option<String>, String> {
    let words = ["--print", "target-libdir", "--target", target];
    let folder = said(root, "rustc", &words)?;
    let archive = fs::read(Path::new(&folder).join(LIBC));
    Ok(archive.ok().and_then(|bytes| version_in(&bytes)))
}

/// Returns a library's stated version; `None` for none or several.
fn version_in(library: &[u8]) -> Option<String> {
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    let is_version = |it: &&str| it.split('.').count() == 3 && it.split('.').all(is_number);
    let texts = library.split(|byte| *byte == 0);
    let texts = texts.filter_map(|it| std::str::from_utf8(it).ok());
    let found: BTreeSet<&str> = texts.filter(is_version).collect();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(version), None) => Some(version.to_owned()),
        _ => None,
    }
}

/// Returns a notice page's words, and each distinct text once.
fn in_notices(page: &str) -> Vec<String> {
    let mut words = String::new();
    let mut texts = BTreeSet::new();
    for piece in page.split("<pre>") {
        // the first piece has no text, and each later one begins with one
        let rest = piece.split_once("</pre>").map_or(piece, |(text, rest)| {
            texts.insert(without_marks(text).trim().to_owned());
            rest
        });
        words.push_str(rest);
    }
    let words = without_marks(&words);
    let lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let words: Vec<&str> = lines.collect();
    let mut all = vec![words.join("\n")];
    all.extend(texts);
    all
}

fn without_marks(html: &str) -> String {
    let mut pieces = html.split('<');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(piece.split_once('>').map_or(piece, |(_, rest)| rest));
    }
    let written = [
        ("&#60;", "<"),
        ("&lt;", "<"),
        ("&#62;", ">"),
        ("&gt;", ">"),
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#39;", "'"),
        // last, because its output would be decoded again
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    written
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTICES_OF_TWO: &str = "<!DOCTYPE html>\n<h1>Notices</h1>\n\n  <h3>one-1.0</h3>\n<p><b>Authors:</b> Ann &#60;ann@example.com&#62;</p>\n\
        <pre>\nKeep this &#34;notice&#34;.\n  </pre>\n<h3>two-2.0</h3><pre>Keep this &#34;notice&#34;.</pre><pre>a &amp;lt; b</pre>\n";

    #[test]
    fn notices_come_as_plain_text_and_each_text_once() {
        let words = "Notices\none-1.0\nAuthors: Ann <ann@example.com>\ntwo-2.0";
        assert_eq!(
            in_notices(NOTICES_OF_TWO),
            [words, "Keep this \"notice\".", "a &lt; b"]
        );
        // unknown page forms lose nothing
        assert_eq!(in_notices("<p>all of it</p>"), ["all of it"]);
    }

    #[test]
    fn the_standard_library_has_the_version_of_the_compiler_and_its_notices() {
        let part = standard_library("rustc 1.95.0 (59807616e 2026-04-14)", NOTICES_OF_TWO);
        assert_eq!(part.named(), "rust-std 1.95.0");
        assert_eq!(part.reference(), "pkg:generic/rust-std@1.95.0");
        for text in [
            "Keep this \"notice\".",
            "Copyright (c) The Rust Project Developers",
            "Apache License",
            "UNICODE LICENSE V3",
        ] {
            assert!(part.texts.iter().any(|it| it.contains(text)), "{text}");
        }
    }

    #[test]
    fn musl_is_in_programs_of_its_platforms_alone() {
        for (target, is) in [
            ("x86_64-unknown-linux-musl", true),
            ("armv7-unknown-linux-musleabihf", true),
            ("x86_64-unknown-linux-gnu", false),
            ("aarch64-apple-darwin", false),
        ] {
            assert_eq!(is_musl(target), is, "{target}");
        }
        let text = &musl(None).texts[0];
        assert!(text.contains("Rich Felker, et al.") && text.contains("\"AS IS\""));
    }

    #[test]
    fn a_version_is_said_where_the_library_says_one() {
        for (library, version) in [
            ("\x7fELF\0\0", None),
            ("\x7fELF\0\x001.2.5\0/build/1.2.6/x\0", Some("1.2.5")),
            ("1.2.5\0again\x001.2.5\0", Some("1.2.5")),
            ("1.2.5\0\x001.1.24\0", None),
            ("1.2\0\x001..2\x001.2.3.4\0v1.2.3\0", None),
        ] {
            let found = version_in(library.as_bytes());
            assert_eq!(found.as_deref(), version, "{library:?}");
        }
        let (known, unknown) = (musl(Some("1.2.5".to_owned())), musl(None));
        assert_eq!(known.reference(), "pkg:generic/musl@1.2.5");
        assert_eq!(
            (unknown.named(), unknown.reference()),
            ("musl".to_owned(), "pkg:generic/musl".to_owned())
        );
    }

    #[test]
    fn what_zig_links_is_named_where_it_does() {
        let part = what_zig_links("0.1.2");
        assert_eq!(part.reference(), "pkg:pypi/ziglang@0.1.2");
        assert!(part.texts[0].contains("Copyright (c) Zig contributors"));
    }
}
