//! `[events]`, `[findings]` and `[insights]`: event queue, enrichment of findings, reported
//! insights.

use hallpass_findings::{DEFAULT_UPDATED_BY, EnrichSettings, NotePolicy};
use hallpass_org::insights::InsightSeverity;
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::Loaded;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    queue: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Insights {
    least_severity: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Findings {
    notes: String,
    updated_by: String,
    tag_priority: Vec<String>,
}

impl Default for Findings {
    fn default() -> Self {
        Self {
            notes: "keep".to_owned(),
            updated_by: DEFAULT_UPDATED_BY.to_owned(),
            tag_priority: Vec::new(),
        }
    }
}

impl Loaded {
    /// `None`: the server receives no events.
    pub fn event_queue(&self) -> Result<Option<String>, Failure> {
        let Some(queue) = self
            .config
            .events
            .queue
            .as_ref()
            .filter(|it| !it.is_empty())
        else {
            return Ok(None);
        };
        if queue.starts_with("https://") || queue.starts_with("http://") {
            return Ok(Some(queue.clone()));
        }
        let failure = Failure::bad_input(format!(
            "`events.queue` is `{queue}`, which is no address of a queue"
        ));
        Err(failure.help(
            "write it as \"https://sqs.eu-west-1.amazonaws.com/111122223333/hallpass-events\"",
        ))
    }

    pub fn least_insight(&self) -> Result<InsightSeverity, Failure> {
        match self.config.insights.least_severity.as_deref() {
            None | Some("medium") => Ok(InsightSeverity::Medium),
            Some("low") => Ok(InsightSeverity::Low),
            Some("high") => Ok(InsightSeverity::High),
            Some(other) => {
                let failure = Failure::bad_input(format!(
                    "`insights.least_severity` is `{other}`, which is no severity of an insight"
                ));
                Err(failure.help("write \"low\", \"medium\" or \"high\""))
            }
        }
    }

    pub fn enrich_settings(&self) -> Result<EnrichSettings, Failure> {
        let table = &self.config.findings;
        let notes: NotePolicy = table
            .notes
            .parse()
            .map_err(|error| Failure::bad_input(format!("`findings.notes`: {error}")))?;
        if table.updated_by.trim().is_empty() {
            let failure = Failure::bad_input("`findings.updated_by` is empty");
            return Err(failure.help("notes name their author: write a name, or leave the key out"));
        }
        Ok(EnrichSettings {
            notes,
            updated_by: table.updated_by.clone(),
            tag_priority: table.tag_priority.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::parse;
    use super::*;

    fn loaded(text: &str) -> Loaded {
        Loaded {
            config: parse(text, "h.toml").unwrap(),
            folder: PathBuf::new(),
        }
    }

    #[test]
    fn defaults_are_those_of_the_core_and_nonsense_is_refused() {
        let plain = loaded("");
        assert_eq!(plain.event_queue().unwrap(), None);
        assert_eq!(plain.enrich_settings().unwrap(), EnrichSettings::default());
        assert!(
            loaded("[events]\nqueue = \"events\"")
                .event_queue()
                .is_err()
        );
        assert_eq!(plain.least_insight().unwrap(), InsightSeverity::Medium);
        let of = |word: &str| loaded(&format!("[insights]\nleast_severity = \"{word}\""));
        assert_eq!(of("low").least_insight().unwrap(), InsightSeverity::Low);
        assert_eq!(of("high").least_insight().unwrap(), InsightSeverity::High);
        assert!(of("urgent").least_insight().is_err());
        assert!(
            loaded("[findings]\nnotes = \"drop\"")
                .enrich_settings()
                .is_err()
        );
        assert!(
            loaded("[findings]\nupdated_by = \" \"")
                .enrich_settings()
                .is_err()
        );
    }
}
