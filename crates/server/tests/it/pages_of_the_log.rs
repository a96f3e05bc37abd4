//! Audit page: rows, exports and chain state.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use axum::http::{StatusCode, header};
use futures_util::StreamExt as _;
use hallpass_access::{AccessStore as _, Change, Directory, Origin};
use hallpass_audit::{
    AuditStore, Draft, Event, FoundRecords, Head, LogId, Record, RecordQuery, StoreFault,
};
use hallpass_base::{AuditId, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::browser::begin_session;
use crate::pages_visit::Visit;
use crate::signed_in::{At, server, server_with, text, words};
use crate::test_server::{TestServer, asking, directory, request, run};

async fn ask(server: &TestServer, person: &str, set: &str, reason: &str) {
    let mut wish = asking(set);
    wish["reason"] = json!(reason);
    let token = format!("{person}/all");
    let reply = server.post("/api/v1/requests", &token, &wish).await;
    assert!(reply.status.is_success(), "{reply:?}");
}

fn lines(reply: &str) -> Vec<Value> {
    reply
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn shown(at: &At<'_>, query: &str) -> BTreeSet<u64> {
    let link = regex::Regex::new(r"record=(\d+)#r").unwrap();
    let older =
        regex::Regex::new(r#"<a class="btn" href="(/audit\?[^"]*)">Load 50 older"#).unwrap();
    let mut seqs = BTreeSet::new();
    let mut path = format!("/audit?{query}");
    loop {
        let page = at.page(&path).await;
        let found = link
            .captures_iter(&page)
            .map(|found| found[1].parse::<u64>().unwrap());
        let before = seqs.len();
        seqs.extend(found);
        assert!(seqs.len() - before <= 50);
        match older.captures(&page) {
            Some(next) => path = next[1].replace("&amp;", "&").replace("&#38;", "&"),
            None => return seqs,
        }
    }
}

#[test]
fn an_export_holds_what_the_page_shows() {
    run(async {
        let server = server();
        for _ in 0..30 {
            for person in ["ana", "sam"] {
                ask(
                    &server,
                    person,
                    "Admin",
                    "Überprüfung of \"payments\" \\ back",
                )
                .await;
                let list = "/api/v1/requests?state=pending&role=mine";
                let mine = server.get(list, &format!("{person}/all")).await;
                let id = mine.json()["items"][0]["id"].as_str().unwrap().to_owned();
                let path = format!("/api/v1/requests/{id}/discard");
                server
                    .post(&path, &format!("{person}/all"), &Value::Null)
                    .await;
            }
        }
        ask(&server, "dee", "ReadOnly", "look").await;
        let aud = At::new(&server, "aud").await;
        let (ana, sam) = (At::new(&server, "ana").await, At::new(&server, "sam").await);
        for (at, query, least) in [
            (&aud, "", 120),
            (&aud, "q=ana%40corp", 60),
            (&aud, "q=ANA", 60),
            (&aud, "q=payments-prod&event=decisions", 120),
            (&aud, "q=%C3%BCberpr%C3%BCfung", 120),
            (&aud, "q=%22payments%22%20%5C", 120),
            (&aud, "event=request.discarded", 60),
            (&aud, "event=access", 1),
            (&aud, "from=2026-05-28&to=2026-05-28", 120),
            (&aud, "from=2026-05-29", 0),
            (&aud, "to=2026-05-27", 0),
            (&aud, "q=nowhere", 0),
            (&aud, "person=ana", 60),
            (&aud, "person=sam%40corp.example&account=payments", 60),
            (&ana, "person=sam", 0),
            (&ana, "", 60),
            (&ana, "q=sam", 0),
            (&sam, "event=request.created", 30),
        ] {
            let rows = shown(at, query).await;
            assert!(rows.len() >= least, "{query}: {}", rows.len());
            assert!(least > 0 || rows.is_empty(), "{query}: {rows:?}");
            let reply = at.get(&format!("/audit/export?format=jsonl&{query}")).await;
            assert_eq!(reply.status, StatusCode::OK);
            assert!(
                reply.headers[header::CONTENT_DISPOSITION]
                    .to_str()
                    .unwrap()
                    .starts_with("attachment")
            );
            let exported = lines(&text(&reply));
            let seqs: Vec<u64> = exported
                .iter()
                .map(|line| line["seq"].as_u64().unwrap())
                .collect();
            assert!(seqs.is_sorted());
            assert_eq!(seqs.into_iter().collect::<BTreeSet<_>>(), rows, "{query}");
            let csv = text(&at.get(&format!("/audit/export?format=csv&{query}")).await);
            assert_eq!(csv.matches("\r\n").count(), rows.len() + 1, "{query}");
        }
        let bad = aud.get("/audit/export?from=yesterday").await;
        assert_eq!(bad.status, StatusCode::BAD_REQUEST);
        assert!(words(&aud.page("/audit?from=yesterday").await).contains("is not a day"));
    });
}

#[test]
fn days_are_those_of_the_readers_zone_and_utc_until_the_browser_told() {
    run(async {
        let server = server();
        ask(&server, "ana", "ReadOnly", "look").await;
        let first = newest(&server).await;
        server.clock.advance(hallpass_base::TimeSpan::hours(2));
        ask(&server, "ana", "Admin", "look again").await;
        let last = newest(&server).await;
        assert!(first < last);
        let (before, after, all) = (1..=first, first + 1..=last, 1..=last);
        #[expect(clippy::reversed_empty_ranges, reason = "no record is of that day")]
        let none = 1..=0;
        for (zone, shown_as, days) in [
            ("", "UTC", [&all, &none]),
            ("nowhere/at_all", "UTC", [&all, &none]),
            ("Europe/Stockholm", "CEST", [&before, &after]),
            ("Europe%2FStockholm", "CEST", [&before, &after]),
            ("Pacific/Kiritimati", "+14", [&none, &all]),
            ("Pacific/Honolulu", "HST", [&all, &none]),
        ] {
            let aud = At::new(&server, "aud").await.in_zone(zone);
            let page = words(&aud.page("/audit").await);
            for said in [
                format!("Times and days are {shown_as};"),
                format!("From ({shown_as})"),
                format!("To ({shown_as})"),
            ] {
                assert!(page.contains(&said), "{zone}: {said}: {page}");
            }
            for (day, wanted) in ["2026-05-28", "2026-05-29"].into_iter().zip(days) {
                let wanted: BTreeSet<u64> = wanted.clone().collect();
                let query = format!("from={day}&to={day}");
                assert_eq!(shown(&aud, &query).await, wanted, "{zone} {day}");
                let export = format!("/audit/export?format=jsonl&{query}");
                let exported = lines(&text(&aud.get(&export).await));
                let seqs = exported.iter().filter_map(|line| line["seq"].as_u64());
                assert_eq!(seqs.collect::<BTreeSet<_>>(), wanted, "{zone} {day}");
            }
        }
    });
}

async fn newest(server: &TestServer) -> u64 {
    server.store.head().await.unwrap().unwrap().seq
}

#[test]
fn an_export_of_everything_verifies() {
    run(async {
        let server = server();
        ask(
            &server,
            "ana",
            "ReadOnly",
            "=HYPERLINK(\"http://evil.example\",\"a\")",
        )
        .await;
        let aud = At::new(&server, "aud").await;
        let exported = text(&aud.get("/audit/export?format=jsonl").await);
        let inputs = exported.lines().map(|line| hallpass_audit::Input {
            place: String::new(),
            named: None,
            bytes: line.as_bytes().to_vec(),
        });
        let verified = hallpass_audit::verify(inputs, &[]).unwrap();
        assert_eq!(verified.first, 1);
        let csv = text(&aud.get("/audit/export?format=csv").await);
        assert!(csv.contains("\"'=HYPERLINK("), "{csv}");
        assert!(
            !csv.contains(",=HYPERLINK") && !csv.contains("\"=HYPERLINK"),
            "{csv}"
        );
    });
}

#[test]
fn a_record_opens_with_its_neighbours_for_those_who_read_all() {
    run(async {
        let server = server();
        ask(&server, "ana", "ReadOnly", "look").await;
        ask(&server, "sam", "ReadOnly", "look").await;
        let aud = At::new(&server, "aud").await;
        let page = words(&aud.page("/audit?record=2").await);
        for said in [
            "Record 2:",
            "Its hash Matches",
            "Follows 1 Matches",
            "Followed by 3 Matches",
            "Rules then",
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
        let page = aud.page("/audit?record=2").await;
        let (_, rest) = page.split_once("?record=2#r\" aria-current").unwrap();
        let (below, _) = rest.split_once("?record=1#r").unwrap();
        assert!(below.contains("<section id=\"r\""), "{page}");
        assert_eq!(page.matches("<section id=\"r\"").count(), 1);
        let page = aud.page("/audit?q=ana&record=6").await;
        let (above, _) = page.split_once("<tbody").unwrap();
        assert!(above.contains("<section id=\"r\""), "{page}");
        let ana = At::new(&server, "ana").await;
        let page = words(&ana.page("/audit?record=1").await);
        assert!(
            page.contains("Record 1:") && !page.contains("Followed by"),
            "{page}"
        );
        assert!(!page.contains("The chain"), "{page}");
        let last = shown(&aud, "").await.into_iter().next_back().unwrap();
        for seq in [last, 999, 0] {
            let page = words(&ana.page(&format!("/audit?record={seq}")).await);
            assert!(page.contains("or not yours to see"), "{page}");
        }
    });
}

struct Tampered {
    store: Arc<dyn AuditStore>,
    seq: u64,
}

impl Tampered {
    fn change(&self, records: Vec<Record>) -> Vec<Record> {
        records
            .into_iter()
            .map(|record| {
                if record.seq() != self.seq {
                    return record;
                }
                let mut fields = record.fields().clone();
                fields.insert("reason".to_owned(), "something else".into());
                Record::parse(Value::Object(fields).to_string().as_bytes()).unwrap()
            })
            .collect()
    }
}

#[async_trait]
impl AuditStore for Tampered {
    async fn records_from(&self, seq: u64, limit: u32) -> Result<Vec<Record>, StoreFault> {
        Ok(self.change(self.store.records_from(seq, limit).await?))
    }

    async fn records_found(
        &self,
        query: &RecordQuery,
        limit: u32,
    ) -> Result<FoundRecords, StoreFault> {
        let found = self.store.records_found(query, limit).await?;
        Ok(FoundRecords {
            records: self.change(found.records),
            ..found
        })
    }

    async fn head(&self) -> Result<Option<Head>, StoreFault> {
        self.store.head().await
    }

    async fn exported(&self) -> Result<u64, StoreFault> {
        self.store.exported().await
    }

    async fn set_exported(&self, seq: u64) -> Result<(), StoreFault> {
        self.store.set_exported(seq).await
    }

    async fn log_id(&self) -> Result<Option<LogId>, StoreFault> {
        self.store.log_id().await
    }
}

async fn check(server: &TestServer, audit: &dyn AuditStore, whole: bool) {
    let now = Timestamp::from_second(1_780_000_000).unwrap();
    server.desk.check_chain(audit, now, whole).await;
}

#[test]
fn the_chain_is_said_to_be_whole_or_broken_and_where() {
    run(async {
        let server = server();
        for _ in 0..2 {
            ask(&server, "ana", "ReadOnly", "look").await;
            server.clock.advance(hallpass_base::TimeSpan::seconds(1));
        }
        let aud = At::new(&server, "aud").await;
        assert!(words(&aud.page("/audit").await).contains("Not checked yet"));
        check(&server, server.store.as_ref(), false).await;
        let page = words(&aud.page("/audit").await);
        assert!(
            page.contains("The chain is whole")
                && page.contains("none changed, missing or reordered"),
            "{page}"
        );
        assert!(page.contains(" UTC · none changed"), "{page}");
        let abroad = Visit::of(&server, "aud").await;
        let page = words(&abroad.page("/audit").await);
        assert!(page.contains(" CEST · none changed"), "{page}");
        server.clock.advance(hallpass_base::TimeSpan::hours(1));
        let page = words(&aud.page("/audit").await);
        assert!(page.contains("Not checked since"), "{page}");
        let tampered = Tampered {
            store: server.store.clone(),
            seq: 2,
        };
        check(&server, &tampered, false).await;
        assert!(server.desk.chain().fault.is_none());
        check(&server, &tampered, true).await;
        let page = words(&aud.page("/audit").await);
        assert!(
            page.contains("The chain is broken at record 2 (changed)"),
            "{page}"
        );
        assert!(
            page.contains("Records before it are sound. Stop and tell security."),
            "{page}"
        );
        check(&server, server.store.as_ref(), false).await;
        assert!(server.desk.chain().fault.is_some());
        let eve = At::new(&server, "eve").await;
        assert!(words(&eve.page("/health").await).contains("Record 2 is changed"));
        check(&server, server.store.as_ref(), true).await;
        assert!(server.desk.chain().fault.is_none());
    });
}

#[test]
fn a_broken_record_is_seen_on_its_own_page() {
    run(async {
        let server = server_with(|app| {
            app.audit = Arc::new(Tampered {
                store: Arc::clone(&app.audit),
                seq: 2,
            });
        });
        ask(&server, "ana", "ReadOnly", "look").await;
        let aud = At::new(&server, "aud").await;
        let page = words(&aud.page("/audit?record=2").await);
        assert!(page.contains("Its hash Does not match"), "{page}");
        let ana = At::new(&server, "ana").await;
        let reply = ana.post("/audit/check", &[]).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
    });
}

pub(crate) async fn much_is_recorded(server: &TestServer) {
    let now = server.now();
    let record = |number: u128| {
        let id = AuditId::new(Uuid::from_u128(number));
        Draft::new(
            id,
            Event::RemediationsPaused,
            now,
            "an operator",
            Origin::Cli,
        )
    };
    let change = Change {
        audit: (1..=1_500).map(record).collect(),
        ..Change::default()
    };
    server.store.commit(change).await.unwrap();
}

#[test]
fn an_export_ends_with_the_rights_of_who_reads_it() {
    run(async {
        for how in ["nothing", "signed out", "locked", "no auditor any more"] {
            let server = TestServer::new();
            much_is_recorded(&server).await;
            begin_session(&server, "aud", "secret").await;
            let cookie = [("cookie", "hallpass=secret")];
            let sent = request("GET", "/audit/export?format=jsonl", None, &cookie, None);
            let response = server.answer(sent).await;
            assert_eq!(response.status(), StatusCode::OK, "{how}");
            let mut pieces = response.into_body().into_data_stream();
            assert!(pieces.next().await.unwrap().is_ok(), "{how}");
            match how {
                "nothing" => {}
                "signed out" => {
                    server.sessions_end("aud").await;
                }
                "locked" => {
                    let lock = json!({"user": "aud@corp.example", "reason": "stolen"});
                    let locked = server.post("/api/v1/locks", "eve/all", &lock).await;
                    assert_eq!(locked.short(), "200");
                }
                _ => {
                    let mut now = directory(server.now()).snapshot().clone();
                    now.groups.retain(|group| group.name != "auditors");
                    server.directory_becomes(Directory::new(now));
                }
            }
            let second = pieces.next().await.unwrap();
            assert_eq!(second.is_ok(), how == "nothing", "{how}");
        }
    });
}
