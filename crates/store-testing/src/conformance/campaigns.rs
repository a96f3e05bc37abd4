//! Campaigns and lines: stored over what was read, and lines only while their campaign is open.

use hallpass_access::{
    AnswerFilter, AnswerKind, Campaign, CampaignLine, CampaignState, Change, LineCount, LineFilter,
    LineUse, Write,
};

use super::Store;
use crate::{a_campaign, a_campaign_line, an_answered_line, at, campaign_id, person, user};

async fn write(
    store: &Store,
    campaigns: Vec<Write<Campaign>>,
    campaign_lines: Vec<Write<CampaignLine>>,
) -> bool {
    let change = Change {
        campaigns,
        campaign_lines,
        ..Change::default()
    };
    store.commit(change).await.is_ok()
}

async fn lines(store: &Store, n: u64, filter: LineFilter) -> Vec<u32> {
    let found = store.campaign_lines(campaign_id(n), &filter, 100).await;
    found.unwrap().iter().map(|it| it.number).collect()
}

fn closed(n: u64) -> Campaign {
    Campaign {
        state: CampaignState::Closed { at: at(9) },
        ..a_campaign(n)
    }
}

pub async fn a_campaign_is_written_over_what_was_read(store: Store) {
    assert_eq!(store.campaign(campaign_id(1)).await.unwrap(), None);
    for n in 1..=2 {
        assert!(write(&store, vec![Write::Insert(a_campaign(n))], vec![]).await);
        assert!(!write(&store, vec![Write::Insert(a_campaign(n))], vec![]).await);
    }
    assert!(write(&store, vec![Write::Update(closed(1))], vec![]).await);
    assert!(
        !write(&store, vec![Write::Update(closed(1))], vec![]).await,
        "stale"
    );
    let first = Campaign {
        version: 1,
        ..closed(1)
    };
    let all = store.campaigns(9).await.unwrap();
    assert_eq!(all, [a_campaign(2), first.clone()], "newest first");
    assert_eq!(store.campaigns(1).await.unwrap().len(), 1);
    assert_eq!(store.campaign(campaign_id(1)).await.unwrap(), Some(first));
}

pub async fn a_line_changes_only_while_its_campaign_is_open(store: Store) {
    let line = a_campaign_line(1, 1);
    let inserted = vec![Write::Insert(line.clone())];
    assert!(write(&store, vec![Write::Insert(a_campaign(1))], inserted.clone()).await);
    assert!(!write(&store, vec![], inserted).await, "twice");
    let answered = an_answered_line(1, 1, AnswerKind::Keep);
    assert!(write(&store, vec![], vec![Write::Update(answered.clone())]).await);
    assert!(
        !write(&store, vec![], vec![Write::Update(answered.clone())]).await,
        "stale"
    );
    let stored = CampaignLine {
        version: 1,
        ..answered
    };
    let late = vec![Write::Update(stored.clone())];
    assert!(!write(&store, vec![Write::Update(closed(1))], late.clone()).await);
    assert!(write(&store, vec![Write::Update(closed(1))], vec![]).await);
    assert!(!write(&store, vec![], late).await, "its campaign is closed");
    let filter = LineFilter::default();
    let found = store.campaign_lines(campaign_id(1), &filter, 9).await;
    assert_eq!(found.unwrap(), [stored]);
}

async fn six_lines(store: &Store) {
    let mut all: Vec<CampaignLine> = (1..=4).map(|it| a_campaign_line(1, it)).collect();
    all.push(an_answered_line(1, 5, AnswerKind::Remove));
    all[1].reviewer = person(900);
    all[2].holder = Some(person(77));
    all[3].used = LineUse::Never;
    all.push(a_campaign_line(2, 1));
    let inserted = all.into_iter().map(Write::Insert).collect();
    let campaigns = [1, 2].map(|it| Write::Insert(a_campaign(it))).to_vec();
    assert!(write(store, campaigns, inserted).await);
}

pub async fn lines_are_filtered(store: Store) {
    six_lines(&store).await;
    let every = LineFilter::default();
    let filtered = |make: fn(&mut LineFilter)| {
        let mut filter = LineFilter::default();
        make(&mut filter);
        filter
    };
    for (filter, expected) in [
        (every.clone(), vec![1, 2, 3, 4, 5]),
        (filtered(|it| it.after = 3), vec![4, 5]),
        (filtered(|it| it.reviewers = vec![user(900)]), vec![2]),
        (
            filtered(|it| it.reviewers = vec![user(900), user(800)]),
            vec![1, 2, 3, 4, 5],
        ),
        (filtered(|it| it.numbers = vec![4, 2, 9]), vec![2, 4]),
        (
            filtered(|it| it.answer = Some(AnswerFilter::Open)),
            vec![1, 2, 3, 4],
        ),
        (
            filtered(|it| it.answer = Some(AnswerFilter::Is(AnswerKind::Remove))),
            vec![5],
        ),
        (
            filtered(|it| it.answer = Some(AnswerFilter::Is(AnswerKind::Keep))),
            vec![],
        ),
        (filtered(|it| it.unused = true), vec![4]),
        (filtered(|it| it.text = "person77@".into()), vec![3]),
        (filtered(|it| it.text = "person__@".into()), vec![]),
        (filtered(|it| it.text = "%".into()), vec![]),
    ] {
        assert_eq!(
            lines(&store, 1, filter.clone()).await,
            expected,
            "{filter:?}"
        );
    }
    let first = store
        .campaign_lines(campaign_id(1), &every, 2)
        .await
        .unwrap();
    assert_eq!(first.len(), 2);
}

pub async fn lines_are_counted_by_reviewer_and_answer(store: Store) {
    six_lines(&store).await;
    let count = |reviewer, answer, lines| LineCount {
        reviewer: user(reviewer),
        answer,
        lines,
    };
    let mut expected = [
        count(800, None, 3),
        count(800, Some(AnswerKind::Remove), 1),
        count(900, None, 1),
    ];
    expected.sort();
    let counts = store.campaign_line_counts(campaign_id(1)).await.unwrap();
    assert_eq!(counts, expected);
    assert!(
        store
            .campaign_line_counts(campaign_id(3))
            .await
            .unwrap()
            .is_empty()
    );
}
