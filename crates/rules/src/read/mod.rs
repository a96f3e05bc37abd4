//! From a text to rules: all or nothing, and every error of the text at once.

mod elevator;
mod fields;
mod native;
mod native_tests;

use crate::{
    diagnostic::{Code, Diagnostic, Position},
    engine::Rules,
    rule::Rule,
    selftest::TestCase,
    syntax::{self, Node, Syntax, Value},
};
use fields::Reader;

/// A rule file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name to print before positions, usually the path.
    pub name: String,
    /// The text.
    pub text: String,
    /// How the text is written.
    pub syntax: Syntax,
}

impl Source {
    /// A text whose syntax shows in its name: `.toml`, `.yaml`, `.yml`, `.tf`, `.tfvars`, `.hcl`;
    /// everything else is JSON.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let name = name.into();
        let folded = name.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| folded.ends_with(ending));
        let syntax = if ends(&[".toml"]) {
            Syntax::Toml
        } else if ends(&[".yaml", ".yml"]) {
            Syntax::Yaml
        } else if ends(&[".tf", ".tfvars", ".hcl"]) {
            Syntax::Hcl
        } else {
            Syntax::Json
        };
        Self {
            name,
            text: text.into(),
            syntax,
        }
    }

    /// As [`Source::new`], from bytes as read from disk.
    ///
    /// # Errors
    /// When they are not UTF-8.
    pub fn from_bytes(name: impl Into<String>, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let name = name.into();
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(name, text)),
            Err(error) => {
                let mut finding = Diagnostic::error(
                    Code::BadEncoding,
                    Position { line: 1, column: 1 },
                    format!("the text is not UTF-8 at byte {}", error.valid_up_to()),
                );
                finding.file = name;
                Err(vec![finding])
            }
        }
    }
}

/// Rules that were loaded, and what is odd about them.
#[derive(Debug, Clone)]
#[must_use = "rules that are not put in force have no effect"]
pub struct Loaded {
    /// The rules.
    pub rules: Rules,
    /// What [`Rules::check`] finds without a directory.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a rule file in either form (`spec/access.md` §1).
///
/// # Errors
/// Every error of the file, in file order; then nothing is loaded.
pub fn load(source: &Source) -> Result<Loaded, Vec<Diagnostic>> {
    let parsed = syntax::parse(source.text.trim_start_matches('\u{feff}'), source.syntax);
    let mut reader = Reader::new(&source.name);
    for error in parsed.errors {
        reader.push(
            match parsed
                .root
                .as_ref()
                .and_then(|root| element_at(root, error.position))
            {
                Some((list, index)) => error.at(list, index),
                None => error,
            },
        );
    }
    let content = match (&parsed.root, reader.is_clean()) {
        (Some(root), true) => read(&mut reader, root, source.syntax),
        // a duplicate key leaves a whole tree: say at once what else is wrong with it
        (Some(root), false) if reader.only(Code::DuplicateKey) => {
            read(&mut reader, root, source.syntax)
        }
        _ => Content::default(),
    };
    let rules = finish(reader, content, &source.name, &source.text)?;
    let warnings = rules.check(None);
    Ok(Loaded { rules, warnings })
}

/// The list and the element of it in which a position lies.
fn element_at(root: &Node, position: Position) -> Option<(&'static str, usize)> {
    let lists = elevator::LISTS.into_iter().chain(native::FILE_KEYS);
    let found = lists.filter_map(|list| {
        let Value::List(items) = &root.get(list)?.value else {
            return None;
        };
        let mut before = items
            .iter()
            .enumerate()
            .filter(|(_, item)| item.position < position);
        before
            .next_back()
            .map(|(index, item)| (item.position, list, index))
    });
    found.max().map(|(_, list, index)| (list, index))
}

/// Reads the lists that a decision case brings along, in the sso-elevator form.
pub(crate) fn load_lists(root: &Node, text: &str) -> Result<Rules, Vec<Diagnostic>> {
    let mut reader = Reader::new(CASE);
    let mut content = Content::default();
    elevator::read_lists(&mut reader, root, &mut content);
    finish(reader, content, CASE, text)
}

/// The name of the file in findings about a decision case.
pub(crate) const CASE: &str = "case";

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) rules: Vec<Rule>,
    pub(crate) tests: Vec<TestCase>,
}

/// The keys of an HCL file that are read.
pub(crate) const HCL_KEYS: [&str; 4] = elevator::LISTS;

/// Which of the two forms a file has shows in its keys; without any of them, in its syntax.
fn is_native(root: &Node, syntax: Syntax) -> bool {
    if native::FILE_KEYS.iter().any(|key| root.get(key).is_some()) {
        return true;
    }
    let elevator = elevator::LISTS.iter().any(|key| root.get(key).is_some());
    !elevator && matches!(syntax, Syntax::Toml | Syntax::Yaml)
}

fn read(reader: &mut Reader, root: &Node, syntax: Syntax) -> Content {
    let mut content = Content::default();
    match &root.value {
        Value::List(_) => elevator::read_list(reader, root, "statements", &mut content),
        Value::Map(_) if is_native(root, syntax) => native::read_file(reader, root, &mut content),
        Value::Map(_) => elevator::read_file(reader, root, &mut content),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
            reader.push(
                Diagnostic::error(
                    Code::BadType,
                    root.position,
                    format!("a rule file holds an object or a list, not {}", root.kind()),
                )
                .help("write `{\"statements\": [], \"group_statements\": []}`"),
            );
        }
    }
    content
}

fn finish(
    mut reader: Reader,
    content: Content,
    file: &str,
    text: &str,
) -> Result<Rules, Vec<Diagnostic>> {
    reader.check_ids(&content.rules);
    let (errors, notes) = reader.finish();
    if errors.is_empty() {
        Ok(Rules::new(content, notes, file, &[text]))
    } else {
        Err(errors)
    }
}
