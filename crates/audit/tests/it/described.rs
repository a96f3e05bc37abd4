//! The log's documentation page names exactly the existing events.

use std::collections::BTreeSet;
use std::path::Path;

use hallpass_audit::Event;

fn described(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut is_of_events = false;
    for line in page.lines() {
        let mut cells = line.split('|').skip(1);
        let first = cells.next().unwrap_or_default();
        is_of_events = line.starts_with('|') && (is_of_events || first.trim() == "event");
        if !is_of_events {
            continue;
        }
        let mut group = "";
        for name in first.split('`').skip(1).step_by(2) {
            let Some(rest) = name.strip_prefix('.') else {
                group = name.split('.').next().unwrap_or_default();
                found.insert(name.to_owned());
                continue;
            };
            found.insert(format!("{group}.{rest}"));
        }
    }
    found
}

#[test]
fn the_page_of_the_log_has_every_event_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/explanation/audit-log.md");
    let page = std::fs::read_to_string(path).unwrap();
    let known: BTreeSet<String> = Event::ALL.iter().map(|it| it.name().to_owned()).collect();
    assert_eq!(described(&page), known);
}
