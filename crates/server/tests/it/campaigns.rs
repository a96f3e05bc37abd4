//! A campaign for the tables of who may do what: Ana's line, for Cai to review; Eve owns it, and it
//! is due.

use hallpass_access::{AccessStore as _, Campaign, CampaignLine, Change, Person, Write};
use hallpass_base::{Email, Timestamp, UserId};
use hallpass_store_testing::{a_campaign, a_campaign_line};

use crate::test_server::{TestServer, user_id};

fn person(name: &str) -> Person {
    Person {
        user: UserId::new(user_id(name)).unwrap(),
        email: Email::new(&format!("{name}@corp.example")).unwrap(),
        name: name.to_owned(),
    }
}

pub(crate) async fn begun(server: &TestServer) -> String {
    let campaign = Campaign {
        owner: person("eve"),
        due_at: Timestamp::UNIX_EPOCH,
        ..a_campaign(1)
    };
    let mut line = CampaignLine {
        holder: Some(person("ana")),
        reviewer: person("cai"),
        ..a_campaign_line(1, 1)
    };
    line.key.user = person("ana").user;
    let id = campaign.id.to_string();
    let change = Change {
        campaigns: vec![Write::Insert(campaign)],
        campaign_lines: vec![Write::Insert(line)],
        ..Change::default()
    };
    server.store.commit(change).await.unwrap();
    id
}
