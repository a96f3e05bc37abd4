//! Previews match results: with random rules and people, every preview is followed by the request,
//! and every offered or hidden press is tried.

use hallpass_access::identity::Authentication;
use hallpass_access::{
    AccessError, AccessStore, ActionRefused, Actor, Approving, Asking, Extending, GrantState,
    HeldAccess, Locking, Preview, PreviewOutcome, Request, RequestFilter, RequestOutcome,
    RequestRefused, RequestVerdict, Wanted,
};
use hallpass_base::{Clock, TimeSpan, UserId};
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{Habits, Human, World};
use proptest::prelude::*;

use crate::acting::{grants, run};

const WHY: &str = "customers cannot pay and no one answers";

#[derive(Default)]
struct Compared(std::collections::BTreeMap<String, u32>);

impl Compared {
    fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }
}

#[derive(Clone, Debug)]
enum Deed {
    Ask(Whom, usize, Length),
    Extend(usize, Length),
    Press(Whom, usize, RequestPress),
    PressGrant(Whom, usize, GrantPress),
    Rules(Vec<String>),
    Lock(Human, bool),
    Lists(bool),
    Enable(Human, bool),
    Wait(u64),
}

#[derive(Clone, Copy, Debug)]
struct Whom {
    human: Human,
    own: bool,
    second_domain: bool,
    signed_in: bool,
}

#[derive(Clone, Copy, Debug)]
enum Length {
    Seconds(u64),
    Longest,
    BeyondLongest,
    BelowShortest,
}

#[derive(Clone, Copy, Debug)]
enum RequestPress {
    Approve,
    Deny,
    Discard,
    BreakGlass,
    CloseReview,
}

#[derive(Clone, Copy, Debug)]
enum GrantPress {
    Release,
    Revoke,
    Extend,
}

const SETS: [&str; 7] = [
    "Admin", "Root", "Admin", "Root", "Admin", "oncall", "Nothing",
];

fn rule() -> impl Strategy<Value = String> {
    let people = |fewest, most| {
        proptest::sample::subsequence(Human::ALL.to_vec(), fewest..=most).prop_map(|people| {
            let named: Vec<String> = people
                .iter()
                .map(|human| format!("'{}@corp.example'", human.name()))
                .collect();
            format!("[{}]", named.join(", "))
        })
    };
    let flag = |name: &'static str| {
        proptest::sample::select(vec!["", "", "", "true", "false"]).prop_map(move |value| {
            if value.is_empty() {
                String::new()
            } else {
                format!("{name} = {value}\n")
            }
        })
    };
    let target = proptest::sample::select(vec![
        "accounts = '*'\npermission_sets = '*'\n",
        "accounts = '*'\npermission_sets = '*'\n",
        "accounts = '*'\npermission_sets = 'Admin'\n",
        "accounts = '*'\npermission_sets = 'Root'\n",
        "groups = ['oncall']\n",
    ]);
    let limit = proptest::sample::select(vec![
        "",
        "",
        "max_duration = '2h'\n",
        "max_duration = '30m'\nshorten_to_max_duration = true\n",
        "fresh_sign_in = '10m'\n",
        "min_approvals = 2\n",
        "ticket_pattern = '^OPS-'\n",
        "min_approvals = 2\n",
    ]);
    let asks = prop_oneof![3 => Just(None), 1 => people(0, 4).prop_map(Some)];
    let glass = prop_oneof![1 => Just(None), 1 => people(1, 5).prop_map(Some)];
    (
        target,
        prop_oneof![1 => people(0, 1), 4 => people(2, 5)],
        asks,
        glass,
        flag("allow_self_approval"),
        flag("approval_is_not_required"),
        limit,
    )
        .prop_map(|(target, approvers, asks, glass, own, none, limit)| {
            let asks = asks.map_or_else(String::new, |who| format!("allowed_users = {who}\n"));
            let glass = glass.map_or_else(String::new, |who| format!("break_glass = {who}\n"));
            format!("[[rule]]\n{target}approvers = {approvers}\n{asks}{glass}{own}{none}{limit}")
        })
}

