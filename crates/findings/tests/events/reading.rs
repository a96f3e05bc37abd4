use hallpass_findings::events::read_event;

#[test]
fn envelopes_are_read_and_what_is_none_is_refused_with_why() {
    let bare = r#"{"id":"e1","source":"aws.x","detail-type":"Y","account":"1","region":"r","time":"2026-03-02T10:00:05Z","detail":{"a":1}}"#;
    let wrapped = serde_json::json!({ "Type": "Notification", "Message": bare }).to_string();
    let event = read_event(bare).unwrap();
    assert_eq!(
        (
            event.id.as_str(),
            event.source.as_str(),
            event.detail_type.as_str()
        ),
        ("e1", "aws.x", "Y")
    );
    assert_eq!(
        (
            event.region.as_str(),
            event.time.unwrap().to_string().as_str()
        ),
        ("r", "2026-03-02T10:00:05Z")
    );
    assert_eq!(read_event(&wrapped).unwrap(), event);
    for (text, expected) in [
        ("", "the message is no JSON"),
        ("[]", "the event has no `id`"),
        (
            r#"{"id":"","source":"s","detail-type":"d","detail":{}}"#,
            "the event has no `id`",
        ),
        (
            r#"{"id":"a b","source":"s","detail-type":"d","detail":{}}"#,
            "the event has no `id`",
        ),
        (
            r#"{"id":"a","detail-type":"d","detail":{}}"#,
            "the event has no `source`",
        ),
        (
            r#"{"id":"a","source":"s","detail":{}}"#,
            "the event has no `detail-type`",
        ),
        (
            r#"{"id":"a","source":"s","detail-type":"d"}"#,
            "the event has no `detail`",
        ),
        (
            r#"{"Type":"Notification"}"#,
            "the notification has no `Message`",
        ),
        (
            r#"{"Type":"Notification","Message":"x"}"#,
            "the message is no JSON",
        ),
    ] {
        let error = read_event(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}
