use hallpass_rules::syntax::{self, Node};
use hallpass_rules::{Diagnostic, FindingCode, Position, Syntax};
use hcl_edit::structure::Body;

use super::value::{EvalProblem, HclPlace, HclSpot};
use crate::dynamodb::SourceFile;
use crate::refused::{self, START, problem};

#[derive(Debug)]
pub(crate) struct HclFile {
    pub(crate) name: String,
    text: String,
    pub(super) parsed: HclParsed,
}

#[derive(Debug)]
pub(super) enum HclParsed {
    Hcl(Box<Body>),
    Json(Node),
}

impl HclFile {
    /// Parses a file, as JSON by its extension.
    ///
    /// # Errors
    /// The problems with positions.
    pub(crate) fn parse(file: &SourceFile) -> Result<Self, Vec<Diagnostic>> {
        let text = refused::text(file).map_err(|refused| refused.0)?;
        let parsed = if file.name.to_ascii_lowercase().ends_with(".json") {
            let read = syntax::documents(text, Syntax::Json);
            refused::refuse_errors(&file.name, read.findings).map_err(|refused| refused.0)?;
            let root = read.roots.into_iter().next();
            HclParsed::Json(root.ok_or_else(|| {
                let code = FindingCode::BadSyntax;
                vec![problem(&file.name, code, START, "there is nothing in it")]
            })?)
        } else {
            let body = hcl_edit::parser::parse_body(text).map_err(|error| {
                let position = position_of(text, error.location().offset());
                let code = FindingCode::BadSyntax;
                vec![problem(&file.name, code, position, error.message())]
            })?;
            HclParsed::Hcl(Box::new(body))
        };
        Ok(Self {
            name: file.name.clone(),
            text: text.to_owned(),
            parsed,
        })
    }

    pub(super) fn part(&self, span: Option<std::ops::Range<usize>>) -> &str {
        let part = span.and_then(|span| self.text.get(span));
        part.unwrap_or_default().trim()
    }

    fn position(&self, spot: HclSpot) -> Position {
        match spot {
            HclSpot::Offset(offset) => position_of(&self.text, offset),
            HclSpot::At(position) => position,
        }
    }
}

pub(crate) fn line_of(files: &[HclFile], at: HclPlace) -> (String, u32) {
    let file = files.get(at.file);
    file.map_or_else(Default::default, |file| {
        (file.name.clone(), file.position(at.spot).line)
    })
}

pub(crate) fn problem_of(files: &[HclFile], what: &EvalProblem) -> Diagnostic {
    let (name, position) = match files.get(what.at.file) {
        Some(file) => (file.name.as_str(), file.position(what.at.spot)),
        None => ("", START),
    };
    problem(name, what.code, position, what.message.as_str())
}

fn position_of(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|it| *it == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).map_or(0, |it| it.chars().count()) + 1;
    Position {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
    }
}