fn whom() -> impl Strategy<Value = Whom> {
    let human = proptest::sample::select(Human::ALL.to_vec());
    (human, 0_u8..16, any::<bool>()).prop_map(|(human, domain, signed_in)| Whom {
        human,
        own: domain > 10,
        second_domain: domain == 0,
        signed_in,
    })
}

fn length() -> impl Strategy<Value = Length> {
    prop_oneof![
        8 => (60_u64..10_000).prop_map(Length::Seconds),
        2 => Just(Length::Longest),
        2 => Just(Length::BeyondLongest),
        1 => Just(Length::BelowShortest),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    use {GrantPress as G, RequestPress as R};
    let press = proptest::sample::select(vec![
        R::Approve,
        R::Approve,
        R::Deny,
        R::Discard,
        R::BreakGlass,
        R::CloseReview,
        R::CloseReview,
    ]);
    let grant_press = proptest::sample::select(vec![G::Release, G::Revoke, G::Extend]);
    let human = || proptest::sample::select(Human::ALL.to_vec());
    prop_oneof![
        8 => (whom(), 0..SETS.len(), length()).prop_map(|(who, set, length)| Deed::Ask(who, set, length)),
        2 => (any::<usize>(), length()).prop_map(|(n, length)| Deed::Extend(n, length)),
        12 => (whom(), any::<usize>(), press).prop_map(|(who, n, press)| Deed::Press(who, n, press)),
        5 => (whom(), any::<usize>(), grant_press).prop_map(|(who, n, press)| Deed::PressGrant(who, n, press)),
        2 => proptest::collection::vec(rule(), 1..4).prop_map(Deed::Rules),
        1 => (human(), any::<bool>()).prop_map(|(human, on)| Deed::Lock(human, on)),
        1 => any::<bool>().prop_map(Deed::Lists),
        1 => (human(), any::<bool>()).prop_map(|(human, on)| Deed::Enable(human, on)),
        3 => prop_oneof![1_u64..20, Just(1000), Just(5000)].prop_map(Deed::Wait),
    ]
}

impl Whom {
    fn or_whose(self, world: &World, user: &UserId) -> Self {
        let mut all = Human::ALL.into_iter().filter(|_| self.own);
        let own = all.find(|human| world.actor(*human).is_user(user));
        Self {
            human: own.unwrap_or(self.human),
            ..self
        }
    }
}

fn actor(world: &World, who: Whom) -> Actor {
    let at = world.clock.now();
    Actor {
        secondary_domain: who.second_domain,
        authentication: who.signed_in.then_some(Authentication { at, acr: None }),
        ..world.actor(who.human)
    }
}

fn wanted(set: &str) -> Wanted {
    match set {
        "oncall" => Wanted::Group { group: set.into() },
        set => Wanted::Account {
            account: "payments-prod".into(),
            permission_set: set.into(),
        },
    }
}

fn code(error: &AccessError) -> &'static str {
    match error {
        AccessError::Refused(why) => why.code(),
        AccessError::NotFound(_) => "not-found",
        other => panic!("{other:?}"),
    }
}

fn span(length: Length, preview: &Preview) -> TimeSpan {
    let limits = preview.limits();
    let (shortest, longest) = (limits.shortest(), limits.longest());
    match length {
        Length::Seconds(seconds) => TimeSpan::seconds(seconds),
        Length::Longest => longest,
        Length::BeyondLongest => TimeSpan::seconds(longest.as_seconds() + 1),
        Length::BelowShortest => TimeSpan::seconds(shortest.as_seconds() - 1),
    }
}

