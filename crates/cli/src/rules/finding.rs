use hallpass_rules::Diagnostic;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::plain;

const LINE_SHOWN: usize = 100;
/// Characters before the marked place in a shortened line.
const LEAD: usize = 40;

/// `path:line:column: error[code]: message`, the line with a caret, and the help.
pub(super) fn shown(finding: &Diagnostic, text: &str) -> String {
    let whole = finding.to_string();
    let help = finding.help.as_ref();
    let head = help
        .and_then(|help| whole.strip_suffix(&format!("\n  help: {help}")))
        .unwrap_or(&whole);
    let mut shown = plain(head);
    if let Some(lines) = excerpt(finding, text) {
        shown.push('\n');
        shown.push_str(&lines);
    }
    if let Some(help) = help {
        shown.push_str("\n  help: ");
        shown.push_str(&plain(help));
    }
    shown
}

pub(super) fn detailed(failure: Failure, finding: &Diagnostic, text: &str) -> Failure {
    shown(finding, text).lines().fold(failure, Failure::detail)
}

fn excerpt(finding: &Diagnostic, text: &str) -> Option<String> {
    let row = usize::try_from(finding.position.line)
        .ok()?
        .checked_sub(1)?;
    let column = usize::try_from(finding.position.column)
        .ok()?
        .checked_sub(1)?;
    let line = text.trim_start_matches('\u{feff}').lines().nth(row)?;
    if line.trim().is_empty() {
        return None;
    }
    let is_cut = line.chars().count() > LINE_SHOWN;
    let skipped = if is_cut {
        column.saturating_sub(LEAD)
    } else {
        0
    };
    let window: String = line.chars().skip(skipped).take(LINE_SHOWN).collect();
    let before: String = window.chars().take(column - skipped).collect();
    let lead = if skipped > 0 { "…" } else { "" };
    let trail = if skipped + LINE_SHOWN < line.chars().count() {
        "…"
    } else {
        ""
    };
    let number = finding.position.line.to_string();
    let margin = " ".repeat(number.len());
    let indent = " ".repeat(plain(&before).chars().count() + lead.chars().count());
    Some(format!(
        "  {number} | {lead}{}{trail}\n  {margin} | {indent}^",
        plain(&window)
    ))
}

#[cfg(test)]
mod tests {
    use hallpass_rules::{RuleFile, load};

    use super::*;

    fn first(text: &str) -> String {
        let errors = load(&RuleFile::new("rules.json", text)).unwrap_err();
        shown(&errors[0], text)
    }

    #[test]
    fn the_line_is_shown_with_a_mark_under_the_place() {
        let text = "{\"statements\": [\n  {\"ResourceType\": \"Acount\", \"Resource\": \"*\",\n   \
                    \"PermissionSet\": \"*\", \"Approvers\": \"a@corp.com\"}]}\n";
        let shown = first(text);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(
            lines[0].starts_with("rules.json:2:20: error[bad-resource-type]: "),
            "{shown}"
        );
        assert_eq!(
            lines[1],
            "  2 |   {\"ResourceType\": \"Acount\", \"Resource\": \"*\","
        );
        assert_eq!(lines[2].find('^'), lines[1].find("\"Acount\""), "{shown}");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let people: Vec<String> = (0..60).map(|n| format!("\"p{n}@corp.com\"")).collect();
        let text = format!(
            "{{\"statements\": [{{\"ResourceType\": \"Account\", \"Resource\": \"*\", \
             \"PermissionSet\": \"*\", \"Approvers\": [{}, \"no-one\"]}}]}}",
            people.join(", ")
        );
        let shown = first(&text);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].chars().count() < LINE_SHOWN + 12, "{shown}");
        let caret = lines[2].chars().position(|c| c == '^').unwrap();
        let marked: String = lines[1].chars().skip(caret).take(8).collect();
        assert_eq!(marked, "\"no-one\"", "{shown}");
    }
}
