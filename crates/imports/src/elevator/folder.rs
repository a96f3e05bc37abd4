//! Evaluates the arguments of the sso-elevator module in a Terraform folder.

use hallpass_rules::{Diagnostic, FindingCode};
use serde_json::Value;

use super::file::{ElevatorFile, ElevatorRefused, is_list};
use super::first::as_list;
use super::settings::SettingsPlace;
use super::variables::{self, OtherValues};
use crate::dynamodb::SourceFile;
use crate::hcl::{
    Definition, Definitions, EvalProblem, Evaluator, HclFile, HclKind, HclPlace, HclValue,
    ModuleBlock, ReadFile, line_of, problem_of,
};
use crate::refused::{START, problem};
use crate::terraform::Setting;

pub struct TerraformFolder<'a> {
    pub name: String,
    pub files: Vec<SourceFile>,
    /// Variable files (`.tfvars`, `.tfvars.json`); later ones take precedence.
    pub values: Vec<SourceFile>,
    /// Variable files that Terraform reads only on request; their values are ignored.
    pub others: Vec<OtherValues>,
    /// Reads a file by its path below the folder, for `file("…")`; fails with the reason.
    pub read: &'a ReadFile<'a>,
}

pub(super) fn is_configuration(name: &str) -> bool {
    let folded = name.to_ascii_lowercase();
    [".tf", ".tf.json"].iter().any(|it| folded.ends_with(it))
}

/// The lists of the module. The two others are keys of the object in its bucket.
const LISTS: [&str; 2] = ["config", "group_config"];

const META: [&str; 1] = ["depends_on"];

/// Reads the arguments of the folder's sso-elevator module.
///
/// # Errors
/// A file is incomplete, the number of such modules is not one, or a list is unknown.
pub(super) fn read(folder: &TerraformFolder<'_>) -> Result<ElevatorFile, ElevatorRefused> {
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for file in folder.files.iter().chain(&folder.values) {
        match HclFile::parse(file) {
            Ok(file) => files.push(file),
            Err(problems) => errors.extend(problems),
        }
    }
    if !errors.is_empty() {
        return Err(ElevatorRefused::Statements(errors));
    }
    let definitions = Definitions::of(&files, folder.files.len());
    errors.extend(definitions.problems.iter().map(|it| problem_of(&files, it)));
    if !errors.is_empty() {
        return Err(ElevatorRefused::Statements(errors));
    }
    let mut evaluator = Evaluator::new(&files, &definitions, folder.read);
    let call = only_call(folder, &files, &definitions, &mut evaluator)?;
    let mut read = ModuleReading {
        files: &files,
        evaluator,
        errors,
        found: ElevatorFile {
            found: SettingsPlace::OfModule,
            ..ElevatorFile::default()
        },
    };
    read.module(call);
    read.found.variables = variables::notes(&folder.others, &read.evaluator.used());
    if read.errors.is_empty() {
        Ok(read.found)
    } else {
        Err(ElevatorRefused::Statements(read.errors))
    }
}

fn only_call<'d>(
    folder: &TerraformFolder<'_>,
    files: &[HclFile],
    definitions: &'d Definitions<'d>,
    evaluator: &mut Evaluator<'_>,
) -> Result<&'d ModuleBlock<'d>, ElevatorRefused> {
    let mut calls = Vec::new();
    for call in &definitions.modules {
        if is_of_the_original(call, evaluator) {
            calls.push(call);
        }
    }
    match calls.as_slice() {
        [only] => Ok(only),
        [] => {
            let file = folder
                .files
                .first()
                .map_or(folder.name.as_str(), |it| &it.name);
            let message = format!(
                "no module of sso-elevator is called in `{}` ({} files)",
                folder.name,
                files.len()
            );
            let nothing = problem(file, FindingCode::NoRules, START, message);
            Err(ElevatorRefused::Statements(vec![nothing]))
        }
        several => {
            let names = several.iter().map(|it| it.name.to_owned());
            Err(ElevatorRefused::Several(names.collect()))
        }
    }
}

/// Checks if a module is sso-elevator, a copy of it, or has its lists.
fn is_of_the_original(call: &ModuleBlock<'_>, evaluator: &mut Evaluator<'_>) -> bool {
    let mut names = call.arguments.iter().map(|(name, _)| *name);
    let mut blocks = call.blocks.iter().map(|(name, _)| *name);
    let source = call.arguments.iter().find(|(name, _)| *name == "source");
    let source = source.and_then(|(_, written)| evaluator.value(*written).ok());
    let is_named = source
        .is_some_and(|it| matches!(&it.kind, HclKind::Text(text) if text.contains("sso-elevator")));
    is_named || names.any(|it| LISTS.contains(&it)) || blocks.any(|it| LISTS.contains(&it))
}

