//! Random faults of Identity Center calls, of every kind the port knows; repeatable by seed.

use fastrand::Rng;
use hallpass_assignments::CenterFault;

#[derive(Clone, Debug)]
pub struct CallFaults(Plan);

#[derive(Clone, Debug)]
enum Plan {
    ByChance {
        percent: u8,
        rng: Box<Rng>,
    },
    /// The first write's answer is lost, and every later read fails this way.
    LostThen {
        is_lost: bool,
        reads: CenterFault,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallFate {
    Answered,
    Fails(CenterFault),
    AnswerLost,
}

impl CallFaults {
    pub fn new(seed: u64, percent: u8) -> Self {
        let rng = Box::new(Rng::with_seed(seed));
        Self(Plan::ByChance { percent, rng })
    }

    /// Loses the first write's answer after its effect; every later read fails this way.
    pub fn lost_write_then(reads: CenterFault) -> Self {
        let is_lost = false;
        Self(Plan::LostThen { is_lost, reads })
    }

    pub(crate) fn draw(&mut self, is_write: bool) -> CallFate {
        match &mut self.0 {
            Plan::ByChance { percent, rng } => {
                if rng.u8(0..100) < *percent {
                    by_chance(rng, is_write)
                } else {
                    CallFate::Answered
                }
            }
            Plan::LostThen { is_lost, .. } if is_write && !*is_lost => {
                *is_lost = true;
                CallFate::AnswerLost
            }
            Plan::LostThen {
                is_lost: true,
                reads,
            } if !is_write => CallFate::Fails(reads.clone()),
            Plan::LostThen { .. } => CallFate::Answered,
        }
    }
}

/// Never draws a final refusal of a write: that is an answer, and the grant records it.
fn by_chance(rng: &mut Rng, is_write: bool) -> CallFate {
    let message = || "by chance".to_owned();
    CallFate::Fails(match (rng.u8(0..7), is_write) {
        (0, _) => CenterFault::Throttled { message: message() },
        (1, _) => CenterFault::NotSent,
        (2, _) => CenterFault::Full { message: message() },
        (3, _) => CenterFault::Conflict { message: message() },
        (4, _) => CenterFault::Unreachable { message: message() },
        (_, true) => return CallFate::AnswerLost,
        (5, false) => CenterFault::Refused { reason: message() },
        (_, false) => CenterFault::NotFound { what: message() },
    })
}
