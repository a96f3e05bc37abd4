//! Checks specification citations in comments and prose: `access.md` §7.2, `simulator.md` R-11,
//! promise P9. Each names a page of `docs/spec/` and an existing part.

use crate::breach::Breach;
use crate::spec::{PROMISES, Spec, is_rule, outside_fences, page_name};
use crate::texts::has_extension;

/// A comment or paragraph. A section belongs to the page named last in it.
struct Passage {
    text: String,
    lines: Vec<(usize, usize)>,
}

impl Passage {
    fn new() -> Self {
        Self {
            text: String::new(),
            lines: Vec::new(),
        }
    }

    fn push(&mut self, number: usize, line: &str) {
        self.lines.push((self.text.len(), number));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn line(&self, at: usize) -> usize {
        let begun = self.lines.partition_point(|(start, _)| *start <= at);
        let line = begun.checked_sub(1).and_then(|index| self.lines.get(index));
        line.map_or(1, |(_, number)| *number)
    }
}

pub(crate) fn check(spec: &Spec, path: &str, text: &str) -> Vec<Breach> {
    let mut findings = Vec::new();
    for passage in passages(path, text) {
        let mut reader = CitationReader {
            spec,
            page: page_name(path).map(str::to_owned),
            unknown: None,
            attached: false,
            named_rule: false,
            wrong: Vec::new(),
        };
        for word in words(&passage.text) {
            reader.word(&passage.text, word);
        }
        for (at, message) in reader.wrong {
            findings.push(Breach::new(path, passage.line(at), message));
        }
    }
    findings
}

fn passages(path: &str, text: &str) -> Vec<Passage> {
    if has_extension(path, "md") {
        let lines = outside_fences(text);
        let lines = lines.map(|(index, line)| (index, Some(line).filter(|it| !is_blank(it))));
        return gathered(lines, begins_a_passage);
    }
    if has_extension(path, "rs") {
        let lines = text.lines().enumerate();
        return gathered(lines.map(|(index, line)| (index, remark(line))), |_| false);
    }
    if has_extension(path, "py") {
        return gathered(python(text).into_iter().enumerate(), |_| false);
    }
    if ["sql", "sh", "toml", "yaml"]
        .iter()
        .any(|it| has_extension(path, it))
    {
        let lines = text.lines().enumerate();
        let lines = lines.map(|(index, line)| {
            let line = line.trim_start();
            (index, line.strip_prefix('#').or(line.strip_prefix("--")))
        });
        return gathered(lines, |_| false);
    }
    Vec::new()
}

fn gathered<'a>(
    lines: impl Iterator<Item = (usize, Option<&'a str>)>,
    begins: fn(&str) -> bool,
) -> Vec<Passage> {
    let mut found = Vec::new();
    let mut open: Option<Passage> = None;
    for (index, line) in lines {
        if line.is_some_and(begins) {
            found.extend(open.take());
        }
        match line {
            Some(line) => open.get_or_insert_with(Passage::new).push(index + 1, line),
            None => found.extend(open.take()),
        }
    }
    found.extend(open);
    found
}

/// Table rows and list items are separate passages.
fn begins_a_passage(line: &str) -> bool {
    let item = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with('|') || item.starts_with("- ") || item.starts_with(". ")
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

fn remark(line: &str) -> Option<&str> {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") {
        return Some(trimmed.trim_start_matches(['/', '!']));
    }
    line.split_once(" // ").map(|(_, remark)| remark)
}

fn python(text: &str) -> Vec<Option<&str>> {
    let mut inside = false;
    text.lines()
        .map(|line| {
            let was_inside = inside;
            let marks = line.matches("\"\"\"").count();
            inside ^= marks % 2 == 1;
            if was_inside || marks > 0 {
                return Some(line);
            }
            let comment = line.trim_start().strip_prefix('#');
            comment.or(line.split_once("  # ").map(|(_, remark)| remark))
        })
        .collect()
}

#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    at: usize,
}

/// Splits words of letters, digits, `.`, `-` and `_`; a final full stop stays.
fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let mut begin = 0;
    let pieces = text.split_inclusive(move |c| !is_part(c));
    pieces
        .map(move |piece| {
            let at = begin;
            begin += piece.len();
            let text = piece.trim_end_matches(|c| !is_part(c));
            Word { text, at }
        })
        .filter(|word| !word.text.is_empty())
}

/// Returns whether a following section is an RFC's: `RFC 5322 §3.6.4`.
fn names_an_rfc(before: &str) -> bool {
    let mut back = before.trim_end_matches('§').split_whitespace().rev();
    let number = back.next().unwrap_or_default();
    let digits = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    digits && back.next().is_some_and(|word| word.ends_with("RFC"))
}

struct CitationReader<'a> {
    spec: &'a Spec,
    page: Option<String>,
    unknown: Option<String>,
    /// Whether only citations and conjunctions followed the page's name.
    attached: bool,
    named_rule: bool,
    wrong: Vec<(usize, String)>,
}