fn compare(
    shown: &PreviewOutcome,
    (preview, waiting): (&Preview, Option<&Request>),
    came: Result<&RequestOutcome, &AccessError>,
    compared: &mut Compared,
) {
    let row = format!("shown {shown:?}, came {came:?}");
    match (shown, came) {
        (PreviewOutcome::NotNow(why), Err(error)) => {
            assert_eq!(why.code(), code(error), "{row}");
            compared.count(format!("ask: {}", why.code()));
        }
        (PreviewOutcome::Refused(why), Ok(RequestOutcome::Rejected(_, refusal))) => {
            assert_eq!(why.code(), refusal.code, "{row}");
            if let RequestRefused::Fields(fields) = why {
                assert_eq!(*fields, refusal.fields, "{row}");
            }
            compared.count(format!("ask: {}", why.code()));
        }
        (PreviewOutcome::Request(_), Ok(RequestOutcome::AlreadyPending(request))) => {
            assert_eq!(waiting.map(|it| it.id), Some(request.id), "{row}");
            compared.count("ask: waits already");
        }
        (
            PreviewOutcome::Request(RequestVerdict::Granted(shown)),
            Ok(RequestOutcome::Approved(..)),
        ) => {
            let Ok(RequestOutcome::Approved(request, _)) = came else {
                unreachable!()
            };
            let hallpass_access::RequestState::Approved { approval, .. } = &request.state else {
                panic!("{row}");
            };
            assert_eq!((shown, waiting.is_some()), (approval, false), "{row}");
            compared.count(format!("ask: {shown:?}"));
        }
        (
            PreviewOutcome::Request(
                verdict @ (RequestVerdict::Waits | RequestVerdict::BreakGlassOnly),
            ),
            Ok(RequestOutcome::Pending(request)),
        ) => {
            let approvers: Vec<_> = preview.decision.approvers.iter().cloned().collect();
            assert_eq!(request.decided.approvers, approvers, "{row}");
            let needed = preview.decision.approvals_needed;
            assert_eq!(request.decided.approvals_needed, needed, "{row}");
            let is_glass = request.decided.kind.name() == "NoApprovers";
            assert_eq!(
                is_glass,
                *verdict == RequestVerdict::BreakGlassOnly,
                "{row}"
            );
            assert!(waiting.is_none(), "{row}");
            compared.count(format!("ask: {verdict:?}"));
        }
        _ => panic!("{row}"),
    }
}

async fn ask(world: &World, who: Whom, set: &str, length: Length, compared: &mut Compared) {
    let (access, actor, wanted) = (&world.access, actor(world, who), wanted(set));
    let preview = access.preview(&actor, &wanted).await.unwrap();
    let duration = match &preview {
        Ok(preview) => span(length, preview),
        Err(_) => TimeSpan::hours(1),
    };
    let asking = Asking {
        wanted,
        duration,
        reason: "disk is full".into(),
        ticket: Some("OPS-1".into()),
        starts_at: None,
        confirmed: Vec::new(),
    };
    let came = access.ask(&actor, &asking, None).await;
    match (&preview, &came) {
        (Ok(preview), came) => {
            let (shown, waiting) = (preview.asking(duration), preview.waiting.as_ref());
            compare(&shown, (preview, waiting), came.as_ref(), compared);
        }
        (Err(problems), Ok(RequestOutcome::Rejected(_, refusal))) => {
            assert_eq!(*problems, refusal.fields);
            compared.count("ask: no such target");
        }
        (Err(_), Err(AccessError::Refused(_))) => {}
        (Err(problems), came) => panic!("{problems:?}, came {came:?}"),
    }
}

async fn extend(world: &World, n: usize, length: Length, compared: &mut Compared) {
    let all = grants(world).await;
    let Some(grant) = all.get(n % all.len().max(1)) else {
        return;
    };
    let human = Human::ALL.into_iter();
    let mut human =
        human.filter(|human| world.actor(*human).user.as_ref() == Some(&grant.key.user));
    let Some(human) = human.next() else { return };
    let (access, actor) = (&world.access, world.actor(human));
    let request = world.store.request(grant.request).await.unwrap().unwrap();
    let preview = access.preview(&actor, &request.wanted).await.unwrap();
    let preview = preview.unwrap();
    let Some(held) = preview
        .held
        .as_ref()
        .filter(|held| held.grant.id == grant.id)
    else {
        return;
    };
    let duration = span(length, &preview);
    let extending = Extending::by(duration);
    let came = access.extend(&actor, grant.id, extending, None).await;
    let (shown, waiting) = (preview.extending(duration), held.waiting.as_ref());
    compare(&shown, (&preview, waiting), came.as_ref(), compared);
    compared.count("extend");
}

