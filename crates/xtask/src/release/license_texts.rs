//! Licence and notice texts in a crate: at its top, and beside foreign code or data.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

const DEPTH: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CarriedText {
    pub(super) path: String,
    pub(super) text: String,
}

impl CarriedText {
    pub(super) fn is_at_top(&self) -> bool {
        !self.path.contains('/')
    }

    /// Returns whether it is the crate's licence, not an additional notice.
    pub(super) fn is_of_all(&self) -> bool {
        const NAMES: [&str; 4] = ["license", "licence", "copying", "unlicense"];
        let name = self.path.to_lowercase();
        self.is_at_top() && NAMES.iter().any(|it| name.starts_with(it))
    }
}

/// Returns licence and notice texts, top-level ones first, then by path.
pub(super) fn texts(folder: &Path) -> Result<Vec<CarriedText>, String> {
    found(folder, is_text_of_licence)
}

/// Returns the data notices of workspace crates: from a page's first `NOTICE:` to its end.
pub(super) fn notices(folder: &Path) -> Result<Vec<CarriedText>, String> {
    let pages = found(folder, |name| name == "README.md")?;
    let notice = |page: CarriedText| {
        let (_, rest) = page.text.split_once("\n\nNOTICE:")?;
        let text = format!("NOTICE:{rest}");
        Some(CarriedText { text, ..page })
    };
    Ok(pages.into_iter().filter_map(notice).collect())
}

fn found(folder: &Path, wanted: fn(&str) -> bool) -> Result<Vec<CarriedText>, String> {
    let mut all = Vec::new();
    below(folder, "", wanted, &mut all)
        .map_err(|error| format!("cannot read `{}`: {error}", folder.display()))?;
    // independent of the file system's order
    all.sort_by(|a, b| (!a.is_at_top(), &a.path).cmp(&(!b.is_at_top(), &b.path)));
    Ok(all)
}

fn below(
    folder: &Path,
    path: &str,
    wanted: fn(&str) -> bool,
    to: &mut Vec<CarriedText>,
) -> Result<(), io::Error> {
    // folders that cargo compiles into no program
    const LEFT_OUT: [&str; 4] = ["benches", "examples", "fuzz", "tests"];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        let at = format!("{path}{name}");
        if kind.is_dir() {
            if !LEFT_OUT.contains(&name.as_str()) && at.split('/').count() < DEPTH {
                below(&entry.path(), &format!("{at}/"), wanted, to)?;
            }
        } else if kind.is_file() && wanted(&name) {
            let bytes = fs::read(entry.path())?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            let text = text.trim().to_owned();
            if !text.is_empty() {
                to.push(CarriedText { path: at, text });
            }
        }
    }
    Ok(())
}

/// Returns whether a name is a licence text's, not of code about licences.
fn is_text_of_licence(name: &str) -> bool {
    const NAMES: [&str; 6] = [
        "license",
        "licence",
        "copying",
        "copyright",
        "notice",
        "unlicense",
    ];
    const CODE: [&str; 11] = [
        "c", "cc", "cpp", "go", "h", "hpp", "js", "json", "py", "rs", "toml",
    ];
    let name = name.to_lowercase();
    let ending = Path::new(&name).extension().and_then(OsStr::to_str);
    NAMES.iter().any(|it| name.starts_with(it)) && ending.is_none_or(|it| !CODE.contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_licences_are_known_by_their_names() {
        for (name, is) in [
            ("LICENSE", true),
            ("LICENSE-MIT.md", true),
            ("LICENSE.BSD-3-Clause", true),
            ("licence.txt", true),
            ("COPYING", true),
            ("COPYRIGHT", true),
            ("NOTICE.txt", true),
            ("UNLICENSE", true),
            ("notice.rs", false),
            ("license.json", false),
            ("README.md", false),
            ("sublicense", false),
        ] {
            assert_eq!(is_text_of_licence(name), is, "{name}");
        }
    }

    #[test]
    fn a_notice_or_what_lies_deeper_is_not_the_licence_of_all() {
        for (path, is) in [
            ("LICENSE", true),
            ("Copying", true),
            ("NOTICE.txt", false),
            ("COPYRIGHT", false),
            ("third_party/LICENSE", false),
        ] {
            let (path, text) = (path.to_owned(), String::new());
            let carried = CarriedText { path, text };
            assert_eq!(carried.is_of_all(), is, "{}", carried.path);
        }
    }

    #[test]
    fn what_is_at_the_top_comes_first_and_the_rest_by_path() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            "b/LICENSE",
            "a/b/c/LICENSE",
            "b/src/COPYING",
            "NOTICE",
            "LICENSE",
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, " text\r\nof it\n").unwrap();
        }
        let all = texts(folder.path()).unwrap();
        let paths: Vec<&str> = all.iter().map(|it| it.path.as_str()).collect();
        let wanted = [
            "LICENSE",
            "NOTICE",
            "a/b/c/LICENSE",
            "b/LICENSE",
            "b/src/COPYING",
        ];
        assert_eq!(paths, wanted);
        assert!(all.iter().all(|it| it.text == "text\nof it"));
        fs::write(folder.path().join("LICENSE"), "\n").unwrap();
        assert_eq!(texts(folder.path()).unwrap().len(), wanted.len() - 1);
        assert!(texts(&folder.path().join("none")).is_err());
    }
}
