use std::sync::atomic::{AtomicBool, Ordering};

use hallpass_access::ReferencedPolicy;
use hallpass_base::TimeSpan;

use super::*;
use crate::fake_http::{FakeHttp, ReceivedRequest, ScriptedResponse, settings};

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const SUPPORT: &str = "arn:aws:iam::aws:policy/job-function/SupportUser";
const OWN_ONLY: &str = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess";

struct Moved(Mutex<Timestamp>);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

fn moved() -> Arc<Moved> {
    Arc::new(Moved(Mutex::new("2026-03-02T10:00:00Z".parse().unwrap())))
}

fn xml(status: u16, body: String) -> ScriptedResponse {
    (status, Vec::new(), body.into_bytes())
}

fn refusal(code: &str) -> ScriptedResponse {
    let body = format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
    );
    xml(403, body)
}

fn iam(asked: &ReceivedRequest) -> ScriptedResponse {
    let said = String::from_utf8(asked.body.to_vec()).unwrap();
    let value = |name: &str| {
        let pairs = said.split('&').filter_map(|it| it.split_once('='));
        let mut values = pairs.filter(|it| it.0 == name);
        values.next().map(|it| it.1.to_owned()).unwrap_or_default()
    };
    let name = value("PolicyArn");
    let name = name.rsplit("%2F").next().unwrap_or_default();
    if said.contains("Action=GetPolicyVersion") {
        assert_eq!(value("VersionId"), "v7", "{said}");
        return xml(
            200,
            format!(
                "<GetPolicyVersionResponse><GetPolicyVersionResult><PolicyVersion><Document>%7B%22{name}%22%3A1%7D</Document>\
                 <VersionId>v7</VersionId></PolicyVersion></GetPolicyVersionResult></GetPolicyVersionResponse>"
            ),
        );
    }
    xml(
        200,
        format!(
            "<GetPolicyResponse><GetPolicyResult><Policy><PolicyName>{name}</PolicyName><DefaultVersionId>v7</DefaultVersionId>\
             </Policy></GetPolicyResult></GetPolicyResponse>"
        ),
    )
}

fn of_aws(arn: &str) -> ManagedPolicy {
    ManagedPolicy {
        arn: arn.to_owned(),
        name: String::new(),
        document: None,
    }
}

fn set(managed: &[&str], boundary: Option<Boundary>) -> SetPolicies {
    SetPolicies {
        read_at: "2026-03-02T10:00:00Z".parse().unwrap(),
        session: TimeSpan::hours(1),
        inline: None,
        managed: managed.iter().map(|it| of_aws(it)).collect(),
        referenced: Vec::new(),
        boundary,
    }
}

fn texts(set: &SetPolicies) -> Vec<Option<&str>> {
    let managed = set.managed.iter();
    managed.map(|it| it.document.as_deref()).collect()
}

#[tokio::test]
async fn each_text_is_read_once_an_hour_for_all_sets_that_have_it() {
    let server = FakeHttp::start(iam).await;
    let clock = moved();
    let reader = ManagedTexts::new(settings(&server.url), clock.clone(), 1);
    let boundary = Some(Boundary::Managed(of_aws(OWN_ONLY)));
    let mut first = set(&[READ_ONLY, SUPPORT], boundary);
    reader.put_in(&mut first).await;
    let expected = [r#"{"ReadOnlyAccess":1}"#, r#"{"SupportUser":1}"#];
    assert_eq!(texts(&first), expected.map(Some));
    let Some(Boundary::Managed(boundary)) = &first.boundary else {
        panic!("{first:?}");
    };
    let own_only = boundary.document.as_deref();
    assert_eq!(own_only, Some(r#"{"ViewOnlyAccess":1}"#));
    assert_eq!(server.asked().len(), 6);

    let of_account = Boundary::Referenced(ReferencedPolicy {
        name: "own".to_owned(),
        path: "/".to_owned(),
    });
    let mut second = set(&[SUPPORT], Some(of_account.clone()));
    reader.put_in(&mut second).await;
    assert_eq!(texts(&second), [Some(r#"{"SupportUser":1}"#)]);
    assert_eq!(second.boundary, Some(of_account), "which each account has");
    assert_eq!(server.asked().len(), 6, "texts read before are used");

    for (hours, asked) in [(1, 8), (-3, 10)] {
        *clock.0.lock().unwrap() += SignedDuration::from_hours(hours);
        let mut later = set(&[SUPPORT], None);
        reader.put_in(&mut later).await;
        assert_eq!(texts(&later), [Some(r#"{"SupportUser":1}"#)]);
        assert_eq!(server.asked().len(), asked, "after {hours} h");
    }
}

/// An unreadable text does not affect others; the next read retries it.
#[tokio::test]
async fn a_text_that_is_refused_stays_away_and_is_asked_for_again() {
    let allowed = Arc::new(AtomicBool::new(false));
    let heeded = Arc::clone(&allowed);
    let server = FakeHttp::start(move |asked| {
        let said = String::from_utf8(asked.body.to_vec()).unwrap();
        if heeded.load(Ordering::SeqCst) || !said.contains("ReadOnly") {
            iam(asked)
        } else {
            refusal("AccessDenied")
        }
    })
    .await;
    let reader = ManagedTexts::new(settings(&server.url), moved(), 1);
    let mut found = set(&[READ_ONLY, SUPPORT], None);
    reader.put_in(&mut found).await;
    assert_eq!(texts(&found), [None, Some(r#"{"SupportUser":1}"#)]);
    allowed.store(true, Ordering::SeqCst);
    let mut found = set(&[READ_ONLY], None);
    reader.put_in(&mut found).await;
    assert_eq!(texts(&found), [Some(r#"{"ReadOnlyAccess":1}"#)]);
}

/// An IAM outage delays a page only briefly, and loses nothing already read.
#[tokio::test]
async fn a_silent_iam_leaves_what_was_read() {
    let server = FakeHttp::start(|asked| {
        let said = String::from_utf8(asked.body.to_vec()).unwrap();
        // retried until the timeout
        if said.contains("ReadOnly") {
            (503, Vec::new(), Vec::new())
        } else {
            iam(asked)
        }
    })
    .await;
    let reader = ManagedTexts::new(settings(&server.url), moved(), 1);
    let mut found = set(&[READ_ONLY, SUPPORT], None);
    reader.put_in(&mut found).await;
    assert_eq!(texts(&found), [None, Some(r#"{"SupportUser":1}"#)]);
}
