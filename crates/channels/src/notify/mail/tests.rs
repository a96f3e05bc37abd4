//! Mail bytes for arbitrary text, and recipients.

use hallpass_access::{
    Alarm, AlarmKind, AlarmState, CredentialsAfterEnd, DigestNews, GrantState, LostAccess, News,
    Notice, RequestState,
};
use hallpass_base::{TargetNames, Timestamp};
use hallpass_store_testing::{
    a_digest, a_grant, a_notice, a_request, a_sweep, an_alert, approved, at, email, ended,
};
use proptest::prelude::*;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

struct Fixed(Timestamp);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn settings() -> MailSettings {
    MailSettings {
        url: "smtp://127.0.0.1:1?tls=none".to_owned().into(),
        from: "Hallpass <hallpass@example.com>".to_owned(),
        to_requesters: true,
        to_approvers: true,
        alerts: vec!["ops@example.com".to_owned()],
        public_url: "https://hallpass.example.com/".to_owned(),
    }
}

fn mail(settings: &MailSettings) -> Mail {
    Mail::new(settings, Arc::new(Fixed(at(900)))).unwrap()
}

fn told(news: News) -> NoticeContext {
    NoticeContext {
        number: 17,
        notice: Notice {
            news,
            to: vec![email(1), email(900)],
            ..a_notice(1)
        },
        attempts: 0,
        request: a_request(1),
        grant: None,
        used: None,
    }
}

fn over() -> News {
    News::Ended {
        credentials: CredentialsAfterEnd::NotSaid,
        error: None,
    }
}

fn granted(news: News, state: GrantState) -> NoticeContext {
    let mut told = told(news);
    told.request.state = approved(2);
    told.grant = Some(hallpass_access::Grant {
        state,
        ..a_grant(1)
    });
    told
}

fn written(told: &NoticeContext, to: &Email, reader: ReaderRole) -> String {
    let channel = mail(&settings());
    let letter = letter(told, reader, at(900));
    let id = told.request.id.to_string();
    let envelope = Envelope {
        from: &channel.from,
        to,
        number: told.number,
        about: &id,
        link: &format!("{}/requests/{id}", channel.public_url),
    };
    let bytes = envelope.seal(&letter).unwrap().formatted();
    String::from_utf8(bytes).unwrap()
}

fn headers(message: &str) -> Vec<&str> {
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    head.split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split_once(':').unwrap().0)
        .collect()
}

const HEADERS: [&str; 9] = [
    "From",
    "To",
    "Subject",
    "Message-ID",
    "References",
    "Auto-Submitted",
    "MIME-Version",
    "Date",
    "Content-Type",
];

fn subject(told: &NoticeContext, reader: ReaderRole) -> String {
    letter(told, reader, at(900)).subject
}

fn subjects_of_requests() -> Vec<(NoticeContext, &'static str)> {
    let in_state = |news, state| {
        let mut told = told(news);
        told.request.state = state;
        told
    };
    let (by, when) = (email(900), at(5));
    vec![
        (
            told(News::ReviewWanted),
            "Person requests ReadOnly in payments-prod, 2h",
        ),
        (
            told(News::Reminder),
            "Still waiting, 15m: Person requests ReadOnly in payments-prod, 2h",
        ),
        (
            told(News::Reviewed),
            "0 of 1 approvals: ReadOnly in payments-prod",
        ),
        (
            in_state(
                News::Denied,
                RequestState::Denied {
                    by: by.clone(),
                    at: when,
                    reason: None,
                },
            ),
            "Access denied: ReadOnly in payments-prod",
        ),
        (
            in_state(News::Discarded, RequestState::Discarded { by, at: when }),
            "Request discarded: ReadOnly in payments-prod",
        ),
        (
            in_state(News::Expired, RequestState::Expired { at: when }),
            "Request expired: ReadOnly in payments-prod",
        ),
        (
            in_state(
                News::Rejected,
                RequestState::Rejected {
                    at: when,
                    code: "too_long".to_owned(),
                    detail: "At most 1h.".to_owned(),
                },
            ),
            "Not possible: ReadOnly in payments-prod",
        ),
    ]
}

