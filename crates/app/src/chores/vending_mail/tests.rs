//! Mails of lists with a sender that crashes, is refused, or loses answers at each call.

use std::collections::BTreeSet;
use std::sync::Mutex;

use hallpass_base::Timestamp;
use hallpass_enforcement::OrganizationFault;
use hallpass_org::vending::{
    AccountCreation, AccountRequest, AccountsFile, KnownAccount, ListWishes, NewAccount, UnitFacts,
    VendingFacts, check,
};
use hallpass_plans::testing::{Gate, Gated, Hourglass, MemoryPlans, PortMode};
use hallpass_plans::{Plan, PlanDraft, PlanLimits};

use super::*;

const LIST: &str = "AccountName,SSOUserEmail,AccountEmail,SSOUserFirstName,SSOUserLastName,OrgUnit\na,,,,,\nb,,,,,\n";

struct PostBox(Arc<Mutex<Vec<String>>>, Arc<Gate>);

#[async_trait]
impl ListPost for PostBox {
    async fn post(
        &self,
        to: &Email,
        _: &Letter,
        (about, _): (&str, &str),
    ) -> Result<(), PostError> {
        let taken = async {
            self.0.lock().unwrap().push(format!("{about} {to}"));
            Ok(())
        };
        let lost = || Err(PostError::ForNow("lost".to_owned()));
        self.1.pass(taken, lost).await
    }
}

struct Nobody(Arc<Gate>);

#[async_trait]
impl AccountAdmin for Nobody {
    async fn accounts(&self) -> Result<Vec<KnownAccount>, OrganizationFault> {
        let lost = || {
            Err(OrganizationFault::Refused {
                code: "Lost".to_owned(),
                message: "lost".to_owned(),
            })
        };
        self.0.pass(async { Ok(Vec::new()) }, lost).await
    }
    async fn units(&self, _: &str) -> Result<Vec<UnitFacts>, OrganizationFault> {
        panic!("no mail needs it")
    }
    async fn parent(&self, _: &str) -> Result<String, OrganizationFault> {
        panic!("no mail needs it")
    }
    async fn create(&self, _: &NewAccount) -> Result<String, OrganizationFault> {
        panic!("no mail needs it")
    }
    async fn creation(&self, _: &str) -> Result<AccountCreation, OrganizationFault> {
        panic!("no mail needs it")
    }
    async fn account(&self, _: &str) -> Result<Option<KnownAccount>, OrganizationFault> {
        panic!("no mail needs it")
    }
    async fn unit_name(&self, _: &str) -> Result<Option<String>, OrganizationFault> {
        panic!("no mail needs it")
    }
    async fn requests(&self) -> Result<Vec<AccountRequest>, OrganizationFault> {
        panic!("no mail needs it")
    }
    async fn account_tags(&self, _: &str) -> Result<BTreeMap<String, String>, OrganizationFault> {
        panic!("no mail needs it")
    }
    async fn tag_account(
        &self,
        _: &str,
        _: &BTreeMap<String, String>,
    ) -> Result<(), OrganizationFault> {
        panic!("no mail needs it")
    }
    async fn relocate(&self, _: &str, _: &str, _: &str) -> Result<(), OrganizationFault> {
        panic!("no mail needs it")
    }
}

struct World {
    plans: Arc<MemoryPlans>,
    clock: Arc<Hourglass>,
    sent: Arc<Mutex<Vec<String>>>,
    plan: PlanId,
}

impl World {
    async fn begun() -> Self {
        let start: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let file = AccountsFile::read(LIST.as_bytes()).unwrap();
        let verdicts = check(&file, &ListWishes::default(), &VendingFacts::default());
        let vending = VendingPlan::new(&file, &ListWishes::default(), &verdicts);
        let draft = PlanDraft::new(PLAN_KIND, "o-abcdefghij", PlanLimits::USUAL);
        let plan = Plan {
            id: draft.id(),
            kind: PLAN_KIND.to_owned(),
            organization: "o-abcdefghij".to_owned(),
            generation: 0,
            round: 0,
            before: None,
            steps: Vec::new(),
            facts: serde_json::to_value(&vending).unwrap(),
            limits: PlanLimits::USUAL,
            expected: BTreeMap::new(),
            takes_back: BTreeMap::new(),
            account_names: BTreeMap::new(),
            made_at: start,
            made_by: "ana".to_owned(),
        };
        let plans = Arc::new(MemoryPlans::default());
        plans.save_plan(&plan).await.unwrap();
        let begins = JournalEntry::Planned {
            expected: BTreeMap::new(),
        };
        let begun = JournalAddition {
            at: start,
            entry: &begins,
            change: None,
        };
        plans.append(&plan.id, begun).await.unwrap();
        Self {
            plans,
            clock: Arc::new(Hourglass::new(start)),
            sent: Arc::default(),
            plan: plan.id,
        }
    }