struct ModuleReading<'a> {
    files: &'a [HclFile],
    evaluator: Evaluator<'a>,
    errors: Vec<Diagnostic>,
    found: ElevatorFile,
}

impl ModuleReading<'_> {
    fn module(&mut self, call: &ModuleBlock<'_>) {
        for (name, at) in &call.blocks {
            if LISTS.contains(name) {
                let message = format!("`{name}` is a block where a list is due");
                self.refuse(&EvalProblem::over(*at, FindingCode::BadSyntax, message));
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        for (name, written) in &call.arguments {
            if !seen.insert(*name) {
                let message = format!("`{name}` is there twice");
                let code = FindingCode::DuplicateKey;
                self.refuse(&EvalProblem::over(written.at, code, message));
            }
            if is_list(name) {
                self.list(name, *written);
            } else if ["count", "for_each"].contains(name) {
                self.repeated(call, name, *written);
            } else if !META.contains(name) {
                self.setting(name, *written);
            }
        }
        if !call.arguments.iter().any(|(name, _)| LISTS.contains(name)) {
            let message = format!("the module `{}` is given no `config`", call.name);
            self.refuse(&EvalProblem::over(call.at, FindingCode::NoRules, message));
        }
    }

    fn refuse(&mut self, what: &EvalProblem) {
        self.errors.push(problem_of(self.files, what));
    }

    /// Refuses a module with `for_each` or a `count` other than 1: its statements may not apply.
    fn repeated(&mut self, call: &ModuleBlock<'_>, key: &str, written: Definition<'_>) {
        let count = match (key, self.evaluator.value(written)) {
            ("count", Ok(value)) => value.into_whole().ok(),
            _ => None,
        };
        if count != Some(1) {
            let message = format!(
                "the use of the statements of module `{}` depends on `{key}`",
                call.name
            );
            self.refuse(&EvalProblem::unknown(written.at, message));
        }
    }

    fn list(&mut self, name: &str, written: Definition<'_>) {
        let items = match self.evaluator.value(written).and_then(HclValue::known) {
            Ok(value) if matches!(value.kind, HclKind::Null) => return,
            Ok(value) => match value.kind {
                HclKind::List(items) | HclKind::Set(items) => items,
                kind => {
                    let value = HclValue::new(value.at, kind);
                    return self.object(name, &value);
                }
            },
            Err(problem) => return self.refuse(&problem),
        };
        let mut values = Vec::new();
        for item in items {
            let place = self.line_of(item.at);
            match item.json() {
                Ok(value) => values.push(value),
                Err(problem) => self.refuse(&problem),
            }
            let of_groups = usize::from(name.starts_with("group_"));
            if let Some(places) = self.found.statement_places.get_mut(of_groups) {
                places.push(place);
            }
        }
        self.found.take_list(name, Value::Array(values));
    }

    /// Accepts a first-release object instead of a list.
    fn object(&mut self, name: &str, value: &HclValue) {
        let message = match value.json().map(|it| as_list(name, it)) {
            Ok(Ok(Value::Array(items))) => {
                let place = self.line_of(value.at);
                let of_groups = usize::from(name.starts_with("group_"));
                if let Some(places) = self.found.statement_places.get_mut(of_groups) {
                    places.extend(vec![place; items.len()]);
                }
                return self.found.take_list(name, Value::Array(items));
            }
            Ok(Ok(_)) => format!(
                "`{name}` is {} where a list of statements is due",
                value.kind.name()
            ),
            Ok(Err(why)) => why,
            Err(problem) => return self.refuse(&problem),
        };
        self.refuse(&EvalProblem::over(value.at, FindingCode::BadType, message));
    }

    fn setting(&mut self, name: &str, written: Definition<'_>) {
        let value = self.evaluator.value(written);
        let place = self.line_of(written.at);
        let setting = match value.and_then(|value| value.json()) {
            Ok(value) => Setting::Is(value),
            Err(problem) => {
                let (file, line) = self.line_of(problem.at);
                Setting::ComputedBy(format!("{} ({file}:{line})", problem.message))
            }
        };
        let name = name.to_owned();
        self.found.setting_places.insert(name.clone(), place);
        self.found.settings.insert(name, setting);
    }

    fn line_of(&self, at: HclPlace) -> (String, u32) {
        line_of(self.files, at)
    }
}
