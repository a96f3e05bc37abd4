//! Root user sign-ins of the payer account, reported to both parties (`organization.md` Y-2).

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_alerts::{
    AlertRuleIdError, AlertSeverity, AlertStore, AlertWrite, HappeningRule, happened,
};
use hallpass_base::Clock;
use hallpass_findings::events::{EventHandler, HandledEvent, OrganizationEvent};
use hallpass_org::payer::{
    PayerFile, PayerSide, RootSignIn, SIGN_IN_DETAIL_TYPE, SIGN_IN_SOURCE, root_sign_in,
};

use super::happening::HappeningTeller;

const ROOT_SIGN_IN: &str = "payer/root-sign-in";

pub struct RootSignInHandler {
    payer: PayerFile,
    teller: HappeningTeller,
}

impl RootSignInHandler {
    pub fn new(
        payer: PayerFile,
        store: Arc<dyn AlertStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AlertRuleIdError> {
        let sides = [PayerSide::Partner, PayerSide::Customer];
        let mut mail_to: Vec<String> = sides
            .iter()
            .flat_map(|side| payer.party(*side).notify.clone())
            .collect();
        mail_to.sort();
        mail_to.dedup();
        let rule = HappeningRule {
            id: ROOT_SIGN_IN.parse()?,
            severity: AlertSeverity::Critical,
            key: RootSignIn::KEY.map(str::to_owned).to_vec(),
            message: RootSignIn::MESSAGE.to_owned(),
            mail_to,
        };
        let teller = HappeningTeller { rule, store, clock };
        Ok(Self { payer, teller })
    }

    async fn tell(&self, found: &RootSignIn) -> HandledEvent {
        let row = found.row(&self.payer);
        let now = self.teller.clock.now();
        let step = |state| happened(&self.teller.rule, state, &row, now);
        let done = |_: &AlertWrite| "both parties are notified";
        self.teller.write(step, done).await
    }
}

#[async_trait]
impl EventHandler for RootSignInHandler {
    fn takes(&self, source: &str, detail_type: &str) -> bool {
        source == SIGN_IN_SOURCE && detail_type == SIGN_IN_DETAIL_TYPE
    }

    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent> {
        let mut handled = Vec::with_capacity(events.len());
        for event in events {
            handled.push(match root_sign_in(&self.payer, &event.detail) {
                Ok(Some(found)) => self.tell(&found).await,
                Ok(None) => HandledEvent::Done("it is not of the payer's root user".to_owned()),
                Err(why) => HandledEvent::Refused(why),
            });
        }
        handled
    }
}

#[cfg(test)]
mod tests {
    use hallpass_access::{AccessStore as _, Message};
    use hallpass_findings::events::read_event;
    use hallpass_store::MemoryStore;
    use hallpass_store_testing::at;

    use super::*;
    use hallpass_base::clock::SystemClock;

    const EVENT: &str = include_str!("../../../../../docs/spec/fixtures/org-root-login.json");
    const FILE: &str = include_str!("../../../../../docs/spec/fixtures/org-payer.yaml");

    #[tokio::test]
    async fn a_sign_in_is_told_to_both_parties_once_however_often_it_comes() {
        let store = Arc::new(MemoryStore::new());
        store.open_channel("mail", at(0)).await.unwrap();
        let file = PayerFile::read(FILE).unwrap();
        let handler = RootSignInHandler::new(file, store.clone(), Arc::new(SystemClock)).unwrap();
        let event = read_event(EVENT).unwrap();
        assert!(handler.takes(&event.source, &event.detail_type));
        let again = OrganizationEvent {
            id: hallpass_findings::events::EventKey::of_event(
                "b0000001-0000-4000-8000-000000000001",
            )
            .unwrap(),
            ..event.clone()
        };
        let outcomes = handler.handle(&[event.clone(), again, event]).await;
        assert!(
            outcomes
                .iter()
                .all(|it| matches!(it, HandledEvent::Done(_))),
            "{outcomes:?}"
        );
        let later = hallpass_base::Timestamp::MAX;
        let taken = store.take_notices("mail", later, later, 9).await.unwrap();
        let told: Vec<Vec<String>> = taken
            .into_iter()
            .map(|it| match it.message {
                Message::Alert(alert) => alert.mail_to,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, [["ops@partner.example", "soc@customer.example"]]);
    }
}