async fn press_once(
    world: &World,
    actor: &Actor,
    request: &Request,
    press: RequestPress,
    shorter: Option<TimeSpan>,
) -> Result<(), AccessError> {
    let (access, id) = (&world.access, request.id);
    match press {
        RequestPress::Approve => {
            let approving = Approving {
                seen: Some(request.seen()),
                comment: Some(WHY),
                duration: shorter,
                confirmed: &[],
            };
            access.approve_with(actor, id, approving, None).await
        }
        RequestPress::Deny => access.deny(actor, id, Some("no"), None).await,
        RequestPress::Discard => access.discard(actor, id, None).await,
        RequestPress::BreakGlass => access.break_glass(actor, id, WHY, None).await,
        RequestPress::CloseReview => access.close_review(actor, id, None, None).await,
    }
    .map(drop)
}

/// Checks shown = allowed; a refusal names the same reason, or nothing if it is hidden.
fn agree(
    what: &str,
    shown: &Result<(), ActionRefused>,
    came: &Result<(), AccessError>,
    compared: &mut Compared,
) {
    let row = format!("{what}: shown {shown:?}, came {came:?}");
    match (shown, came) {
        (Ok(()), Ok(())) => compared.count(format!("{what}: done")),
        (Err(shown), Err(came)) => {
            let (shown, came) = (shown.code(), code(came));
            assert!(came == shown || came == "not-found", "{row}");
            compared.count(format!("{what}: {shown}"));
        }
        _ => panic!("{row}"),
    }
}

async fn press(world: &World, who: Whom, n: usize, press: RequestPress, compared: &mut Compared) {
    let all = world.store.requests(&RequestFilter::default(), 100).await;
    let mut all = all.unwrap().rows;
    let now = world.clock.now();
    all.sort_by_key(|request| match press {
        RequestPress::CloseReview => !request.has_open_review(),
        _ => !request.is_waiting(now),
    });
    let few = all.len().min(if n.is_multiple_of(8) { 100 } else { 2 });
    let Some(request) = all.get(n % few.max(1)) else {
        return;
    };
    let who = who.or_whose(world, &request.requester.user);
    let actor = actor(world, who);
    let shown = world.access.presses(&actor, request).await.unwrap();
    let glass = world
        .access
        .break_glass_offers(&actor, request)
        .await
        .unwrap();
    // a list reads less, so the reason may differ
    for (list, page) in [
        (&glass.break_glass, &shown.glass.break_glass),
        (&glass.close_review, &shown.glass.close_review),
    ] {
        assert_eq!(
            list.is_ok(),
            page.is_ok(),
            "{list:?} in a list, {page:?} on a page"
        );
    }
    // each offered shorter duration can be approved
    let shorter = shown.shorter.get(n % (shown.shorter.len() + 1)).copied();
    let shown = match press {
        RequestPress::Approve => shown.approve,
        RequestPress::Deny => shown.deny,
        RequestPress::Discard => shown.discard,
        RequestPress::BreakGlass => shown.glass.break_glass,
        RequestPress::CloseReview => shown.glass.close_review,
    };
    let mut came = press_once(world, &actor, request, press, shorter).await;
    if matches!(
        &came,
        Err(AccessError::Refused(ActionRefused::SignInAgain { .. }))
    ) {
        // the press requires a sign-in, which the preview assumes
        compared.count("signed in on the way");
        let signed_in = Whom {
            signed_in: true,
            ..who
        };
        came = press_once(
            world,
            &self::actor(world, signed_in),
            request,
            press,
            shorter,
        )
        .await;
    }
    if let (Ok(()), RequestPress::Approve, Some(shorter)) = (&came, press, shorter) {
        let stored = world.store.request(request.id).await.unwrap().unwrap();
        assert!(stored.duration <= shorter && stored.shortened.is_some());
        compared.count("Approve: shorter");
    }
    agree(&format!("{press:?}"), &shown, &came, compared);
}

async fn press_grant(
    world: &World,
    who: Whom,
    n: usize,
    press: GrantPress,
    compared: &mut Compared,
) {
    let all = grants(world).await;
    let Some(grant) = all.get(n % all.len().max(1)) else {
        return;
    };
    let who = who.or_whose(world, &grant.key.user);
    let (access, actor) = (&world.access, actor(world, who));
    let shown = access.grant_offers(&actor).await.unwrap().on(grant);
    let (shown, came) = match press {
        GrantPress::Release => {
            let came = access.release(&actor, grant.id, None).await;
            (shown.release, came.map(drop))
        }
        GrantPress::Revoke => {
            let came = access.revoke(&actor, grant.id, "no", None).await;
            (shown.revoke, came.map(drop))
        }
        GrantPress::Extend => {
            let came = access.extendable(&actor, grant.id).await;
            (shown.extend, came.map(drop))
        }
    };
    let is_ending = matches!(grant.state, GrantState::Ending { .. });
    if is_ending && matches!(shown, Err(ActionRefused::GrantOver { .. })) && came.is_ok() {
        // already ending: another press retries it
        compared.count(format!("{press:?}: tried again"));
        return;
    }
    agree(&format!("{press:?}"), &shown, &came, compared);
}

