//! Visits every life once.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hasher};

use hallpass_base::{TimeSpan, Timestamp};

use super::life::{Glue, Life, Move};
use super::story::Reached;

#[derive(Debug, Default)]
pub(super) struct WalkReport {
    pub(super) states: usize,
    pub(super) moves: usize,
    pub(super) broken: Vec<String>,
    /// The longest time from the last fault to the removal, in seconds, with its trail.
    pub(super) gone: (u64, String),
    /// The same until the end is reported.
    pub(super) told: (u64, String),
    pub(super) reached: BTreeMap<Reached, usize>,
}

impl fmt::Display for WalkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} states, {} moves", self.states, self.moves)?;
        writeln!(f, "  gone within {} s: {}", self.gone.0, self.gone.1)?;
        writeln!(f, "  told within {} s: {}", self.told.0, self.told.1)?;
        writeln!(f, "  {:?}", self.reached)?;
        for broken in &self.broken {
            writeln!(f, "  BROKEN {broken}")?;
        }
        Ok(())
    }
}

/// Stops after so many broken promises.
const ENOUGH: usize = 2;

struct WalkedState {
    from: Option<(usize, Move)>,
    now: Timestamp,
    quiet_from: Timestamp,
    gone_since: Option<Timestamp>,
    over_at: Option<Timestamp>,
    is_ending: bool,
    calm: Option<usize>,
}

pub(super) struct Lives {
    seen: Vec<WalkedState>,
    numbers: HashMap<u64, usize>,
    glue: Glue,
    found: WalkReport,
}

impl Lives {
    pub(super) fn of(first: Life, glue: Glue) -> WalkReport {
        let mut lives = Self {
            seen: Vec::new(),
            numbers: HashMap::new(),
            glue,
            found: WalkReport::default(),
        };
        let mut ahead = vec![(lives.number(&first, None).0, first)];
        while let Some((number, life)) = ahead.pop() {
            if lives.found.broken.len() >= ENOUGH {
                break;
            }
            lives.go_on(number, &life, &mut ahead);
        }
        lives.found.states = lives.seen.len();
        if lives.found.broken.is_empty() {
            lives.measure();
        }
        lives.found
    }

    fn go_on(&mut self, number: usize, life: &Life, ahead: &mut Vec<(usize, Life)>) {
        if life.is_at_rest() {
            for reached in life.reached() {
                *self.found.reached.entry(reached).or_default() += 1;
            }
            return;
        }
        for (n, then) in life.moves().into_iter().enumerate() {
            self.found.moves += 1;
            match life.after(then, self.glue) {
                Ok(next) => {
                    let (to, is_new) = self.number(&next, Some((number, then)));
                    if n == 0 {
                        self.seen[number].calm = Some(to);
                    }
                    if is_new {
                        ahead.push((to, next));
                    }
                }
                Err(broken) => {
                    let trail = self.trail(number);
                    self.found
                        .broken
                        .push(format!("{broken}\n    {trail}, then {then:?}"));
                }
            }
        }
    }

    fn number(&mut self, life: &Life, from: Option<(usize, Move)>) -> (usize, bool) {
        let mut hash = Hash(DefaultHasher::new());
        life.write_to(&mut hash).unwrap();
        let new = self.seen.len();
        let number = *self.numbers.entry(hash.0.finish()).or_insert(new);
        if number == new {
            self.seen.push(WalkedState {
                from,
                now: life.now,
                quiet_from: life.quiet_from(),
                gone_since: life.gone_since(),
                over_at: life.story.over_at,
                is_ending: !life.grant.is_hold(),
                calm: None,
            });
        }
        (number, number == new)
    }

    /// Returns the moves to a state that differ from fault-free ones, and the last ones.
    fn trail(&self, number: usize) -> String {
        let mut moves = Vec::new();
        let mut at = number;
        while let Some((from, then)) = self.seen[at].from {
            if moves.len() < 3 || self.seen[from].calm != Some(at) {
                let second = TimeSpan::between(self.seen[0].now, self.seen[from].now).as_seconds();
                moves.push(format!("{second}: {then:?}"));
            }
            at = from;
        }
        moves.reverse();
        moves.join(", ")
    }

    fn calm_after(&self, number: usize) -> String {
        let (mut moves, mut at) = (Vec::new(), number);
        while let Some(next) = self.seen[at].calm {
            let second = TimeSpan::between(self.seen[0].now, self.seen[at].now).as_seconds();
            let how = self.seen[next].from.map(|(_, then)| then);
            let there = self.seen[at].gone_since.is_none();
            moves.push(format!("{second}: {how:?} there: {there}"));
            at = next;
        }
        format!("; then {}", moves.join(", "))
    }

    /// Measures, from each state without further faults, the time until the access is removed and
    /// the end reported.
    fn measure(&mut self) {
        let mut ahead: Vec<Option<CandidateRules>> = vec![None; self.seen.len()];
        for start in 0..self.seen.len() {
            let mut path = Vec::new();
            let mut next = Some(start);
            while let Some(at) = next.filter(|at| ahead[*at].is_none()) {
                if path.len() > 10_000 {
                    let trail = self.trail(start);
                    self.found
                        .broken
                        .push(format!("goes round for ever\n    {trail}"));
                    return;
                }
                path.push(at);
                next = self.seen[at].calm;
            }
            for at in path.into_iter().rev() {
                let later = self.seen[at].calm.and_then(|next| ahead[next]);
                ahead[at] = Some(self.seen[at].ahead(later));
            }
        }
        for (at, ahead) in ahead.into_iter().enumerate() {
            let Some(ahead) = ahead else { continue };
            let quiet = self.seen[at].quiet_from.max(ahead.ends);
            let after = |then| TimeSpan::between(quiet, then).as_seconds();
            if after(ahead.gone) > self.found.gone.0 {
                self.found.gone = (after(ahead.gone), self.trail(at) + &self.calm_after(at));
            }
            if after(ahead.told) > self.found.told.0 {
                self.found.told = (after(ahead.told), self.trail(at) + &self.calm_after(at));
            }
        }
    }
}

#[derive(Clone, Copy)]
struct CandidateRules {
    ends: Timestamp,
    gone: Timestamp,
    told: Timestamp,
}

impl WalkedState {
    fn ahead(&self, later: Option<CandidateRules>) -> CandidateRules {
        let never = Timestamp::MAX;
        let is_gone_for_good =
            |since: &Timestamp| later.is_none_or(|it| it.gone <= (*since).max(self.now));
        CandidateRules {
            ends: match later {
                Some(later) if !self.is_ending => later.ends,
                Some(_) | None => self.now,
            },
            gone: match self.gone_since.filter(is_gone_for_good) {
                Some(since) => since,
                None => later.map_or(never, |it| it.gone),
            },
            told: self.over_at.or(later.map(|it| it.told)).unwrap_or(never),
        }
    }
}

struct Hash(DefaultHasher);

impl fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