fn subjects_of_grants() -> Vec<(NoticeContext, &'static str)> {
    let active = |news| granted(news, GrantState::Active);
    let when = at(5);
    vec![
        (
            active(News::Approved),
            "Approved, setting up: ReadOnly in payments-prod",
        ),
        (
            active(News::Granted),
            "Access granted: ReadOnly in payments-prod, 2h",
        ),
        (
            active(News::Extended),
            "Extended: ReadOnly in payments-prod",
        ),
        (
            active(News::EndsSoon),
            "Ends in 1h 46m: ReadOnly in payments-prod",
        ),
        (
            granted(over(), ended(9)),
            "Access ended: ReadOnly in payments-prod",
        ),
        (
            granted(
                News::Lost {
                    how: LostAccess::RemovedElsewhere,
                },
                ended(9),
            ),
            "Access lost: ReadOnly in payments-prod",
        ),
        (
            granted(
                News::Failed,
                GrantState::Failed {
                    at: when,
                    error: "denied".to_owned(),
                },
            ),
            "Access failed: ReadOnly in payments-prod",
        ),
        (
            active(News::Stuck),
            "AWS refuses to remove access: ReadOnly in payments-prod, Person 1",
        ),
        (
            granted(News::SessionsLive { sessions: None }, ended(9)),
            "Sessions continue: ReadOnly in payments-prod, Person 1",
        ),
        (
            active(News::SetUpAgain),
            "Access is being set up again: ReadOnly in payments-prod",
        ),
        (
            granted(News::GuardActed { removal: None }, ended(9)),
            "The guard had to act: ReadOnly in payments-prod, Person 1",
        ),
        (
            active(News::BreakGlass),
            "Break-glass: Person took ReadOnly in payments-prod, 2h",
        ),
        (
            active(News::ReviewClosed),
            "Break-glass review closed: ReadOnly in payments-prod",
        ),
    ]
}

#[test]
fn subjects_can_be_read_in_a_list() {
    let rows = subjects_of_requests()
        .into_iter()
        .chain(subjects_of_grants());
    for (told, wanted) in rows {
        assert_eq!(subject(&told, ReaderRole::Requester), wanted);
    }
}

#[test]
fn an_approver_s_mail_has_what_a_decision_needs() {
    let mut told = told(News::ReviewWanted);
    told.request.reason = "the <queue> is stuck\nsince noon".to_owned();
    told.request.ticket = Some("OPS-1".to_owned());
    told.request.secondary_domain = true;
    let approver = letter(&told, ReaderRole::Approver, at(900));
    assert_eq!(approver.quote, Some(("Why", told.request.reason.clone())));
    let text = written(&told, &email(900), ReaderRole::Approver);
    for part in [
        "From: Hallpass <hallpass@example.com>",
        "To: person900@example.com",
        "Auto-Submitted: auto-generated",
        "> the <queue> is stuck",
        "> since noon",
        "the &#60;queue&#62; is stuck<br>since noon",
        "Ticket   OPS-1",
        "payments-prod #000000000001",
        "Check that this is the right person",
        "if no one decides",
        "https://hallpass.example.com/requests/req_",
        "Rule: prod.",
    ] {
        assert!(text.replace("=\r\n", "").contains(part), "{part}\n{text}");
    }
    let own = letter(&told, ReaderRole::Requester, at(900));
    assert_eq!(own.quote, None);
}

#[test]
fn a_repetition_has_the_same_id_and_others_have_another() {
    let id = |told: &NoticeContext, n| {
        let text = written(told, &email(n), ReaderRole::Approver);
        let line = text.lines().find(|line| line.starts_with("Message-ID:"));
        line.unwrap().to_owned()
    };
    let first = told(News::ReviewWanted);
    let mut second = first.clone();
    second.attempts = 7;
    assert_eq!(id(&first, 900), id(&second, 900));
    assert_ne!(id(&first, 900), id(&first, 901));
    second.number += 1;
    assert_ne!(id(&first, 900), id(&second, 900));
}

#[test]
fn everybody_gets_their_own_and_nobody_what_they_did() {
    let readers = |settings: &MailSettings, told: &NoticeContext| mail(settings).readers(told);
    let both = [
        (email(1), ReaderRole::Requester),
        (email(900), ReaderRole::Approver),
    ];
    let all = settings();
    assert_eq!(readers(&all, &told(News::Expired)), both);
    let no_approvers = MailSettings {
        to_approvers: false,
        ..settings()
    };
    assert_eq!(readers(&no_approvers, &told(News::Expired)), both[..1]);
    let no_requesters = MailSettings {
        to_requesters: false,
        ..settings()
    };
    assert_eq!(readers(&no_requesters, &told(News::Expired)), both[1..]);
    let mut discarded = told(News::Discarded);
    discarded.request.state = RequestState::Discarded {
        by: email(1),
        at: at(5),
    };
    assert_eq!(readers(&all, &discarded), both[1..]);
    let ops = Email::new("ops@example.com").unwrap();
    for news in [
        News::Stuck,
        News::SessionsLive { sessions: None },
        News::GuardActed { removal: None },
    ] {
        assert_eq!(
            readers(&all, &told(news)),
            [(ops.clone(), ReaderRole::Operator)]
        );
    }
}

