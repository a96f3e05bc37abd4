use hallpass_access::{
    AnswerKind, Campaign, CampaignLine, CampaignState, LineAnswer, LineChange, LineUse,
    ReviewerSource, Unanswered,
};
use hallpass_base::CampaignId;

use crate::{account_key, at, email, names, person, sweep_id, uuid};

pub fn campaign_id(n: u64) -> CampaignId {
    CampaignId::new(uuid(n))
}

pub fn a_campaign(n: u64) -> Campaign {
    Campaign {
        id: campaign_id(n),
        name: format!("campaign {n}"),
        owner: person(9),
        scope: vec!["*/prod-*/*".to_owned()],
        reviewers: vec![ReviewerSource::Manager, ReviewerSource::Person(email(800))],
        unanswered: Unanswered::Keep,
        begun_at: at(n),
        due_at: at(n + 86_400),
        repeat_every: None,
        previous: None,
        sweep: sweep_id(n),
        listed_at: at(n),
        unread: 0,
        lines: 1,
        state: CampaignState::Open,
        version: 0,
    }
}

pub fn a_campaign_line(n: u64, number: u32) -> CampaignLine {
    CampaignLine {
        campaign: campaign_id(n),
        number,
        key: account_key(u64::from(number), 1),
        names: names(),
        holder: Some(person(u64::from(number))),
        first_seen: at(1),
        accepted: None,
        production: false,
        gives: Vec::new(),
        used: LineUse::Unknown,
        change: LineChange::New,
        reviewer: person(800),
        reviewer_by: Some(ReviewerSource::Manager),
        answer: None,
        version: 0,
    }
}

pub fn an_answered_line(n: u64, number: u32, answer: AnswerKind) -> CampaignLine {
    CampaignLine {
        answer: Some(LineAnswer {
            answer,
            reason: "on the team".to_owned(),
            rules: Vec::new(),
            by: person(800),
            at: at(2),
        }),
        ..a_campaign_line(n, number)
    }
}
