//! The adapters against the simulated services.

use std::sync::Arc;

use hallpass_access::{TicketComment, TicketSource};
use hallpass_aws_sim::organization::{self, OrganizationFile, StatedTicket, TicketService};
use hallpass_aws_sim::{Options, Simulator, serve};
use hallpass_base::clock::SystemClock;
use hallpass_rules::Assignee;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::tests::{KINDS, good_text};
use super::{TicketKind, TicketSettings, source};

const INES: &str = "ines.moreau@example.com";

const fn simulated(kind: TicketKind) -> (TicketService, &'static str, &'static str) {
    match kind {
        TicketKind::Jira => (TicketService::Jira, "jira", "OPS"),
        TicketKind::ServiceNow => (TicketService::ServiceNow, "service_now", "incident"),
        TicketKind::Github => (TicketService::Github, "github", "acme/ops"),
        TicketKind::Linear => (TicketService::Linear, "linear", "OPS"),
        TicketKind::Json => (TicketService::Json, "json", "ops"),
    }
}

/// More comments than one page has, of other people.
fn file() -> OrganizationFile {
    let ticket = |kind: TicketKind| {
        let (service, _, project) = simulated(kind);
        StatedTicket {
            service,
            key: good_text(kind).to_owned(),
            state: "In Progress".to_owned(),
            project: project.to_owned(),
            assignee: Some(INES.to_owned()),
            comments: (0..205).map(|n| format!("comment {n}")).collect(),
        }
    };
    OrganizationFile {
        tickets: KINDS.into_iter().map(ticket).collect(),
        ..organization::small()
    }
}

async fn simulator() -> String {
    let options = Options {
        organization: file(),
        ..Options::default()
    };
    let simulator = Simulator::new(options, Arc::new(SystemClock)).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, simulator, std::future::pending()));
    url
}

fn made(kind: TicketKind, url: &str) -> Arc<dyn TicketSource> {
    let (_, name, _) = simulated(kind);
    let place = match kind {
        TicketKind::Json => "/{ticket}",
        _ => "",
    };
    let settings = TicketSettings {
        kind,
        url: Some(format!("{url}/_tickets/{name}{place}")),
        user: None,
        token: Some(SecretString::from("simulated")),
        project: None,
    };
    source(&settings).unwrap()
}

async fn control(url: &str, path: &str, body: &Value) {
    let call = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = call.post(format!("{url}/_sim/{path}")).json(body).send();
    let answer = answer.await.unwrap();
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap()
    );
}

async fn comments(url: &str, kind: TicketKind) -> Vec<String> {
    let call = reqwest::Client::builder().no_proxy().build().unwrap();
    let state = call.get(format!("{url}/_sim/state?full=1")).send().await;
    let state: Value = serde_json::from_slice(&state.unwrap().bytes().await.unwrap()).unwrap();
    let tickets = state["file"]["tickets"].as_array().unwrap();
    let (_, name, _) = simulated(kind);
    let ticket = tickets.iter().find(|it| it["service"] == name).unwrap();
    let comments = ticket["comments"].as_array().unwrap().iter();
    comments.map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_simulated_services_answer_in_the_form_of_the_real_ones() {
    let url = simulator().await;
    for kind in KINDS {
        let source = made(kind, &url);
        let ticket = source.ticket(good_text(kind)).await.unwrap().unwrap();
        assert_eq!(ticket.key, good_text(kind));
        assert_eq!(ticket.state, "In Progress");
        assert_eq!(ticket.project, simulated(kind).2);
        assert_eq!(ticket.assignee, Assignee::Person(INES.parse().unwrap()));
        let other = good_text(kind).replace('7', "8");
        assert_eq!(source.ticket(&other).await, Ok(None), "{kind:?}");
        let error = json!({
            "kind": "error", "code": "down", "http": 503, "count": 1,
            "match": { "service": "tickets", "operation": simulated(kind).1 },
        });
        control(&url, "faults", &error).await;
        let fault = source.ticket(good_text(kind)).await.unwrap_err();
        assert_eq!(fault.0, "the service answered HTTP 503", "{kind:?}");
    }
}

#[tokio::test]
async fn a_comment_is_written_once_although_its_first_answer_was_lost() {
    let url = simulator().await;
    for kind in KINDS {
        let source = made(kind, &url);
        let comment = TicketComment {
            marker: "hallpass-grn_019b8f6a-granted".to_owned(),
            words: "Access began.".to_owned(),
        };
        // the last call of each writes
        let calls_before = match kind {
            TicketKind::Json => 0,
            TicketKind::Jira | TicketKind::Linear => 1,
            TicketKind::ServiceNow => 2,
            TicketKind::Github => 3,
        };
        let lost = json!({
            "kind": "drop_after_effect", "how": "reset", "count": 1, "skip": calls_before,
            "match": { "service": "tickets", "operation": simulated(kind).1 },
        });
        control(&url, "faults", &lost).await;
        let text = good_text(kind);
        let first = source.comment(text, &comment).await;
        assert_eq!(first.unwrap_err().0, "no connection", "{kind:?}");
        for _ in 0..2 {
            assert_eq!(source.comment(text, &comment).await, Ok(()), "{kind:?}");
        }
        let written = comments(&url, kind).await;
        assert_eq!(written.len(), 206, "{kind:?}");
        assert_eq!(
            written[205],
            "Access began.\n\n(hallpass-grn_019b8f6a-granted)"
        );
        let other = TicketComment {
            marker: "hallpass-grn_019b8f6a-ended".to_owned(),
            ..comment
        };
        assert_eq!(source.comment(text, &other).await, Ok(()), "{kind:?}");
        assert_eq!(comments(&url, kind).await.len(), 207, "{kind:?}");
        let gone = text.replace('7', "8");
        assert_eq!(source.comment(&gone, &other).await, Ok(()), "{kind:?}");
    }
}
