//! What the search of the site reads: a script, since a page opened from a folder may load one and
//! may not load data. How it ranks is in `site.js`, and `e2e/docs_site.py` asks it.

use std::path::Path;

use serde_json::{Value, json};

use super::markdown::passages;

/// One page as the search knows it.
pub(crate) struct Searched<'a> {
    /// Where it is in the site.
    pub(crate) address: String,
    pub(crate) path: &'a Path,
    pub(crate) title: &'a str,
    /// The headings above it in the index.
    pub(crate) group: &'a str,
    /// Its item of the index, with the words that other products use.
    pub(crate) words: &'a str,
    pub(crate) text: &'a str,
}

/// What a hit weighs: who searches has a task first, and reads how the project is made last.
fn weight(path: &Path) -> f64 {
    let kinds = [
        ("docs/tutorials", 1.0),
        ("docs/how-to", 1.0),
        ("docs/operations", 1.0),
        ("docs/explanation", 0.9),
        ("docs/reference", 0.7),
        ("docs/spec", 0.3),
        ("docs/decisions", 0.2),
    ];
    let known = kinds.iter().find(|(folder, _)| path.starts_with(folder));
    known.map_or(0.4, |(_, weight)| *weight)
}

/// The script that defines the index of the search.
pub(crate) fn script(pages: &[Searched<'_>]) -> String {
    let pages: Vec<Value> = pages.iter().map(entry).collect();
    format!("window.searchIndex = {};\n", Value::from(pages))
}

fn entry(page: &Searched<'_>) -> Value {
    let parts: Vec<Value> = passages(page.text)
        .into_iter()
        .map(|part| {
            let words: Vec<&str> = part.words.split_whitespace().collect();
            json!([part.anchor, part.heading, words.join(" ")])
        })
        .collect();
    json!({
        "address": page.address,
        "title": page.title,
        "group": page.group,
        "words": page.words,
        "weight": weight(page.path),
        "parts": parts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_searched_by_its_parts() {
        let page = Searched {
            address: "docs/how-to/a.html".to_owned(),
            path: Path::new("docs/how-to/a.md"),
            title: "A",
            group: "How-to guides",
            words: "A (b)",
            text: "# A\n\nfor\n  you\n\n## C\n\n</script>\n",
        };
        let script = script(&[page]);
        let data = script.strip_prefix("window.searchIndex = ").unwrap();
        let data: Value = serde_json::from_str(data.trim_end().trim_end_matches(';')).unwrap();
        assert_eq!(data[0]["words"], "A (b)");
        assert_eq!(data[0]["weight"], 1.0);
        assert_eq!(
            data[0]["parts"],
            json!([["a", "A", "for you"], ["c", "C", ""]])
        );
    }
}
