//! Parses rules: all or nothing, reporting every error.

mod elevator;
mod fields;
mod native;
mod native_attributes;
mod native_keys;
mod native_never_together;
mod native_targets;
mod native_tests;
mod native_ticket;

use crate::{
    cancel::CancelFlag,
    content::Content,
    diagnostic::{Diagnostic, FindingCode, Position},
    engine::Rules,
    list_names::LISTS,
    syntax::{self, Node, SOURCE_BYTES_MAX, Syntax, Value},
};
use fields::RuleReader;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    pub name: String,
    pub text: String,
    pub syntax: Syntax,
}

impl RuleFile {
    /// Derives the syntax from the name: `.toml`, `.yaml`, `.yml`, `.tf`, `.tfvars`, `.hcl`;
    /// otherwise JSON.
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

    /// Like [`RuleFile::new`], from bytes.
    ///
    /// # Errors
    /// Not UTF-8.
    pub fn from_bytes(name: impl Into<String>, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let name = name.into();
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(name, text)),
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let valid = String::from_utf8_lossy(valid);
                let mut finding = Diagnostic::error(
                    FindingCode::BadEncoding,
                    syntax::Lines::new(&valid).position(valid.len()),
                    format!("the text is not UTF-8 at byte {}", error.valid_up_to()),
                )
                .help(match bytes {
                    [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16: save it as UTF-8",
                    _ => "save the file as UTF-8",
                });
                finding.file = name;
                Err(vec![finding])
            }
        }
    }
}

#[derive(Debug, Clone)]
#[must_use = "rules that are not put in force have no effect"]
pub struct Loaded {
    pub rules: Rules,
    pub warnings: Vec<Diagnostic>,
}

/// Parses a rule file of either form (`access.md` §1).
///
/// # Errors
/// Every error in file order; then nothing is loaded.
pub fn load(source: &RuleFile) -> Result<Loaded, Vec<Diagnostic>> {
    load_until(source, &CancelFlag::default())
}

/// Like [`load`]; stops when `cancel` is set, without warnings.
pub fn load_until(source: &RuleFile, cancel: &CancelFlag) -> Result<Loaded, Vec<Diagnostic>> {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let mut reader = RuleReader::new(&source.name);
    if text.len() <= SOURCE_BYTES_MAX {
        for finding in syntax::hidden(text) {
            reader.push(finding);
        }
        // text after a hidden character may differ from its appearance
        if !reader.is_clean() {
            return Err(reader.finish().0);
        }
    }
    let parsed = syntax::parse(text, source.syntax);
    for finding in parsed.findings {
        let root = parsed.root.as_ref();
        // the HCL reader sets the list element
        let element = match source.syntax {
            Syntax::Json | Syntax::Toml | Syntax::Yaml => {
                root.and_then(|root| element_at(root, finding.position))
            }
            Syntax::Hcl => None,
        };
        reader.push(match element {
            Some((list, index)) => finding.at(list, index),
            None => finding,
        });
    }
    let content = match (&parsed.root, reader.is_clean()) {
        (Some(root), true) => read(&mut reader, root, source.syntax),
        // a duplicate key leaves a complete tree, so report its other errors too
        (Some(root), false) if reader.only(FindingCode::DuplicateKey) => {
            read(&mut reader, root, source.syntax)
        }
        _ => Content::default(),
    };
    let rules = finish(reader, content, &source.name, &source.text)?;
    let warnings = rules.check_until(None, &[], cancel);
    Ok(Loaded { rules, warnings })
}

fn element_at(root: &Node, position: Position) -> Option<(&'static str, usize)> {
    let lists = LISTS.into_iter().chain(native_keys::FILE_KEYS);
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

/// Reads the rules of a decision case, in the sso-elevator form.
pub(crate) fn load_lists(root: &Node, text: &str) -> Result<Rules, Vec<Diagnostic>> {
    let mut reader = RuleReader::new(CASE);
    let mut content = Content::default();
    elevator::read_lists(&mut reader, root, &mut content);
    finish(reader, content, CASE, text)
}

/// File name in findings about decision cases.
pub(crate) const CASE: &str = "case";

/// Detects the form by keys, else by syntax.
fn is_native(root: &Node, syntax: Syntax) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| root.get(key).is_some());
    match syntax {
        // Terraform files always use the sso-elevator form
        Syntax::Hcl => false,
        Syntax::Json => has(&native_keys::FILE_KEYS),
        Syntax::Toml | Syntax::Yaml => has(&native_keys::FILE_KEYS) || !has(&LISTS),
    }
}

fn read(reader: &mut RuleReader, root: &Node, syntax: Syntax) -> Content {
    let mut content = Content::default();
    match &root.value {
        Value::List(_) => elevator::read_list(reader, root, "statements", &mut content),
        Value::Map(_) if is_native(root, syntax) => native::read_file(reader, root, &mut content),
        Value::Map(_) => elevator::read_file(reader, root, &mut content),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {
            reader.push(
                Diagnostic::error(
                    FindingCode::BadType,
                    root.position,
                    format!("a rule file holds an object or a list, not {}", root.kind()),
                )
                .help("write `{\"statements\": [], \"group_statements\": []}`"),
            );
        }
    }
    if content.rules.is_empty() && reader.is_clean() {
        reader.push(no_rules(root));
    }
    content
}

/// Reports a file without rules, which refuses every request. An empty list is intentional; no list
/// suggests a truncated or wrong file.
fn no_rules(root: &Node) -> Diagnostic {
    const MESSAGE: &str = "no rules: a server with this file refuses every request";
    let mut empty = LISTS.into_iter().chain(["rule"]);
    let empty = empty.find_map(|key| root.get(key));
    let bare = matches!(root.value, Value::List(_)).then_some(root);
    match empty.or(bare) {
        Some(node) => Diagnostic::warning(FindingCode::NoRules, node.position, MESSAGE),
        None => Diagnostic::error(FindingCode::NoRules, root.position, MESSAGE).help(
            "write `[[rule]]`, or `statements`, or `config` in a module or .tfvars file; an empty list \
             (`rule = []`, `\"statements\": []`) means no rules",
        ),
    }
}

fn finish(
    mut reader: RuleReader,
    content: Content,
    file: &str,
    text: &str,
) -> Result<Rules, Vec<Diagnostic>> {
    reader.check_ids(&content.rules);
    let first_sides = content.constraints.iter().filter_map(|it| it.sides.first());
    reader.check_ids(first_sides);
    let (errors, notes) = reader.finish();
    if errors.is_empty() {
        Ok(Rules::new(content, notes, file, &[text]))
    } else {
        Err(errors)
    }
}