async fn act(world: &World, deed: &Deed, compared: &mut Compared) {
    match deed {
        Deed::Ask(who, set, length) => ask(world, *who, SETS[*set], *length, compared).await,
        Deed::Extend(n, length) => extend(world, *n, *length, compared).await,
        Deed::Press(who, n, kind) => press(world, *who, *n, *kind, compared).await,
        Deed::PressGrant(who, n, kind) => press_grant(world, *who, *n, *kind, compared).await,
        Deed::Rules(rules) => {
            let text = rules.join("\n");
            // contradictory rules do not load, and earlier ones stay
            if let Ok(loaded) = load(&RuleFile::new("rules.toml", &text)) {
                world.access.set_rules(loaded.rules, "today").await.unwrap();
                compared.count("rules");
            }
        }
        Deed::Lock(human, on) => {
            let (access, eve) = (&world.access, world.actor(Human::Eve));
            let Some(user) = world.actor(*human).user else {
                return;
            };
            let locking = Locking {
                reason: "a laptop was stolen",
                until: None,
                held: HeldAccess::GoesOn,
                force: hallpass_access::Force::No,
            };
            let _: Result<_, _> = if *on {
                access.lock(&eve, &user, locking).await.map(drop)
            } else {
                access.unlock(&eve, &user, "it was found").await.map(drop)
            };
        }
        Deed::Lists(on) => world.directory.lists(*on),
        Deed::Enable(human, enabled) => {
            let enabled = *enabled;
            world.directory.change(human.name(), |mut person| {
                person.enabled = enabled;
                Some(person)
            });
            world.directory.read();
        }
        Deed::Wait(seconds) => {
            let step = TimeSpan::seconds(1 + seconds / 20);
            world.live_coarsely(TimeSpan::seconds(*seconds), step).await;
        }
    }
}

#[test]
fn what_is_shown_is_what_comes_of_it() {
    let compared = std::cell::RefCell::new(Compared::default());
    let config = ProptestConfig {
        cases: 256,
        ..ProptestConfig::default()
    };
    let lives = (
        (any::<u64>(), any::<bool>()),
        proptest::collection::vec(rule(), 1..4),
        proptest::collection::vec(deed(), 20..60),
    );
    proptest!(config, |(((seed, exports), rules, deeds) in lives)| {
        let mut counts = compared.take();
        run(async {
            let mut world = World::new(seed, Habits::default(), None);
            if exports {
                world.require_export_within(TimeSpan::hours(2));
            }
            act(&world, &Deed::Rules(rules.clone()), &mut counts).await;
            for deed in &deeds {
                act(&world, deed, &mut counts).await;
            }
        });
        compared.replace(counts);
    });
    let compared = compared.into_inner().0;
    let expected = [
        "ask: Waits",
        "ask: BreakGlassOnly",
        "ask: NotRequired",
        "ask: Own",
        "ask: waits already",
        "ask: invalid",
        "ask: no such target",
        "ask: locked",
        "ask: organization-unread",
        "ask: export-behind",
        "ask: NoApprovers",
        "ask: RequesterNotAllowed",
        "extend",
        "Approve: done",
        "Approve: shorter",
        "Approve: own-request",
        "Approve: locked",
        "Deny: done",
        "Discard: done",
        "BreakGlass: done",
        "CloseReview: done",
        "Release: done",
        "Revoke: done",
        "Revoke: not-yours",
        "Extend: done",
        "signed in on the way",
    ];
    let missing: Vec<_> = expected
        .iter()
        .filter(|row| !compared.contains_key(**row))
        .collect();
    assert!(
        missing.is_empty(),
        "never happened: {missing:?} of {compared:#?}"
    );
}
