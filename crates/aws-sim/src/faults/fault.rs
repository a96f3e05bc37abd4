use std::sync::Arc;

use crate::base::{Cut, Millis, Random};
use crate::slack::SlackFault;
use hallpass_base::Glob;
use serde_json::{Map, Value};

use super::{Subject, acts::Act};

#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub id: Option<String>,
    pub matches: Match,
    pub kind: FaultEffect,
    pub probability: f64,
    /// Maximum firings.
    pub count: Option<u64>,
    /// Matches let through first.
    pub skip: u64,
    pub from: Option<Millis>,
    pub until: Option<Millis>,
    pub seed: Option<u64>,
    /// Original form, for listing.
    pub source: Map<String, Value>,
}

/// Absent matches any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Match {
    pub service: Option<String>,
    pub operation: Option<String>,
    pub account: Option<String>,
    pub caller_account: Option<String>,
    pub principal: Option<String>,
    pub permission_set: Option<String>,
    pub region: Option<String>,
}

impl Match {
    pub(super) fn holds(&self, subject: &Subject) -> bool {
        let is = |wanted: &Option<String>, given: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == given)
        };
        let among = |wanted: &Option<String>, given: &[String]| {
            wanted.as_ref().is_none_or(|wanted| given.contains(wanted))
        };
        let operation = self.operation.as_deref();
        is(&self.service, &subject.service)
            && operation.is_none_or(|pattern| Glob::new(pattern).matches(&subject.operation))
            && is(
                &self.account,
                subject.account.as_deref().unwrap_or_default(),
            )
            && is(&self.caller_account, &subject.caller_account)
            && is(&self.region, &subject.region)
            && among(&self.principal, &subject.principal)
            && among(&self.permission_set, &subject.permission_set)
    }
}

#[derive(Debug, Clone)]
pub(crate) enum FaultEffect {
    Error {
        code: String,
        http: u16,
        message: String,
    },
    Latency {
        distribution: Distribution,
        when: When,
    },
    DropBefore {
        how: Cut,
    },
    DropAfter {
        how: Cut,
    },
    Throttle {
        rate: f64,
        burst: f64,
        scope: ThrottleScope,
    },
    StuckInProgress {
        seconds: Millis,
    },
    FailAsync {
        reason: String,
        done: bool,
    },
    AsyncWithoutStatus,
    PartialPage {
        items: usize,
    },
    TokenExpired,
    StaleRead {
        seconds: Millis,
    },
    ClockSkew {
        seconds: i64,
    },
    ExpireCredentials,
    SomebodyActs {
        when: When,
        acts: Arc<[Act]>,
    },
    Slack(SlackFault),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThrottleScope {
    All,
    Caller,
    Operation,
}

/// Latency, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Distribution {
    Fixed(f64),
    Uniform(f64, f64),
    LogNormal { median: f64, p99: f64 },
}

/// Ten minutes, the maximum of any reply.
const LONGEST_MS: f64 = 600_000.0;

impl Distribution {
    pub(super) fn draw(self, random: &mut Random) -> u64 {
        let drawn = match self {
            Self::Fixed(ms) => ms,
            Self::Uniform(least, most) => (most - least).mul_add(random.fraction(), least),
            // the 99th percentile of the standard normal distribution is 2.326
            Self::LogNormal { median, p99 } => {
                median * ((p99 / median).ln() / 2.326 * random.normal()).exp()
            }
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 0..=600000"
        )]
        let whole = drawn.clamp(0.0, LONGEST_MS) as u64;
        whole
    }
}
