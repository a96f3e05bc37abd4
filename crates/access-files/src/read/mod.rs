//! Parses texts into an [`AccessFile`] and reports all errors together (`inventory.md` A-2). It
//! calls no AWS API.

mod assignments;
mod fields;
mod front_door;
mod permission_set;
mod settings;

use hallpass_base::PermissionSetName;
use hallpass_rules::SOURCE_BYTES_MAX;
use hallpass_rules::syntax::{self, MapEntry, Node, Syntax};

use crate::file::AccessFile;
use crate::finding::FileFinding;
use fields::{FileReader, nearest_of};

const VERSION: &str = "1";
const KEYS: [&str; 5] = [
    "version",
    "instance",
    "settings",
    "permission_sets",
    "assignments",
];

#[derive(Clone, Debug)]
pub struct SourceText {
    pub name: String,
    pub text: String,
}

impl SourceText {
    fn syntax(&self) -> Syntax {
        let ending = self.name.rsplit('.').next().unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "toml" => Syntax::Toml,
            "json" => Syntax::Json,
            _ => Syntax::Yaml,
        }
    }
}

/// Reads a policy file: takes the name of the referring file and the path as written.
pub type PolicyFileReader<'a> = &'a dyn Fn(&str, &str) -> Result<String, String>;

/// Parses files as one.
///
/// # Errors
/// All findings, warnings included, in file order.
pub fn read(
    sources: &[SourceText],
    policy_file: PolicyFileReader<'_>,
) -> Result<(AccessFile, Vec<FileFinding>), Vec<FileFinding>> {
    let mut file = AccessFile::default();
    let mut findings = Vec::new();
    let mut has_settings = false;
    for source in sources {
        let mut reader = FileReader::new(&source.name, policy_file);
        if let Some(root) = parsed(&mut reader, source) {
            read_one(&mut reader, &root, &mut file, &mut has_settings);
        }
        findings.extend(reader.finish());
    }
    findings.extend(undeclared(&file));
    if findings.iter().any(FileFinding::is_error) {
        return Err(findings);
    }
    Ok((file, findings))
}

fn parsed(reader: &mut FileReader<'_>, source: &SourceText) -> Option<Node> {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    if text.len() <= SOURCE_BYTES_MAX {
        reader.take_over(syntax::hidden(text));
    }
    if reader.has_errors() {
        return None;
    }
    let parsed = syntax::parse(text, source.syntax());
    reader.take_over(parsed.findings);
    if reader.has_errors() {
        return None;
    }
    parsed.root
}

fn read_one(
    reader: &mut FileReader<'_>,
    root: &Node,
    file: &mut AccessFile,
    has_settings: &mut bool,
) {
    let Some(entries) = reader.map(root, "the file") else {
        return;
    };
    let entries = entries.to_vec();
    reader.known_keys(&entries, &KEYS);
    check_version(reader, root, &entries);
    for MapEntry {
        key,
        position,
        value,
    } in &entries
    {
        match key.as_str() {
            "instance" => {
                let arn = reader.text(key, value).filter(|text| text != "auto");
                if let (Some(one), Some(other)) = (&file.instance, &arn)
                    && one != other
                {
                    let place = reader.place(*position);
                    reader.error(&place, "the files name two instances");
                }
                file.instance = arn.or(file.instance.take());
            }
            "settings" => {
                if *has_settings {
                    let place = reader.place(*position);
                    reader.error(&place, "`settings` is in another file already");
                }
                *has_settings = true;
                file.settings = settings::read(reader, value).unwrap_or_default();
            }
            "permission_sets" => permission_set::read_all(reader, value, &mut file.sets),
            "assignments" => assignments::read_all(reader, value, &mut file.assignments),
            _ => {}
        }
    }
}

fn check_version(reader: &mut FileReader<'_>, root: &Node, entries: &[MapEntry]) {
    let version = entries.iter().find(|entry| entry.key == "version");
    let Some(version) = version else {
        let place = reader.place(root.position);
        let missing = FileFinding::error(&place, "`version` is missing");
        reader.push(missing.help("write `version: 1`"));
        return;
    };
    if version.value.shown() != VERSION {
        let place = reader.place(version.value.position);
        let message = format!("version `{}` is not known", version.value.shown());
        reader.push(FileFinding::error(&place, message).help("write `version: 1`"));
    }
}

fn undeclared(file: &AccessFile) -> Vec<FileFinding> {
    let named = file.assignments.iter().flat_map(|it| &it.permission_sets);
    named
        .filter(|(name, _)| !file.sets.contains_key(name))
        .map(|(name, place)| {
            let message = format!("permission set `{name}` is not declared");
            let known = file.sets.keys().map(PermissionSetName::as_str);
            let help = nearest_of(name.as_str(), known)
                .unwrap_or_else(|| "declare it below `permission_sets`".to_owned());
            FileFinding::error(place, message).help(help)
        })
        .collect()
}
