//! Metrics are known by their page: what code counts and nobody can look up is not watched.

use std::collections::BTreeMap;

use crate::breach::Breach;
use crate::syntax::crate_of;

/// The page with a row for each.
pub(crate) const PAGE: &str = "docs/reference/http.md";

/// What comes before the name of a metric.
const COUNTED_BY: [&str; 4] = ["counter!(", "gauge!(", "histogram!(", "# TYPE "];

/// How names begin.
const PREFIX: &str = "hallpass_";

/// The metrics of the sources, each with where it is first counted.
#[derive(Debug, Default)]
pub(crate) struct MetricNames(BTreeMap<String, (String, usize)>);

impl MetricNames {
    /// Takes those of one Rust file of `crates/NAME/src`; others do not count.
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

    /// Those that the page does not name.
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
        // the beginning of another name is no row
        let page = format!("{page} `hallpass_new_total_seconds`");
        assert_eq!(told(&page), [missing]);
        let page = format!("{page} `hallpass_new_total{{a}}`");
        assert_eq!(told(&page), [""; 0]);
    }
}
