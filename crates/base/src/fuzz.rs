use std::fmt::{Debug, Display};
use std::str::FromStr;

use crate::testing::{changed, in_time};
use crate::{
    AccountId, AuditId, CampaignId, Email, GrantId, GroupId, PermissionSetArn, PermissionSetName,
    RequestId, SweepId, TimeSpan, Timestamp, TokenId, UserId, text,
};

const SAMPLES: [&[u8]; 10] = [
    b"1d2h30m",
    b"01:30",
    b"45s",
    b"Mara.Lindqvist+on-call@corp.example",
    b"111122223333",
    b"9067d6b8-a0c1-70f6-4b5e-3f1d2c3b4a59",
    b"arn:aws:sso:::permissionSet/ssoins-7223b2c2a4a1b2c3/ps-0a1b2c3d4e5f6071",
    b"req_0193aaaaaaaa7aaa8aaaaaaaaaaaaaaa",
    b"2026-11-20T14:20:00.123456Z",
    "Jürgen\u{200d}\u{202e}x\r=1+1,\"株\"".as_bytes(),
];

fn reads_back<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        let again = read.to_string().parse::<T>().ok();
        assert_eq!(again.as_ref(), Some(&read), "{text:?}");
    }
}

#[test]
fn words_read_back_or_are_refused() {
    crate::testing::fuzz_target!("words", |input: &[u8]| {
        let bytes = changed(input, &SAMPLES, b"0123456789dhms:-_@.+ aT/");
        let text = String::from_utf8_lossy(&bytes);
        in_time(|| {
            reads_back::<Email>(&text);
            reads_back::<AccountId>(&text);
            reads_back::<GroupId>(&text);
            reads_back::<UserId>(&text);
            reads_back::<PermissionSetArn>(&text);
            reads_back::<PermissionSetName>(&text);
            reads_back::<RequestId>(&text);
            reads_back::<GrantId>(&text);
            reads_back::<AuditId>(&text);
            reads_back::<TokenId>(&text);
            reads_back::<SweepId>(&text);
            reads_back::<CampaignId>(&text);
            reads_back::<Timestamp>(&text);
        });
        if let Ok(span) = text.parse::<TimeSpan>() {
            let shown = span.to_string();
            let again: TimeSpan = shown.parse().expect("what is shown is a span");
            assert_eq!(again.to_string(), shown, "{text}");
            assert!(
                again <= span && span.as_seconds() - again.as_seconds() < 60,
                "{text}"
            );
            for at in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
                assert!(span.after(at) >= at && span.before(at) <= at, "{text}");
            }
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            let _ = TimeSpan::between(at, Timestamp::MAX).covers(at, Timestamp::MIN);
        }
    });
}

#[test]
fn nothing_hidden_gets_through() {
    crate::testing::fuzz_target!("shown", |input: &[u8]| {
        let bytes = changed(input, &SAMPLES, "\u{202e}\u{feff}\t\r\n=\"".as_bytes());
        let told = String::from_utf8_lossy(&bytes);
        in_time(|| {
            assert!(text::is_plain(&text::visible(&told)), "{told:?}");
            assert!(text::is_plain(&text::line(&told, 40)), "{told:?}");
            assert!(text::line(&told, 40).chars().count() <= 40, "{told:?}");
            assert!(text::is_plain(&text::written_out(&told)), "{told:?}");
            assert!(text::is_plain(&text::csv_cell(&told)), "{told:?}");
            let quoted = serde_json::to_string(&told).expect("text is JSON");
            let shown = text::json(&quoted);
            assert!(text::is_plain(&shown), "{told:?}");
            let again: String = serde_json::from_str(&shown).expect("still JSON");
            assert_eq!(again, told);
        });
    });
}
