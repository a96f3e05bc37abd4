//! `organization.md` S-9: applying an export changes nothing.

use hallpass_org::standards::export;

use super::hubs::{FIRST, PCI, fixture};
use super::world::World;

#[tokio::test]
async fn applying_an_export_changes_nothing() {
    let world = World::new();
    world.apply(&fixture("org-standards.yaml")).await;
    world.hub(FIRST, "us-east-1", |it| {
        it.disabled.insert(
            (PCI.to_owned(), "EC2.19".to_owned()),
            Some("it's \"odd\": {x} #1".to_owned()),
        );
    });
    let ran = world.compare(&fixture("org-standards.yaml")).await;
    let text = export(&ran.facts);
    let before = world.writes();
    let again = world.apply(&text).await;
    assert!(again.report.is_none(), "{text}\n{:?}", again.rows);
    for row in &again.rows {
        assert!(
            row.is_as_wanted() && row.notes.is_empty() && row.reason_only.is_empty(),
            "{text}\n{row:?}"
        );
    }
    assert_eq!(world.writes(), before);
    // one default for a common setting, one override per exception
    assert_eq!(text.matches("match").count(), 4, "{text}");
    assert_eq!(text.matches("IAM.6").count(), 1, "{text}");
}
