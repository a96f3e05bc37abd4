//! The linter's reference page must match the program's tables. `BLESS=1` rewrites them.

use std::fmt::Write as _;

use hallpass_iam::lint::{LintCode, Severity};
use hallpass_iam::size::{ATTACHED, AttachmentPoint, LIMITS_DATE};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/lint.md");

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "\\<")
}

fn codes() -> String {
    let mut table =
        "| # | code | | fires when | what to do | example |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for rule in LintCode::ALL {
        let about = rule.about();
        let severity = match about.severity {
            Severity::Error => "E",
            Severity::Warning => "W",
            Severity::Info => "I",
        };
        let example = about.example.replace('|', "\\|");
        writeln!(
            table,
            "| {} | {} | {severity} | {} | {} | `{example}` |",
            about.number,
            about.name,
            cell(about.fires),
            cell(about.help),
        )
        .unwrap();
    }
    table
}

fn sizes() -> String {
    let mut table = format!(
        "Limits as of {LIMITS_DATE}; `--limit N` overrides.\n\n| type | what | limit | counted | |\n|---|---|---|---|---|\n"
    );
    for place in AttachmentPoint::ALL {
        let about = place.about();
        writeln!(
            table,
            "| `{}` | {} | {} | {} | {} |",
            about.name,
            about.what,
            about.limit,
            about.counted.as_str(),
            about.note
        )
        .unwrap();
    }
    table.push_str("\n| how many | usually | at most |\n|---|---|---|\n");
    for it in ATTACHED {
        writeln!(table, "| {} | {} | {} |", it.what, it.usual, it.most).unwrap();
    }
    table
}

fn with(page: &str, mark: &str, table: &str) -> String {
    let begin = page.find(&format!("<!-- {mark}: ")).unwrap();
    let begin = begin + page[begin..].find("-->\n").unwrap() + 4;
    let end = page.find(&format!("<!-- end of {mark} -->")).unwrap();
    format!("{}\n{table}\n{}", &page[..begin], &page[end..])
}

#[test]
fn the_reference_page_has_every_code_and_limit() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let wanted = with(&with(&page, "codes", &codes()), "sizes", &sizes());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PAGE, &wanted).unwrap();
        return;
    }
    assert_eq!(
        page, wanted,
        "docs/reference/lint.md differs; BLESS=1 writes it again"
    );
}