impl CitationReader<'_> {
    fn word(&mut self, text: &str, word: Word<'_>) {
        let before = text.get(..word.at).unwrap_or_default();
        let plain = word.text.trim_end_matches(['.', '-']);
        if before.ends_with('§') {
            self.section(word.at, before, plain);
        } else if has_extension(plain, "md") {
            self.page(word.at, before, plain);
        } else if is_rule(plain) {
            self.rule(word.at, plain);
        } else {
            self.named_rule = ["rule", "rules", "row", "rows"].contains(&plain);
            self.attached &= self.named_rule || ["and", "to", "or"].contains(&plain);
            return;
        }
        self.named_rule = false;
        self.attached &= !word.text.ends_with('.');
    }

    fn page(&mut self, at: usize, before: &str, name: &str) {
        let in_spec = before.strip_suffix("spec/");
        if before.ends_with("](") || before.ends_with('/') && in_spec.is_none() {
            self.attached = false;
            return;
        }
        let alone = in_spec.is_none_or(|it| it.ends_with(['/', '(']));
        self.attached = true;
        if self.spec.page(name).is_none() {
            self.unknown = Some(name.to_owned());
            return;
        }
        if !alone {
            self.add(at, format!("write `{name}` alone, as everywhere"));
        }
        self.unknown = None;
        self.page = Some(name.to_owned());
    }

    fn cited(&self, what: &str) -> Result<Option<&str>, String> {
        match &self.unknown {
            Some(name) if self.attached => {
                Err(format!("there is no `docs/spec/{name}` for {what}"))
            }
            Some(_) | None => Ok(self.page.as_deref()),
        }
    }

    fn section(&mut self, at: usize, before: &str, number: &str) {
        if names_an_rfc(before) {
            self.attached = false;
            return;
        }
        let digits = number.find(|c: char| !(c.is_ascii_digit() || c == '.'));
        let number = number.get(..digits.unwrap_or(number.len())).unwrap_or("");
        let number = number.trim_end_matches('.');
        let cited = self.cited(&format!("§{number}"));
        let is_ours = cited.is_ok();
        let message = match cited {
            Err(message) => Some(message),
            Ok(None) => Some(format!(
                "say which page §{number} is of: `access.md` §{number}"
            )),
            Ok(Some(name)) => {
                let page = self.spec.page(name);
                let known = page.is_some_and(|page| page.has_section(number));
                (!known).then(|| format!("`docs/spec/{name}` has no §{number}"))
            }
        };
        self.wrong.extend(message.map(|message| (at, message)));
        self.unknown = self.unknown.take().filter(|_| !is_ours);
        self.attached = true;
    }

    fn rule(&mut self, at: usize, name: &str) {
        let hyphen = name.contains('-');
        match self.cited(name) {
            Err(message) if hyphen => return self.add(at, message),
            Ok(Some(page)) => {
                let known = self.spec.page(page);
                if known.is_some_and(|known| known.has_rule(name)) {
                    return;
                }
                let meant = hyphen || known.is_some_and(|known| known.has_series(name));
                if self.attached && meant {
                    let message = format!("`docs/spec/{page}` has no {name}");
                    return self.add(at, message);
                }
            }
            Err(_) | Ok(None) => {}
        }
        self.rule_alone(at, name);
    }

    /// Handles a rule without a page: a promise, or an ambiguous citation.
    fn rule_alone(&mut self, at: usize, name: &str) {
        let is_promise = name.starts_with('P') && !name.contains('-');
        let promises = self.spec.page(PROMISES).filter(|_| is_promise);
        if let Some(promises) = promises {
            if !promises.has_rule(name) {
                let message = format!("there is no promise {name} in `docs/spec/{PROMISES}`");
                self.add(at, message);
            }
            return;
        }
        let is_cited = name.contains('-') || self.named_rule;
        let page = self.spec.with_rule(name).next();
        if let Some(page) = page.filter(|_| is_cited) {
            let message = format!("say which page {name} is of: `{page}` {name}");
            self.add(at, message);
        } else if self.named_rule {
            self.add(at, format!("no page of `docs/spec/` has {name}"));
        }
    }

    fn add(&mut self, at: usize, message: String) {
        self.wrong.push((at, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        let mut spec = Spec::default();
        let pages = [
            (
                "access.md",
                "## 7. D\n\n1. a\n2. b\n\n## 20. H\n\n- V-1 x\n- V-2 y\n\n| A01 | z |\n",
            ),
            (
                "simulator.md",
                "## 2. S\n\n### 2.10 T\n\n- R-1 x\n- R-11 y\n",
            ),
            (
                "design.md",
                "## 2. P\n\n- **P1 Ends on time.** so\n- **P9 Nothing silent.** so\n",
            ),
        ];
        for (name, text) in pages {
            assert_eq!(spec.add(&format!("docs/spec/{name}"), text), []);
        }
        spec
    }

    fn found(comment: &str) -> Vec<String> {
        let all = check(&spec(), "a.rs", comment);
        all.iter()
            .map(|it| format!("{}: {}", it.line, it.message))
            .collect()
    }

    const CITATIONS: &[(&str, &str)] = &[
        ("/// `access.md` §7.2.", ""),
        ("/// So it is (`access.md` §7, V-1).", ""),
        (
            "/// `access.md` §7.3",
            "1: `docs/spec/access.md` has no §7.3",
        ),
        ("/// `access.md` §9.", "1: `docs/spec/access.md` has no §9"),
        (
            "/// `nothing.md` §7",
            "1: there is no `docs/spec/nothing.md` for §7",
        ),
        ("/// by §7.2", "1: say which page §7.2 is of"),
        ("//! `access.md` §7 and §20; `simulator.md` §2.10, so", ""),
        (
            "//! `access.md` §7, §2.10",
            "1: `docs/spec/access.md` has no §2.10",
        ),
        (
            "/// `access.md` §7.1 says so\n/// and that, §7.9",
            "2: `docs/spec/access.md` has no §7.9",
        ),
        (
            "/// `access.md` §7.1\nfn a() {}\n/// §7.2",
            "3: say which page §7.2 is of",
        ),
        ("/// `simulator.md` R-11", ""),
        ("/// `simulator.md` R-1 to R-11.", ""),
        (
            "/// `simulator.md` R-1 to R-12.",
            "1: `docs/spec/simulator.md` has no R-12",
        ),
        (
            "/// `access.md` R-11",
            "1: `docs/spec/access.md` has no R-11",
        ),
        ("/// `access.md` A01", ""),
        (
            "/// `access.md` §7, A02",
            "1: `docs/spec/access.md` has no A02",
        ),
        (
            "/// `other.md` R-1",
            "1: there is no `docs/spec/other.md` for R-1",
        ),
        (
            "/// as it is (R-11)",
            "1: say which page R-11 is of: `simulator.md` R-11",
        ),
        (
            "/// row A01",
            "1: say which page A01 is of: `access.md` A01",
        ),
        ("/// (rule R-99)", "1: no page of `docs/spec/` has R-99"),
        ("/// (rows V-1 and V-3)", "1: say which page V-1 is of"),
        ("/// (promise P9)", ""),
        ("/// (P1, P9)", ""),
        ("/// `design.md` §2: P1", ""),
        ("/// (promise P13)", "1: there is no promise P13"),
        (
            "/// `design.md` §2: P13",
            "1: `docs/spec/design.md` has no P13",
        ),
        ("/// `spec/access.md` §7", "1: write `access.md` alone"),
        ("/// [`docs/spec/access.md`](../docs/spec/access.md)", ""),
        (
            "/// RFC 5322 §3.6.4, P-256, UTF-8, S3, `access.md` of old",
            "",
        ),
        ("/// `access.md` §7 in S3, P-256", ""),
        (
            "/// RFC 5322 §3.6.4 and\n/// §3",
            "2: say which page §3 is of",
        ),
    ];

    #[test]
    fn each_form_of_a_citation_resolves_or_is_told() {
        for (comment, expected) in CITATIONS {
            let found = found(comment).join("; ");
            assert!(found.starts_with(*expected), "{comment}: {found}");
            assert_eq!(found.is_empty(), expected.is_empty(), "{comment}: {found}");
        }
    }

    #[test]
    fn comments_and_prose_are_read_and_programs_are_not() {
        let rows: &[(&str, &str, &[usize])] = &[
            (
                "a.rs",
                concat!("const A: &str = \"§9\";\nlet b = 1; /", "/ §9\n"),
                &[2],
            ),
            ("a.rs", "let a = \"(R-11)\";\n    /// (R-11)\n", &[2]),
            (
                "a.py",
                "check(\"R-11\", \"§9\")\n# R-11\nx = 1  # §9\n",
                &[2, 3],
            ),
            ("a.py", "\"\"\"One.\n\nTwo §9\n\"\"\"\nx = \"R-11\"\n", &[3]),
            (
                "a.md",
                "See §9.\n\n```\n§9\n```\n\n`access.md`\n§9 and\n\n§7\n",
                &[1, 8, 10],
            ),
            (
                "a.md",
                "| `access.md` §7 |\n| §7 |\n- §7\n1. §7\n",
                &[2, 3, 4],
            ),
            ("a.md", "`access.md` as `b.md` says, §7\n", &[]),
            (
                "a.md",
                "`access.md`, as in [1](how-to/b.md) and [2](c.md), §7, §9\n",
                &[1],
            ),
            (
                "docs/spec/access.md",
                "§7 and §9, and\n`simulator.md` R-2\n",
                &[1, 2],
            ),
            ("a.sql", "-- R-11\nSELECT '§9';\n", &[1]),
            ("a.toml", "# §9\na = \"R-11\"\n", &[1]),
            ("a.json", "{\"§9\": \"R-11\"}\n", &[]),
        ];
        for (path, text, expected) in rows {
            let found = check(&spec(), path, text);
            let lines: Vec<usize> = found.iter().map(|it| it.line).collect();
            assert_eq!(lines, *expected, "{text}");
        }
    }
}