    async fn finish(&self, holder: &str, gate: &Arc<Gate>) -> Result<(), String> {
        let post = PostBox(Arc::clone(&self.sent), Arc::clone(gate));
        let mailer = self.mailer(Box::new(post), holder, gate);
        mailer.finish(&self.plan, PlanState::Done).await
    }

    fn mailer(&self, mail: Box<dyn ListPost>, holder: &str, gate: &Arc<Gate>) -> VendingMailer {
        VendingMailer {
            mail,
            readers: ["ops@acme.example", "sec@acme.example"]
                .map(|it| Email::new(it).unwrap())
                .to_vec(),
            plans: Arc::new(Gated(Arc::clone(&self.plans), Arc::clone(gate))),
            accounts: Arc::new(Nobody(Arc::clone(gate))),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            holder: holder.to_owned(),
        }
    }

    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }
}

/// After a failure at any call, every mail is sent, and at most one of them twice, unchanged
/// (`organization.md` V-11).
#[tokio::test(start_paused = true)]
async fn a_stop_anywhere_sends_at_most_one_mail_again_and_leaves_none_out() {
    let unbroken = World::begun().await;
    let gate = Gate::new(None);
    unbroken.finish("first", &gate).await.unwrap();
    let wanted = unbroken.sent();
    assert_eq!(wanted.len(), 6, "{wanted:?}");
    let mut twice = 0;
    for call in 1..=gate.calls() {
        for mode in PortMode::ALL {
            let case = format!("call {call}, {mode:?}");
            let world = World::begun().await;
            let gate = Gate::new(Some((call, mode)));
            tokio::select! {
                _ = world.finish("first", &gate) => {}
                () = gate.stop() => {}
            }
            world.clock.advance(Duration::from_secs(61));
            world.finish("second", &Gate::new(None)).await.unwrap();
            let sent = world.sent();
            let once: BTreeSet<&String> = sent.iter().collect();
            assert_eq!(once, wanted.iter().collect(), "{case}: none is left out");
            assert!(sent.len() <= wanted.len() + 1, "{case}: {sent:?}");
            twice += sent.len() - wanted.len();
        }
    }
    assert!(twice > 0, "some stop lies between a mail and its entry");
}

struct SlowPost {
    world: Arc<World>,
    free: Arc<Mutex<Vec<bool>>>,
}

#[async_trait]
impl ListPost for SlowPost {
    async fn post(
        &self,
        to: &Email,
        _: &Letter,
        (about, _): (&str, &str),
    ) -> Result<(), PostError> {
        let world = &self.world;
        world.sent.lock().unwrap().push(format!("{about} {to}"));
        tokio::time::sleep(Duration::from_secs(40)).await;
        world.clock.advance(Duration::from_secs(40));
        let (lane, now) = (format!("mails:{}", world.plan), world.clock.now());
        let claim = LaneClaim {
            holder: "another",
            now,
            until: LEASE.after(now),
        };
        let lease = world.plans.lease(&lane, claim).await.unwrap();
        self.free.lock().unwrap().push(lease == LeaseAnswer::Ours);
        Ok(())
    }
}

/// The run ends while a mail is in flight (`organization.md` V-11): none is sent twice, and the
/// lane stays taken.
#[tokio::test(start_paused = true)]
async fn a_run_that_ends_in_the_middle_of_a_mail_sends_none_twice() {
    let (world, free) = (Arc::new(World::begun().await), Arc::default());
    let post = SlowPost {
        world: Arc::clone(&world),
        free: Arc::clone(&free),
    };
    let mailer = world.mailer(Box::new(post), "first", &Gate::new(None));
    let run = async {
        tokio::time::sleep(LOOK_EVERY + Duration::from_secs(1)).await;
        Ok(())
    };
    let ended = with_mails(Some(&mailer), &world.plan, run, |()| PlanState::Done).await;
    ended.unwrap();
    let sent = world.sent();
    let once: BTreeSet<&String> = sent.iter().collect();
    assert_eq!((sent.len(), once.len()), (6, 6), "{sent:?}");
    assert_eq!(*free.lock().unwrap(), [false; 6]);
}

#[test]
fn two_processes_of_one_number_are_two_holders() {
    let ids = Hourglass::new("2026-01-02T00:00:00Z".parse().unwrap());
    assert_ne!(holder(&ids, ids.now()), holder(&ids, ids.now()));
}
