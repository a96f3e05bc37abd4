//! Asks who is on call, on every node: a decision rests on a recent answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::{ON_CALL_POLL, OnCallDirectory};
use hallpass_app::setup::waiting::rest;
use hallpass_channels::wording::health;
use hallpass_server::{Bearing, ProbeResult, ReadinessProbe};
use tokio::sync::watch;

pub(super) struct OnCallProbe(pub(super) Arc<OnCallDirectory>);

#[async_trait]
impl ReadinessProbe for OnCallProbe {
    async fn probe(&self) -> ProbeResult {
        let (mut unread, mut unknown) = (Vec::new(), BTreeSet::new());
        let statuses = self.0.statuses();
        for it in &statuses {
            match &it.answer {
                Ok(people) => unknown.extend(people.unknown.clone()),
                // just started
                Err(_) if it.asked_at.is_none() => {}
                Err(fault) => unread.push((it.list.clone(), fault.0.clone())),
            }
        }
        ProbeResult {
            name: "on_call",
            works: health::on_call(statuses.len(), &unread, unknown.len()),
        }
    }

    /// Only rules that name a list wait for it.
    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

pub(super) async fn poll(on_call: Arc<OnCallDirectory>, mut stop: watch::Receiver<bool>) {
    loop {
        // a stop does not wait for a service
        tokio::select! {
            () = on_call.ask() => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
        if !rest(&mut stop, ON_CALL_POLL).await {
            return;
        }
    }
}
