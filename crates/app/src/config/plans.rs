//! `[plans]`: plans that the server resumes at start.

use hallpass_org::{delegation, enrolment, standards, vending};
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::Loaded;

/// Kinds that may resume: they need no second confirmation and remove nothing.
const RESUMABLE: [&str; 4] = [
    vending::PLAN_KIND,
    enrolment::PLAN_KIND,
    standards::PLAN_KIND,
    delegation::PLAN_KIND,
];

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plans {
    resume: Vec<String>,
}

impl Loaded {
    /// # Errors
    /// Exit 2 for a kind that cannot resume automatically.
    pub fn resumed_kinds(&self) -> Result<&[String], Failure> {
        let kinds = &self.config.plans.resume;
        if let Some(other) = kinds.iter().find(|it| !RESUMABLE.contains(&it.as_str())) {
            let failure = Failure::bad_input(format!(
                "`plans.resume`: plans of kind `{other}` are not resumed automatically"
            ));
            return Err(failure.help(format!(
                "these may: `{}`; the others need a second confirmation or remove access, and are left to `hallpass org plan \
                 resume`",
                RESUMABLE.join("`, `")
            )));
        }
        Ok(kinds)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::parse;
    use super::*;

    #[test]
    fn only_plans_that_take_nothing_away_go_on_by_themselves() {
        let loaded = |text: &str| Loaded {
            config: parse(text, "h.toml").unwrap(),
            folder: PathBuf::new(),
        };
        assert!(
            loaded("").resumed_kinds().unwrap().is_empty(),
            "the default"
        );
        for kind in RESUMABLE {
            let named = loaded(&format!("[plans]\nresume = [\"{kind}\"]\n"));
            assert_eq!(named.resumed_kinds().unwrap(), [kind]);
        }
        for kind in [
            "org.delegate.remove",
            "org.enroll.config",
            "org.vend.undo",
            "pci.delete",
            "outage.apply",
            "",
        ] {
            let refused = loaded(&format!("[plans]\nresume = [\"org.vend\", \"{kind}\"]\n"));
            let words = refused.resumed_kinds().unwrap_err().words();
            assert!(words.contains(&format!("`{kind}`")), "{words}");
        }
    }
}
