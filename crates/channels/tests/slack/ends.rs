//! AWS's expiry enforcement in a request's message.

use hallpass_access::{ArmedEndStatus, Directory, Grant, GrantState, Request, UnseenEnd};
use hallpass_base::TimeSpan;
use hallpass_channels::slack::{Marks, Scene, Setup, draw};
use hallpass_rules::directory::Snapshot;
use hallpass_store_testing::{a_grant, a_request, approved, at};

/// Renders the last line about access until [`at`]`(3_600)`.
fn footer(armed: Option<ArmedEndStatus>, second: u64, standing: bool) -> String {
    let request = Request {
        state: approved(1),
        ..a_request(1)
    };
    let grant = Grant {
        state: GrantState::Active,
        granted_at: Some(at(5)),
        ends_at: at(3_600),
        standing,
        ..a_grant(1)
    };
    let setup = Setup {
        channel: "C1".to_owned(),
        dm_outside_channel: true,
        announce_end: true,
        marks: Marks::default(),
        account_notes: [].into(),
        contact: "platform@corp.example".to_owned(),
        public_url: "https://h.example".to_owned(),
        portal_url: "https://portal.example/start".to_owned(),
        zone: jiff::tz::TimeZone::UTC,
    };
    let drawn = draw(&Scene {
        request: &request,
        grant: Some(&grant),
        requester: None,
        directory: &Directory::new(Snapshot::default()),
        setup: &setup,
        now: at(second),
        place: None,
        region_lost: None,
        armed,
    });
    let blocks = serde_json::to_value(&drawn.blocks).unwrap();
    let last = blocks.as_array().unwrap().last().unwrap();
    let text = last["elements"][0]["text"].as_str().unwrap();
    let parts: Vec<&str> = text.split(" · ").collect();
    let parts = parts[1..parts.len() - 1].join(" · ");
    let mut pieces = parts.split("<!date^").map(str::to_owned);
    let first = pieces.next().unwrap();
    let others = pieces.map(|it| it.split_once('|').unwrap().1.replacen('>', "", 1));
    others.fold(first, |text, piece| text + &piece)
}

#[test]
fn the_message_says_what_aws_does_about_the_end() {
    let after = |seconds| TimeSpan::seconds(seconds).after(at(3_600));
    let armed = |until, moves_to, unmoved: Option<&str>| {
        Some(ArmedEndStatus::Armed {
            until,
            seen: at(0),
            moves_to,
            unmoved: unmoved.map(str::to_owned),
            unseen: None,
        })
    };
    let not_armed = |moves_to| {
        Some(ArmedEndStatus::NotArmed {
            why: "AWS had not taken it in time: no answer <!channel>".to_owned(),
            unseen: Some(UnseenEnd {
                from: at(3_600),
                moves_to,
            }),
        })
    };
    for (row, armed, second, wanted) in [
        ("it is not to be armed", None, 10, ""),
        (
            "armed",
            armed(after(60), None, None),
            10,
            "AWS itself refuses it after 01:01 UTC, even without Hallpass",
        ),
        (
            "and over",
            armed(after(60), None, None),
            3_700,
            "AWS itself refuses it since 01:01 UTC",
        ),
        (
            "it moves",
            armed(at(3_600), Some(after(3_600)), None),
            10,
            "AWS itself refuses it after 01:00 UTC, even without Hallpass · Being extended to 02:00 UTC: AWS does \
             not have that end yet.",
        ),
        (
            "it does not move",
            armed(at(3_600), Some(after(3_600)), Some("denied")),
            10,
            "AWS itself refuses it after 01:00 UTC, even without Hallpass · Approved until 02:00 UTC, but AWS \
             refuses it from the earlier end on: denied. This is tried again.",
        ),
        (
            "not armed",
            not_armed(None),
            10,
            "AWS does not enforce its expiry: AWS had not taken it in time: no answer &lt;!channel&gt;. Hallpass \
             still ends it",
        ),
        (
            "as far as known",
            not_armed(Some(after(3_600))),
            10,
            "AWS does not enforce its expiry: AWS had not taken it in time: no answer &lt;!channel&gt;. Hallpass \
             still ends it · Approved until 02:00 UTC, but AWS may refuse it from the earlier end on: AWS had not \
             taken it in time: no answer &lt;!channel&gt;. This is tried again.",
        ),
    ] {
        assert_eq!(footer(armed, second, false), wanted, "{row}");
    }
    let stays = footer(armed(after(60), None, None), 10, true);
    assert_eq!(stays, "", "it is not Hallpass that ends it");
}