#[tokio::test]
async fn what_was_overtaken_is_not_told() {
    let mut decided = told(News::ReviewWanted);
    decided.request.state = approved(2);
    let mut own = granted(News::Approved, GrantState::Scheduled);
    own.request.state = RequestState::Approved {
        by: email(1),
        at: at(2),
        approval: hallpass_access::Approval::NotRequired,
        comment: None,
    };
    for told in [
        decided,
        own,
        granted(News::Approved, GrantState::Active),
        granted(News::Granted, ended(9)),
        granted(News::EndsSoon, ended(9)),
    ] {
        assert_eq!(
            mail(&settings()).deliver(&told).await,
            Delivery::Done,
            "{told:?}"
        );
    }
    let open = mail(&settings()).deliver(&told(News::ReviewWanted)).await;
    assert!(matches!(open, Delivery::Again { .. }), "{open:?}");
}

#[tokio::test]
async fn sweeps_are_told_to_those_who_look_after_the_place_alone() {
    let told = DigestContext {
        number: 18,
        digest: hallpass_access::Digest {
            news: DigestNews::Text(
                "Check of today.\n- payments-prod / Admin: Bo\r\nBcc: x, new".to_owned(),
            ),
            ..a_digest(1)
        },
        attempts: 0,
        sweep: a_sweep(1),
    };
    let letter = digest_letter(&told.digest);
    assert_eq!(letter.headline, "Check of today.");
    assert_eq!(
        letter.notes,
        ["- payments-prod / Admin: Bo", "Bcc: x, new"],
        "as text"
    );
    let to = email(5);
    let sealed = Envelope {
        from: &mail(&settings()).from,
        to: &to,
        number: told.number,
        about: "swp_1",
        link: "https://hallpass.example.com/sweeps/swp_1",
    };
    let text = String::from_utf8(sealed.seal(&letter).unwrap().formatted()).unwrap();
    let mut found = headers(&text);
    found.sort_unstable();
    let mut wanted = HEADERS;
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    let nobody = MailSettings {
        alerts: Vec::new(),
        ..settings()
    };
    assert_eq!(mail(&nobody).deliver_digest(&told).await, Delivery::Done);
    let tried = mail(&settings()).deliver_digest(&told).await;
    assert!(matches!(tried, Delivery::Again { .. }), "{tried:?}");
}

#[tokio::test]
async fn alarms_are_told_to_those_who_look_after_the_place_when_they_begin_and_are_over() {
    let told = |state| AlarmContext {
        number: 19,
        alarm: Alarm {
            alarm: AlarmKind::ClocksDisagree,
            state,
            since: at(5),
            at: at(130),
            text: "the server's clock is 15m behind AWS's.".to_owned(),
        },
        attempts: 0,
    };
    let begun = alarm_letter(&told(AlarmState::Begun).alarm);
    assert_eq!(
        begun.subject,
        "Alarm: The clocks disagree: no access is given"
    );
    assert_eq!(
        begun.notes,
        ["What to do: docs/operations/runbooks/clock-wrong.md."]
    );
    let over = alarm_letter(&told(AlarmState::Over).alarm);
    assert_eq!(
        over.subject,
        "Over: The clocks disagree: no access is given"
    );
    assert_eq!(over.headline, "the server's clock is 15m behind AWS's.");
    let nobody = MailSettings {
        alerts: Vec::new(),
        ..settings()
    };
    let told = told(AlarmState::Begun);
    assert_eq!(mail(&nobody).deliver_alarm(&told).await, Delivery::Done);
    let tried = mail(&settings()).deliver_alarm(&told).await;
    assert!(matches!(tried, Delivery::Again { .. }), "{tried:?}");
}

#[tokio::test]
async fn alerts_are_told_to_those_who_look_after_the_place() {
    let told = AlertContext {
        number: 21,
        alert: an_alert(),
        attempts: 0,
    };
    let nobody = MailSettings {
        alerts: Vec::new(),
        ..settings()
    };
    assert_eq!(mail(&nobody).deliver_alert(&told).await, Delivery::Done);
    let tried = mail(&settings()).deliver_alert(&told).await;
    assert!(matches!(tried, Delivery::Again { .. }), "{tried:?}");
}

const HANGS_UP: &str = "";

async fn answering(
    mailbox: &'static str,
    answer: &'static str,
) -> (SecretString, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}?tls=none", listener.local_addr().unwrap());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let register = Arc::clone(&taken);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, mailbox, answer, Arc::clone(&register)));
        }
    });
    (url.into(), taken)
}

