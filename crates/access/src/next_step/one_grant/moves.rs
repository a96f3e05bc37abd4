use hallpass_base::TimeSpan;

use super::aws::OperationEnd;
use super::life::{Answer, Asked, Call, Life, Move, Process, Sent};

/// How long listings may show the earlier state.
const LISTINGS_LAG: TimeSpan = TimeSpan::minutes(1);

impl Life {
    pub(super) fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        let runs = !matches!(self.process, Process::Stopped { .. });
        if runs && self.has_tick() {
            moves.push(Move::Tick);
        }
        match &self.process {
            Process::Idle if self.has_task() => moves.push(Move::Take),
            Process::Calling(call) => {
                moves.extend(self.answers(call).into_iter().map(Move::Answer));
            }
            Process::Idle | Process::Stopped { .. } => {}
        }
        if moves.is_empty() {
            moves.push(Move::Wait);
        }
        if runs && self.may_give_back && self.grant.is_hold() {
            moves.push(Move::GiveBack);
        }
        if self.faults > 0 {
            self.add_faults(&mut moves);
        }
        moves
    }

    fn add_faults(&self, moves: &mut Vec<Move>) {
        match &self.process {
            Process::Calling(call) => {
                let wrong = self.wrong_answers(call).into_iter().map(Move::Answer);
                moves.extend(wrong.chain([Move::Hang]));
                let fates: &[Sent] = match call.what {
                    Asked::Send(_) => &[Sent::Never, Sent::Now, Sent::Late(0), Sent::Late(1)],
                    Asked::Look | Asked::Poll(_) | Asked::Why => &[Sent::Never],
                };
                for sent in fates.iter().copied() {
                    moves.extend([true, false].map(|frees| Move::Kill { frees, sent }));
                }
            }
            Process::Idle => moves.push(Move::Kill {
                frees: true,
                sent: Sent::Never,
            }),
            Process::Stopped { .. } => {}
        }
        if self.aws.is_there && !self.stood_before {
            moves.push(Move::Lose);
        }
    }

    fn answers(&self, call: &Call) -> Vec<Answer> {
        let otherwise = match call.what {
            Asked::Send(_) => Some(Answer::True { slow: true }),
            Asked::Look if call.showed != self.aws.is_there => Some(Answer::AsItBegan),
            Asked::Look | Asked::Poll(_) | Asked::Why => None,
        };
        [Answer::True { slow: false }]
            .into_iter()
            .chain(otherwise)
            .collect()
    }

    fn wrong_answers(&self, call: &Call) -> Vec<Answer> {
        match call.what {
            Asked::Send(_) => vec![
                Answer::None(Sent::Never),
                Answer::None(Sent::Now),
                Answer::None(Sent::Late(0)),
                Answer::None(Sent::Late(1)),
                Answer::Ends(OperationEnd::Failed),
                Answer::Ends(OperationEnd::FailedInWords),
                Answer::Refused,
                Answer::Throttled,
            ],
            Asked::Look if call.began < LISTINGS_LAG.after(self.aws.since) => {
                vec![Answer::None(Sent::Never), Answer::Stale]
            }
            Asked::Poll(_) => vec![Answer::None(Sent::Never), Answer::Unknown],
            Asked::Look | Asked::Why => vec![Answer::None(Sent::Never)],
        }
    }
}
