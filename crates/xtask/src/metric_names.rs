//! Checks that every metric is documented: an undocumented one is not monitored.

use std::collections::BTreeMap;

use crate::breach::Breach;
use crate::syntax::crate_of;

pub(crate) const PAGE: &str = "docs/reference/http.md";

const COUNTED_BY: [&str; 4] = ["counter!(", "gauge!(", "histogram!(", "# TYPE "];

const PREFIX: &str = "hallpass_";

#[derive(Debug, Default)]
pub(crate) struct MetricNames(BTreeMap<String, (String, usize)>);

impl MetricNames {
    pub(crate) fn add(&mut self, path: &str, text: &str) {
        if crate_of(path).is_none_or(|name| name == "xtask") {
            return;
        }
        for mark in COUNTED_BY {
            for (at, _) in text.match_indices(mark) {
                let rest = text.get(at + mark.len()..).unwrap_or_default();
                let rest = rest.trim_start_matches(|c: char| c == '"' || c.is_whitespace());
                let name: String = rest.chars().take_while(|c| is_of_name(*c)).collect();
                if name.starts_with(PREFIX) {
                    let line = text.get(..at).unwrap_or_default().lines().count().max(1);
                    let place = (path.to_owned(), line);
                    self.0.entry(name).or_insert(place);
                }
            }
        }
    }

    pub(crate) fn check(&self, page: &str) -> Vec<Breach> {
        let named: Vec<&str> = page.split(|c| !is_of_name(c)).collect();
        let unnamed = self
            .0
            .iter()
            .filter(|(name, _)| !named.contains(&name.as_str()));
        let told = unnamed.map(|(name, (path, line))| {
            Breach::new(path, *line, format!("`{name}` has no row in `{PAGE}`"))
        });
        told.collect()
    }
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_without_a_row_is_told_where_it_is_first_counted() {
        let mut names = MetricNames::default();
        let text = "//! A.\n\nfn f() {\n    metrics::gauge!(\"hallpass_old_age\").set(1);\n    metrics::counter!(\n        \
                    \"hallpass_new_total\", \"a\" => b\n    ).increment(1);\n    let t = \"# TYPE hallpass_told gauge\\n\";\n}\n";
        names.add("crates/a/src/lib.rs", text);
        names.add(
            "crates/a/tests/it/main.rs",
            "counter!(\"hallpass_of_a_test\")",
        );
        let told = |page: &str| -> Vec<String> {
            let found = names.check(page);
            found.iter().map(ToString::to_string).collect()
        };
        let page = "| `hallpass_old_age{a}`, `hallpass_told` | how old |";
        let missing =
            "crates/a/src/lib.rs:5: `hallpass_new_total` has no row in `docs/reference/http.md`";
        assert_eq!(told(page), [missing]);
        let page = format!("{page} `hallpass_new_total_seconds`");
        assert_eq!(told(&page), [missing]);
        let page = format!("{page} `hallpass_new_total{{a}}`");
        assert_eq!(told(&page), [""; 0]);
    }
}
