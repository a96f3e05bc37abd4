use super::*;

fn changed(told: &SweepLooked) -> Vec<String> {
    let line = |it: &ChangedHolding| {
        let NamedHolding { names, holder } = &it.holding;
        format!("{names}: {holder}, {:?}, {}", it.change, it.kind.name())
    };
    assert_eq!(told.changed.more(), 0);
    told.changed.named.iter().map(line).collect()
}

/// `access.md` §10.5: a digest lists new or changed items, and counts the rest.
#[test]
fn a_digest_names_what_is_new_or_changed_and_counts_the_rest() {
    let (first, second) = (account_key(1, "ReadOnly"), account_key(2, "Admin"));
    let mut looks = Looks::new().with(&first);
    let told = |looks: &mut Looks, minute, earlier: Option<&Sweep>| {
        let found = looks.run(minute);
        let sweep = Sweep {
            id: id(looks.runs),
            trigger: Trigger::Check,
            mode: SweepMode::Report,
            reach: SweepReach::Rules,
            begun_at: at(minute),
            report: Some(found.report.clone()),
            consent: None,
            state: SweepState::Done { at: at(minute) },
            version: 0,
        };
        let told = looked(&sweep, &found.items, earlier, None).map(|(_, news)| {
            let DigestNews::Looked(looked) = news else {
                panic!("{news:?}")
            };
            *looked
        });
        (told, sweep)
    };
    let (news, sweep) = told(&mut looks, 0, None);
    let news = news.unwrap();
    assert_eq!(
        changed(&news),
        ["payments-prod / ReadOnly: ana, New, unknown"]
    );
    assert_eq!(news.unknown_as_before, 0);
    let inactive = LeftOut::InactiveAccounts { count: 1 };
    assert_eq!(news.left_out, [inactive, LeftOut::Entitlements]);
    let (news, sweep) = told(&mut looks, 20, Some(&sweep));
    assert_eq!(news, None, "nothing is new");
    let mut looks = looks.with(&second);
    let (news, sweep) = told(&mut looks, 40, Some(&sweep));
    let news = news.unwrap();
    assert_eq!(changed(&news), ["payments-prod / Admin: bo, New, unknown"]);
    assert_eq!(news.unknown_as_before, 1);
    looks.listing.seen.remove(&first);
    let (news, sweep) = told(&mut looks, 60, Some(&sweep));
    let gone = news.unwrap().gone;
    assert_eq!((gone.named.len(), gone.count), (1, 1));
    let NamedHolding { names, holder } = &gone.named[0];
    assert_eq!(
        format!("{names}: {holder}"),
        "payments-prod / ReadOnly: ana"
    );
    looks.listing.unread = vec![Unread {
        what: UnreadPlace::Group {
            group: GROUP.parse().unwrap(),
        },
        error: "AccessDenied".to_owned(),
    }];
    let (news, sweep) = told(&mut looks, 80, Some(&sweep));
    let news = news.unwrap();
    assert_eq!(
        (news.unread, news.unread_places),
        (1, looks.listing.unread.clone())
    );
    let (news, _) = told(&mut looks, 100, Some(&sweep));
    assert_eq!(news, None, "still unread, and said before");
}

#[test]
fn a_digest_names_twenty() {
    for (many, named, more) in [(0, 0, 0), (20, 20, 0), (21, 20, 1)] {
        let first = FirstOf::all(0..many);
        assert_eq!(first.named, (0..named).collect::<Vec<u64>>());
        assert_eq!((first.count, first.more()), (many, more));
    }
}
