//! The file (`organization.md` S-1): enabled and disabled standards and controls, reasons,
//! exceptions.

use hallpass_base::AccountId;
use hallpass_base::time::maybe_day_of_file;
use hallpass_plans::hash;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use super::names::{ControlName, short_name};

/// Characters (`organization.md` S-1).
const REASON_MAX: usize = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ControlStatus {
    Enabled,
    Disabled,
}

/// A missing condition matches everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceMatch {
    /// A unit at any depth: an id, or a path as `/Workloads/Production`.
    #[serde(default)]
    pub(super) ou: Option<String>,
    #[serde(default)]
    pub(super) account: Option<AccountId>,
    /// An account tag: `KEY=VALUE`, or `KEY`.
    #[serde(default)]
    pub(super) tag: Option<String>,
    #[serde(default)]
    pub(super) region: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ControlEntry {
    pub(super) name: ControlName,
    pub(super) status: ControlStatus,
    pub(super) reason: Option<String>,
    /// Short names; `None` for all.
    pub(super) standards: Option<Vec<String>>,
    /// The last valid day.
    pub(super) until: Option<Date>,
    pub(super) ticket: Option<String>,
    pub(super) line: u64,
}

impl ControlEntry {
    pub(super) fn is_over(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileLayer {
    pub(super) place: PlaceMatch,
    /// Short names, enabled or not.
    pub(super) standards: Vec<(String, bool)>,
    pub(super) controls: Vec<ControlEntry>,
    /// Line of an override; 0 for the defaults.
    pub(super) line: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandardsFile {
    pub(super) layers: Vec<FileLayer>,
    pub(super) exceptions: Vec<(PlaceMatch, ControlEntry)>,
    named: Vec<(u64, String)>,
    /// Identifies the version that a person applied.
    hash: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StandardsForm {
    #[serde(default)]
    defaults: DefaultsForm,
    #[serde(default)]
    overrides: Vec<Spanned<OverrideForm>>,
    #[serde(default)]
    exceptions: Vec<Spanned<ExceptionForm>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DefaultsForm {
    #[serde(default)]
    standards: NamesForm,
    #[serde(default)]
    controls: Vec<Spanned<ControlForm>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverrideForm {
    #[serde(rename = "match")]
    place: PlaceMatch,
    #[serde(default)]
    standards: NamesForm,
    #[serde(default)]
    controls: Vec<Spanned<ControlForm>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamesForm {
    #[serde(default)]
    enable: Vec<Spanned<String>>,
    #[serde(default)]
    disable: Vec<Spanned<String>>,
}

impl NamesForm {
    fn named(&self) -> impl Iterator<Item = (u64, String)> {
        let all = self.enable.iter().chain(&self.disable);
        all.map(|it| (it.defined.line(), short_name(&it.value).to_owned()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlForm {
    id: String,
    status: ControlStatus,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    standards: Option<OfStandards>,
    #[serde(default, deserialize_with = "maybe_day_of_file")]
    until: Option<Date>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OfStandards {
    Word(String),
    List(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionForm {
    #[serde(default)]
    account: Option<AccountId>,
    #[serde(default)]
    ou: Option<String>,
    control: String,
    status: ControlStatus,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    standards: Option<OfStandards>,
    #[serde(default, deserialize_with = "maybe_day_of_file")]
    until: Option<Date>,
    #[serde(default)]
    ticket: Option<String>,
}

fn at(line: u64, text: impl std::fmt::Display) -> String {
    format!("line {line}: {text}")
}

fn reason_of(
    form: Option<String>,
    status: ControlStatus,
    name: &str,
) -> Result<Option<String>, String> {
    let reason = form.map(|it| it.trim().to_owned()).unwrap_or_default();
    let length = reason.chars().count();
    match status {
        _ if length > REASON_MAX => Err(format!(
            "the `reason` of `{name}` has {length} characters, and {REASON_MAX} are allowed"
        )),
        ControlStatus::Disabled if reason.is_empty() => {
            Err(format!("`{name}` is DISABLED without a `reason`: say why"))
        }
        ControlStatus::Disabled | ControlStatus::Enabled => {
            Ok(Some(reason).filter(|it| !it.is_empty()))
        }
    }
}

fn standards_of(form: Option<OfStandards>) -> Result<Option<Vec<String>>, String> {
    match form {
        None => Ok(None),
        Some(OfStandards::Word(word)) if word == "all" => Ok(None),
        Some(OfStandards::Word(word)) => {
            Err(format!("`standards` is `all` or a list, not `{word}`"))
        }
        Some(OfStandards::List(list)) if list.is_empty() => {
            Err("`standards` names none: leave it out for all".to_owned())
        }
        Some(OfStandards::List(list)) => {
            let names = list.iter().map(|it| short_name(it).to_owned());
            Ok(Some(names.collect()))
        }
    }
}

fn control(form: Spanned<ControlForm>) -> Result<ControlEntry, String> {
    let line = form.defined.line();
    let form = form.value;
    let entry = || {
        Ok(ControlEntry {
            name: ControlName::read(&form.id)?,
            status: form.status,
            reason: reason_of(form.reason, form.status, &form.id)?,
            standards: standards_of(form.standards)?,
            until: form.until,
            ticket: None,
            line,
        })
    };
    entry().map_err(|text: String| at(line, text))
}

fn exception(form: Spanned<ExceptionForm>) -> Result<(PlaceMatch, ControlEntry), String> {
    let line = form.defined.line();
    let form = form.value;
    let entry = || {
        let place = PlaceMatch {
            ou: form.ou,
            account: form.account,
            ..PlaceMatch::default()
        };
        if place == PlaceMatch::default() {
            return Err("an exception has an `account` or an `ou`".to_owned());
        }
        check_place(&place)?;
        let entry = ControlEntry {
            name: ControlName::read(&form.control)?,
            status: form.status,
            reason: reason_of(form.reason, form.status, &form.control)?,
            standards: standards_of(form.standards)?,
            until: form.until,
            ticket: form.ticket,
            line,
        };
        Ok((place, entry))
    };
    entry().map_err(|text: String| at(line, text))
}

fn check_place(place: &PlaceMatch) -> Result<(), String> {
    let unit = place.ou.as_deref().unwrap_or("/");
    if !(unit.starts_with("ou-") || unit.starts_with("r-") || unit.starts_with('/')) {
        return Err(format!(
            "`{unit}` is no unit: write its id, or its path as `/Workloads/Production`"
        ));
    }
    Ok(())
}

fn layer(
    place: PlaceMatch,
    names: NamesForm,
    controls: Vec<Spanned<ControlForm>>,
    line: u64,
) -> Result<FileLayer, String> {
    let NamesForm { enable, disable } = names;
    let short = |it: &Spanned<String>| short_name(&it.value).to_owned();
    let on = enable.iter().map(|it| (short(it), true));
    let standards: Vec<(String, bool)> = on
        .chain(disable.iter().map(|it| (short(it), false)))
        .collect();
    for (name, _) in &standards {
        let says = |wanted| standards.iter().any(|(it, is)| it == name && *is == wanted);
        if says(true) && says(false) {
            return Err(format!("`{name}` is in `enable` and in `disable`"));
        }
        if name.is_empty() {
            return Err("a standard has no name".to_owned());
        }
    }
    let controls: Result<_, String> = controls.into_iter().map(control).collect();
    Ok(FileLayer {
        place,
        standards,
        controls: controls?,
        line,
    })
}

impl StandardsFile {
    /// Parses YAML or JSON.
    ///
    /// # Errors
    /// The problem and its line.
    pub fn read(text: &str) -> Result<Self, String> {
        let form: StandardsForm =
            serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let DefaultsForm {
            standards,
            controls,
        } = form.defaults;
        let mut named: Vec<(u64, String)> = standards.named().collect();
        let mut layers = vec![layer(PlaceMatch::default(), standards, controls, 0)?];
        for it in form.overrides {
            let line = it.defined.line();
            let OverrideForm {
                place,
                standards,
                controls,
            } = it.value;
            named.extend(standards.named());
            check_place(&place).map_err(|text| at(line, text))?;
            if place == PlaceMatch::default() {
                return Err(at(line, "`match` is empty: that belongs to `defaults`"));
            }
            let has_line = |text: String| {
                if text.starts_with("line ") {
                    text
                } else {
                    at(line, text)
                }
            };
            layers.push(layer(place, standards, controls, line).map_err(has_line)?);
        }
        let exceptions: Result<_, String> = form.exceptions.into_iter().map(exception).collect();
        let file = Self {
            layers,
            exceptions: exceptions?,
            named,
            hash: hash(text),
        };
        if file.says_nothing() {
            return Err("the file names no standard or control".to_owned());
        }
        Ok(file)
    }

    pub fn hash(&self) -> &str {
        &self.hash
    }

    fn says_nothing(&self) -> bool {
        let silent = |it: &FileLayer| it.standards.is_empty() && it.controls.is_empty();
        self.exceptions.is_empty() && self.layers.iter().all(silent)
    }

    /// Short names of standards enabled anywhere.
    pub fn standards(&self) -> impl Iterator<Item = &str> {
        let all = self.layers.iter().flat_map(|it| &it.standards);
        all.filter(|(_, on)| *on).map(|(name, _)| name.as_str())
    }

    /// Checks if a condition uses tags.
    pub(super) fn needs_tags(&self) -> bool {
        self.places().any(|(_, it)| it.tag.is_some())
    }

    pub(super) fn places(&self) -> impl Iterator<Item = (u64, &PlaceMatch)> {
        let layers = self.layers.iter().map(|it| (it.line, &it.place));
        let exceptions = self.exceptions.iter();
        layers.chain(exceptions.map(|(place, entry)| (entry.line, place)))
    }

    pub fn regions(&self) -> impl Iterator<Item = (u64, &str)> {
        self.places()
            .filter_map(|(line, it)| Some((line, it.region.as_deref()?)))
    }

    fn entries(&self) -> impl Iterator<Item = &ControlEntry> {
        let layers = self.layers.iter().flat_map(|it| &it.controls);
        layers.chain(self.exceptions.iter().map(|(_, entry)| entry))
    }

    pub(super) fn named_standards(&self) -> impl Iterator<Item = (u64, &str)> {
        let of_controls = self.entries().flat_map(|it| {
            let names = it.standards.iter().flatten();
            names.map(|name| (it.line, name.as_str()))
        });
        let of_layers = self.named.iter().map(|(line, name)| (*line, name.as_str()));
        of_layers.chain(of_controls)
    }

    pub(super) fn named_controls(&self) -> impl Iterator<Item = (u64, &ControlName)> {
        self.entries().map(|it| (it.line, &it.name))
    }

    pub(super) fn control_ids(&self) -> impl Iterator<Item = &str> {
        self.named_controls().filter_map(|(_, it)| match it {
            ControlName::Id(id) => Some(id.as_str()),
            ControlName::Arn(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match StandardsFile::read(text) {
            Ok(file) => format!("{file:?}"),
            Err(text) => text,
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, expected) in [
            (
                "defaults:\n  controls:\n    - {id: IAM.6, status: ENABLED}\n    - {id: S3.7, status: DISABLED}\n",
                "line 4: `S3.7` is DISABLED without a `reason`: say why",
            ),
            (
                "defaults:\n  controls:\n    - id: S3.7\n      status: DISABLED\n      reason: '  '\n",
                "line 3: `S3.7` is DISABLED without a `reason`: say why",
            ),
            (
                "exceptions:\n  - {control: S3.7, status: DISABLED, reason: x}\n",
                "line 2: an exception has an `account` or an `ou`",
            ),
            (
                "exceptions:\n  - {account: '111122223333', control: S3, status: ENABLED}\n",
                "line 2: `S3` is no control: write `IAM.6`, or the ARN of a control in a standard",
            ),
            (
                "overrides:\n  - match: {}\n    standards: {enable: [x/v/1]}\n",
                "line 2: `match` is empty: that belongs to `defaults`",
            ),
            (
                "overrides:\n  - match: {ou: Prod}\n    standards: {enable: [x/v/1]}\n",
                "line 2: `Prod` is no unit: write its id, or its path as `/Workloads/Production`",
            ),
            (
                "overrides:\n  - match: {region: eu-west-1}\n    standards: {enable: [x/v/1], disable: [x/v/1]}\n",
                "line 2: `x/v/1` is in `enable` and in `disable`",
            ),
            ("defaults: {}\n", "the file names no standard or control"),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
        for (text, part) in [
            ("defaults: {standard: {}}", "standard"),
            (
                "defaults:\n  controls:\n    - {id: S3.7, status: OFF}\n",
                "OFF",
            ),
            (
                "defaults:\n  controls:\n    - {id: S3.7, status: DISABLED, reason: x, until: soon}\n",
                "line 3",
            ),
            (
                "exceptions:\n  - {account: '1', control: S3.7, status: ENABLED}\n",
                "line 2",
            ),
        ] {
            assert!(said(text).contains(part), "{text}: {}", said(text));
        }
    }

    #[test]
    fn reasons_have_at_most_five_hundred_characters() {
        for (length, good) in [(500, true), (501, false)] {
            let reason = "é".repeat(length);
            let text = format!(
                "defaults: {{controls: [{{id: S3.7, status: DISABLED, reason: {reason}}}]}}"
            );
            assert_eq!(StandardsFile::read(&text).is_ok(), good, "{length}");
        }
    }
}
