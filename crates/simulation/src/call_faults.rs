//! Calls to Identity Center that fail by chance, in every way that the port knows: the same for the
//! same seed.

use fastrand::Rng;
use hallpass_assignments::CenterFault;

/// Which calls fail.
#[derive(Clone, Debug)]
pub struct CallFaults(Plan);

#[derive(Clone, Debug)]
enum Plan {
    /// So many of a hundred, drawn from a seed.
    ByChance { percent: u8, rng: Box<Rng> },
    /// The answer of the first write is lost, and every read after it fails so.
    LostThen { is_lost: bool, reads: CenterFault },
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallFate {
    /// It is answered.
    Answered,
    /// It has no effect, and fails.
    Fails(CenterFault),
    /// It has its effect, and its answer is lost.
    AnswerLost,
}

impl CallFaults {
    /// So many of a hundred calls fail.
    pub fn new(seed: u64, percent: u8) -> Self {
        let rng = Box::new(Rng::with_seed(seed));
        Self(Plan::ByChance { percent, rng })
    }

    /// The first write takes effect and its answer is lost; every read after it fails so.
    pub fn lost_write_then(reads: CenterFault) -> Self {
        let is_lost = false;
        Self(Plan::LostThen { is_lost, reads })
    }

    /// What becomes of the next call.
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

/// A write that AWS refuses for good is not drawn: that is an answer, and the grant says so.
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