async fn converse(
    stream: TcpStream,
    mailbox: &str,
    answer: &str,
    register: Arc<Mutex<Vec<String>>>,
) {
    let (from, mut to) = stream.into_split();
    let mut lines = BufReader::new(from).lines();
    to.write_all(b"220 here\r\n").await.unwrap();
    let (mut recipient, mut is_text) = (String::new(), false);
    while let Ok(Some(line)) = lines.next_line().await {
        let said = match (line.as_str(), line.strip_prefix("RCPT TO:<")) {
            (".", _) => {
                is_text = false;
                register.lock().unwrap().push(recipient.clone());
                "250 taken"
            }
            _ if is_text => continue,
            (_, Some(rest)) => {
                recipient = rest.split('>').next().unwrap_or_default().to_owned();
                if recipient == mailbox {
                    answer
                } else {
                    "250 known"
                }
            }
            ("DATA", _) => {
                is_text = true;
                "354 go on"
            }
            _ => "250 well",
        };
        if said == HANGS_UP {
            return;
        }
        if to
            .write_all(format!("{said}\r\n").as_bytes())
            .await
            .is_err()
        {
            return;
        }
    }
}

#[tokio::test]
async fn a_mailbox_that_takes_no_mail_keeps_nobody_else_s_back() {
    let told = told(News::ReviewWanted);
    let (first, second) = (email(1).to_string(), email(900).to_string());
    for (answer, is_again, wanted) in [
        ("450 come again", true, vec![second.clone()]),
        ("451 come again", true, vec![second.clone()]),
        ("452 it is full", true, vec![second.clone()]),
        ("552 it is full", true, vec![second.clone()]),
        ("554 not today", true, vec![second.clone()]),
        ("550 nobody", false, vec![second.clone()]),
        ("556 no mail there", false, vec![second.clone()]),
        ("501 bad address", false, vec![second.clone()]),
        ("504 not fully qualified", false, vec![second.clone()]),
        // the attempt stops; the next one begins with the other recipient
        ("421 closing", true, vec![second.clone()]),
        ("530 sign in first", true, vec![second.clone()]),
        (HANGS_UP, true, vec![second.clone()]),
        ("250 known", false, vec![first, second]),
    ] {
        let (url, taken) = answering("person1@example.com", answer).await;
        let channel = mail(&MailSettings { url, ..settings() });
        let tried = channel.deliver(&told).await;
        let again = matches!(tried, Delivery::Again { .. });
        assert_eq!(again, is_again, "{answer}: {tried:?}");
        if again {
            channel.deliver(&told).await;
        } else {
            assert_eq!(tried, Delivery::Done, "{answer}");
        }
        assert_eq!(*taken.lock().unwrap(), wanted, "{answer}");
    }
}

#[tokio::test]
async fn an_address_that_the_server_cannot_take_keeps_no_other_mail_back() {
    let mut told = told(News::ReviewWanted);
    told.notice.to = vec![Email::new("jörg@example.com").unwrap(), email(900)];
    let (url, taken) = answering("", "").await;
    let channel = mail(&MailSettings { url, ..settings() });
    assert_eq!(channel.deliver(&told).await, Delivery::Done);
    assert_eq!(*taken.lock().unwrap(), [email(900).to_string()]);
}

#[test]
fn mails_of_access_that_stood_before_do_not_say_that_it_ends() {
    let mut told = granted(News::Granted, GrantState::Active);
    let ends = letter(&told, ReaderRole::Requester, at(900)).headline;
    assert!(ends.contains("automatically"), "{ends}");
    told.grant.as_mut().unwrap().standing = true;
    let stays = letter(&told, ReaderRole::Requester, at(900)).headline;
    assert!(
        stays.contains("will not end it") && !stays.contains("automatically"),
        "{stays}"
    );
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for (key, settings) in [
        (
            "from",
            MailSettings {
                from: "nobody".to_owned(),
                ..settings()
            },
        ),
        (
            "alerts",
            MailSettings {
                alerts: vec!["ops".to_owned()],
                ..settings()
            },
        ),
        (
            "url",
            MailSettings {
                url: "x".to_owned().into(),
                ..settings()
            },
        ),
    ] {
        let error = Mail::new(&settings, Arc::new(Fixed(at(0)))).err().unwrap();
        assert_eq!(error.key, key, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// For any text, a message has the expected headers once each, and is well formed: no bare
    /// carriage returns, no line over 998 bytes (RFC 5322 §2.1.1).
    #[test]
    fn no_text_adds_a_header(
        name in any::<String>(),
        reason in any::<String>(),
        account in "(\\PC|\r|\n|\t|Bcc: |\u{202e}){0,200}",
        set in "(\\PC|\r\n|[\\x00-\\x1f]){0,300}",
        ticket in any::<String>(),
    ) {
        let mut told = told(News::ReviewWanted);
        told.request.requester.name = name;
        told.request.reason = reason;
        told.request.ticket = Some(ticket);
        told.request.names = TargetNames::Account { account, permission_set: set };
        let text = written(&told, &email(900), ReaderRole::Approver);
        let mut found = headers(&text);
        found.sort_unstable();
        let mut wanted = HEADERS;
        wanted.sort_unstable();
        prop_assert_eq!(found, wanted);
        for line in text.split("\r\n") {
            prop_assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
            prop_assert!(line.len() <= 998);
        }
    }
}
