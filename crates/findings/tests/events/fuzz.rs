//! Any text is an event or is refused.

use hallpass_findings::events::{EventKey, read_event};

#[test]
fn fuzz_envelope() {
    hallpass_base::testing::fuzz_target!("envelope", |input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        if let Ok(event) = read_event(&text) {
            assert!(EventKey::of_event(event.id.as_str()).is_some());
        }
        assert!(EventKey::of_message(&text).as_str().starts_with("message:"));
    });
}
