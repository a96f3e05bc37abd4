//! Previews a request with the same functions that decide it, so both agree. A preview grants
//! nothing, and the request is decided again.

use hallpass_base::time::utc;
use hallpass_base::{Target, TargetNames, TimeSpan, Timestamp};
use hallpass_rules::{
    Decision, DecisionKind, Directory, OverLimit, Principal, RequesterManager, RuleId, RuleNames,
    Rules,
};

use crate::arming::Arming;
use crate::refused_request::{self, RequestRefused};
use crate::request::PUNCTUAL;
use crate::target::{self, LookedFor, Resolved};
use crate::unknown_approvers;
use crate::{ActionRefused, Approval, FieldProblem, Grant, Request, Settings};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestVerdict {
    /// Granted immediately, in this capacity.
    Granted(Approval),
    Waits,
    /// Pending without a possible approver: the requester may break the glass (`access.md` §17).
    BreakGlassOnly,
}

/// Judges by rules alone, ignoring duration and reason.
///
/// # Errors
/// The refusal.
pub fn by_rules(decision: &Decision) -> Result<RequestVerdict, RequestRefused> {
    match decision.kind {
        DecisionKind::ApprovalNotRequired => Ok(RequestVerdict::Granted(Approval::NotRequired)),
        DecisionKind::SelfApproval => Ok(RequestVerdict::Granted(Approval::Own)),
        DecisionKind::RequiresApproval => Ok(RequestVerdict::Waits),
        DecisionKind::NoApprovers if decision.break_glass => Ok(RequestVerdict::BreakGlassOnly),
        DecisionKind::NoApprovers => Err(match decision.manager {
            Some(RequesterManager::Missing(why)) => RequestRefused::NoManager(why),
            Some(RequesterManager::Is(_)) | None => RequestRefused::NoApprover,
        }),
        DecisionKind::NoStatements => Err(RequestRefused::NoRule),
        DecisionKind::RequesterNotAllowed if decision.unread.is_empty() => {
            Err(refused_request::not_asking(decision))
        }
        DecisionKind::RequesterNotAllowed => Err(RequestRefused::Unread(decision.unread.clone())),
    }
}

/// As [`by_rules`], and refuses if too few enabled users could approve and break glass is not
/// allowed.
pub(crate) fn by_rules_and_people(
    decision: &Decision,
    directory: &Directory,
) -> Result<RequestVerdict, RequestRefused> {
    let verdict = by_rules(decision)?;
    let waits_for_people = verdict == RequestVerdict::Waits && !decision.break_glass;
    let unknown = waits_for_people.then(|| unknown_approvers::where_too_few(decision, directory));
    match unknown.flatten() {
        Some(unknown) => Err(RequestRefused::UnknownApprovers(unknown)),
        None => Ok(verdict),
    }
}

/// How far ahead opening hours are searched.
const OPENS_WITHIN: TimeSpan = TimeSpan::hours(7 * 24);
/// Search step for hours; within a step, the result is exact to the minute.
const OPENS_STEP: TimeSpan = TimeSpan::minutes(5);

/// Returns the first minute within a week at which a request is allowed.
pub(crate) fn opens_at(now: Timestamp, may_ask: impl Fn(Timestamp) -> bool) -> Option<Timestamp> {
    let minute = TimeSpan::minutes(1);
    let into_minute = u64::try_from(now.as_second().rem_euclid(60)).unwrap_or_default();
    let first = TimeSpan::seconds(60 - into_minute).after(now);
    let end = OPENS_WITHIN.after(now);
    // At the largest timestamp, the next one is equal.
    let later =
        |at: &Timestamp, by: TimeSpan| Some(by.after(*at)).filter(|next| next > at && *next <= end);
    let steps = std::iter::successors(Some(first), |at| later(at, OPENS_STEP));
    let open = { steps }.find(|at| may_ask(*at))?;
    let before = OPENS_STEP.before(open).max(first);
    std::iter::successors(Some(before), |at| later(at, minute)).find(|at| may_ask(*at))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LengthLimits {
    shortest: TimeSpan,
    longest: TimeSpan,
    by_settings: TimeSpan,
    /// The rules with a limit below that of the settings.
    rules: Vec<RuleId>,
}

impl LengthLimits {
    /// Without a target, only the settings apply.
    pub fn of(decision: Option<&Decision>, settings: &Settings) -> Self {
        let by_settings = settings.longest();
        Self {
            shortest: settings.duration_min,
            longest: decision.map_or(by_settings, |decision| settings.longest_by(decision)),
            by_settings,
            rules: decision
                .map(|decision| decision.max_duration_by.clone())
                .unwrap_or_default(),
        }
    }

    pub const fn shortest(&self) -> TimeSpan {
        self.shortest
    }

    pub const fn longest(&self) -> TimeSpan {
        self.longest
    }

    /// Checks a duration.
    ///
    /// # Errors
    /// The exceeded limit.
    pub fn check(&self, duration: TimeSpan) -> Result<(), LengthRefused> {
        if duration < self.shortest || duration.is_zero() {
            Err(LengthRefused::TooShort)
        } else if duration > self.longest {
            Err(LengthRefused::TooLong)
        } else {
            Ok(())
        }
    }

    /// Returns the granted duration: as requested, or the maximum if rules shorten it. The minimum
    /// was checked at the request.
    pub(crate) fn fit(
        &self,
        duration: TimeSpan,
        over_limit: OverLimit,
    ) -> Result<TimeSpan, FieldProblem> {
        if duration <= self.longest {
            return Ok(duration);
        }
        match over_limit {
            OverLimit::Shorten if duration <= self.by_settings => Ok(self.longest),
            OverLimit::Shorten | OverLimit::Refuse => Err(self.problem_of(LengthRefused::TooLong)),
        }
    }

    fn problem(&self, duration: TimeSpan) -> Option<FieldProblem> {
        self.check(duration)
            .err()
            .map(|refused| self.problem_of(refused))
    }

    fn problem_of(&self, refused: LengthRefused) -> FieldProblem {
        let code = match refused {
            LengthRefused::TooShort => "short-duration",
            LengthRefused::TooLong => "long-duration",
        };
        FieldProblem::new("duration_seconds", code, self.words(refused))
    }

    pub fn words(&self, refused: LengthRefused) -> String {
        match refused {
            LengthRefused::TooShort => format!("At least {}.", self.shortest),
            LengthRefused::TooLong => format!("At most {}.", self.longest_words()),
        }
    }

    /// Formats the maximum, with the rules that lower it: ``4h, by rule `a` ``.
    pub fn longest_words(&self) -> String {
        if self.longest < self.by_settings {
            let rules = RuleNames::of(&self.rules);
            format!("{}, by {}", self.longest, rules.within())
        } else {
            self.longest.to_string()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthRefused {
    TooShort,
    TooLong,
}

/// Verdict on a target, before duration and reason.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    pub(crate) resolved: Option<Resolved>,
    pub(crate) decision: Option<Decision>,
    says: Option<Result<RequestVerdict, RequestRefused>>,
    /// Problems of the target or the requester.
    pub(crate) problems: Vec<FieldProblem>,
    limits: LengthLimits,
    /// `None` without a target.
    arming: Option<Arming>,
    now: Timestamp,
    starts_later: bool,
}

/// Resolves names first, so that rules never see a nonexistent target.
pub(crate) fn judge(
    what: LookedFor<'_>,
    requester: Principal<'_>,
    rules: &Rules,
    directory: &Directory,
    settings: &Settings,
    now: Timestamp,
    starts_at: Option<Timestamp>,
) -> Judgement {
    let mut problems = Vec::new();
    let found = what.find(directory);
    let resolved = found.map_err(|found| problems.extend(found)).ok();
    if !target::is_enabled(requester.user, directory) {
        let message = "You are not an enabled user of the directory.";
        problems.push(FieldProblem::new("requester", "unknown-requester", message));
    }
    target::check_reach(resolved.as_ref(), settings, &mut problems);
    let decision = resolved.as_ref().and_then(|resolved| {
        let question = target::question(&resolved.target, &resolved.names)?;
        let at = starts_at.map_or(now, |at| at.max(now));
        let decision = rules.decide(requester, &question, directory, at);
        Some(if at > now {
            decision.of_start()
        } else {
            decision
        })
    });
    let starts = { starts_at }.and_then(|at| start_problem(at, decision.as_ref(), settings, now));
    problems.extend(starts);
    let by_rule = decision.as_ref().and_then(|it| it.armed_ends);
    let arming = { resolved.as_ref() }.map(|it| Arming::of(&it.target, by_rule, settings));
    Judgement {
        limits: LengthLimits::of(decision.as_ref(), settings),
        arming,
        says: { decision.as_ref() }.map(|it| by_rules_and_people(it, directory)),
        resolved,
        decision,
        problems,
        now,
        starts_later: starts_at.is_some_and(|at| at > now),
    }
}

fn start_problem(
    at: Timestamp,
    decision: Option<&Decision>,
    settings: &Settings,
    now: Timestamp,
) -> Option<FieldProblem> {
    let by_rule = decision.and_then(|decision| Some((decision.max_lead_time?, decision)));
    let by_rule = by_rule.filter(|(lead, _)| *lead < settings.start_within);
    let ahead = by_rule.map_or(settings.start_within, |(lead, _)| lead);
    let latest = ahead.after(now);
    let problem = |code, message| Some(FieldProblem::new("starts_at", code, message));
    if at > latest {
        let latest = utc(latest);
        let by = by_rule.map_or_else(String::new, |(lead, decision)| {
            let rules = RuleNames::of(&decision.max_lead_time_by);
            format!(": {lead} ahead, by {}", rules.within())
        });
        problem("late-start", format!("At the latest {latest}{by}."))
    } else if PUNCTUAL.after(at) < now {
        problem("past-start", "This start is over.".to_owned())
    } else {
        None
    }
}

impl Judgement {
    pub(crate) fn length_problems(
        &self,
        duration: TimeSpan,
        extends: Option<&Grant>,
    ) -> impl Iterator<Item = FieldProblem> {
        let nothing = extends
            .filter(|grant| duration.after(self.now) <= grant.ends_at)
            .map(|grant| {
                let message = format!(
                    "You hold this until {} already; {duration} from now would not add anything.",
                    utc(grant.ends_at),
                );
                FieldProblem::new("duration_seconds", "adds-nothing", message)
            });
        self.limits.problem(duration).into_iter().chain(nothing)
    }

    pub(crate) fn verdict(
        &self,
        problems: Vec<FieldProblem>,
    ) -> Result<RequestVerdict, RequestRefused> {
        match &self.says {
            Some(says) if problems.is_empty() => says.clone(),
            Some(_) | None => Err(RequestRefused::Fields(problems)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreviewOutcome {
    /// A request; an equal pending one replaces it.
    Request(RequestVerdict),
    Refused(RequestRefused),
    /// No access is granted at present; nothing would be stored.
    NotNow(ActionRefused),
}

impl PreviewOutcome {
    pub fn problem(&self, code: &str) -> Option<&FieldProblem> {
        match self {
            Self::Refused(RequestRefused::Fields(problems)) => {
                problems.iter().find(|problem| problem.code == code)
            }
            Self::Refused(_) | Self::Request(_) | Self::NotNow(_) => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct HeldGrant {
    /// As displayed; the newest of several.
    pub grant: Grant,
    /// As stored: a request is judged by this end.
    pub(crate) stored: Box<Grant>,
    /// A pending extension request.
    pub waiting: Option<Request>,
}

/// Access held without Hallpass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stands {
    pub seen_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct Preview {
    pub target: Target,
    pub names: TargetNames,
    /// Approvers, requirements for reason, ticket and sign-in, and break glass.
    pub decision: Decision,
    /// Rules that list the requester as approver, which does not count.
    pub lists_asker: Vec<RuleId>,
    pub waiting: Option<Request>,
    pub held: Option<HeldGrant>,
    pub stands: Option<Stands>,
    pub starts_at: Option<Timestamp>,
    /// If the rules refuse the present instant or start, the next allowed one within a week.
    pub opens_at: Option<Timestamp>,
    pub(crate) judged: Judgement,
    pub(crate) obstacles: Obstacles,
}

/// General obstacles to granting access.
#[derive(Clone, Debug, Default)]
pub(crate) struct Obstacles {
    pub(crate) to_asking: Option<ActionRefused>,
    /// To an immediate grant.
    pub(crate) to_granting: Option<ActionRefused>,
}

impl Preview {
    pub const fn limits(&self) -> &LengthLimits {
        &self.judged.limits
    }

    /// Judges by the rules and the possible approvers, ignoring duration.
    ///
    /// # Errors
    /// The refusal.
    pub fn by_rules(&self) -> Result<RequestVerdict, RequestRefused> {
        match &self.judged.says {
            Some(says) => says.clone(),
            None => by_rules(&self.decision),
        }
    }

    /// Reason and ticket are not known yet: [`Preview::decision`] has their requirements.
    pub fn asking(&self, duration: TimeSpan) -> PreviewOutcome {
        self.outcome(duration, None, self.waiting.as_ref())
    }

    /// Previews a later end of the held grant, counted from now; a new request if none is held.
    pub fn extending(&self, duration: TimeSpan) -> PreviewOutcome {
        match &self.held {
            Some(held) => self.outcome(duration, Some(&held.stored), held.waiting.as_ref()),
            None => self.asking(duration),
        }
    }

    fn outcome(
        &self,
        duration: TimeSpan,
        extends: Option<&Grant>,
        waiting: Option<&Request>,
    ) -> PreviewOutcome {
        if let Some(why) = &self.obstacles.to_asking {
            return PreviewOutcome::NotNow(why.clone());
        }
        let mut problems = self.judged.problems.clone();
        problems.extend(self.judged.length_problems(duration, extends));
        let verdict = match self.judged.verdict(problems) {
            Err(refused) => return PreviewOutcome::Refused(refused),
            Ok(verdict) => verdict,
        };
        let arming = self.judged.arming.filter(|_| waiting.is_none());
        let held = self.held.as_ref().map(|held| held.stored.as_ref());
        // A later start is judged again then.
        let held = held.filter(|_| !self.judged.starts_later);
        let held = extends.into_iter().chain(held);
        if let Some(Err(why)) = arming.map(|it| it.ensure_possible(held)) {
            return PreviewOutcome::NotNow(why);
        }
        match (verdict, &self.obstacles.to_granting) {
            (RequestVerdict::Granted(_), Some(why)) if waiting.is_none() => {
                PreviewOutcome::NotNow(why.clone())
            }
            (verdict, _) => PreviewOutcome::Request(verdict),
        }
    }
}

#[cfg(test)]
mod tests {
    use hallpass_base::Email;
    use hallpass_rules::{Ask, RuleFile, load};

    use super::*;

    #[test]
    fn who_cannot_be_approved_by_a_user_is_told_the_addresses_unless_they_may_break_the_glass() {
        let asked = |lines: &str| {
            let text = format!("[[rule]]\naccounts = \"*\"\npermission_sets = \"*\"\n{lines}\n");
            let rules = load(&RuleFile::new("rules.toml", text)).unwrap().rules;
            let account = "111111111111".parse().unwrap();
            let ask = Ask::Account {
                account: &account,
                permission_set: "ReadOnly",
            };
            let ana = Email::new("ana@corp.example").unwrap();
            let (nobody, now) = (Directory::default(), Timestamp::UNIX_EPOCH);
            let decision = rules.decide(&ana, &ask, &nobody, now);
            by_rules_and_people(&decision, &nobody)
        };
        let two = "approvers = ['dana@corp.example', 'eve@corp.example']";
        let why = asked(two).unwrap_err();
        assert_eq!(why.code(), "NoApprovers");
        let words = why.message(&[], "prod / Admin", "the platform team");
        for said in ["dana@corp.example, eve@corp.example", "the platform team"] {
            assert!(words.contains(said), "{said}: {words}");
        }
        let glass = format!("{two}\nbreak_glass = 'ana@corp.example'");
        assert_eq!(asked(&glass), Ok(RequestVerdict::Waits));
        let free = asked("approval_is_not_required = true");
        assert_eq!(free, Ok(RequestVerdict::Granted(Approval::NotRequired)));
    }

    #[test]
    fn hours_that_open_are_found_to_the_minute_and_for_a_week() {
        let now: Timestamp = "2026-03-02T06:50:30Z".parse().unwrap();
        for (from, minutes, expected) in [
            ("2026-03-02T06:51:00Z", 600, Some("2026-03-02T06:51:00Z")),
            ("2026-03-02T07:03:00Z", 600, Some("2026-03-02T07:03:00Z")),
            // Opens within a minute: the next whole minute.
            ("2026-03-02T07:03:20Z", 600, Some("2026-03-02T07:04:00Z")),
            ("2026-03-09T06:40:00Z", 600, Some("2026-03-09T06:40:00Z")),
            ("2026-03-09T07:10:00Z", 600, None),
        ] {
            let from: Timestamp = from.parse().unwrap();
            let to = TimeSpan::minutes(minutes).after(from);
            let found = opens_at(now, |at| from <= at && at < to);
            let expected = expected.map(|at| at.parse().unwrap());
            assert_eq!(found, expected, "{from}");
        }
    }

    #[test]
    fn hours_that_never_open_are_looked_for_to_the_end_of_time_and_no_longer() {
        let max = Timestamp::MAX;
        for before in [0, 1, 59, 60, 61, 300, 3_600, 7 * 86_400] {
            let now = TimeSpan::seconds(before).before(max);
            assert_eq!(opens_at(now, |_| false), None, "{before}");
            assert_eq!(opens_at(now, |at| at == max), Some(max), "{before}");
        }
    }

    #[test]
    fn a_limit_is_told_with_the_rules_that_set_it() {
        let rule = |id: &str, lines: &str| {
            format!(
                "[[rule]]\nid = '{id}'\naccounts = '*'\npermission_sets = '*'\n\
                 approvers = 'bo@corp.example'\n{lines}\n"
            )
        };
        let text = rule("wide", "max_duration = '4h'")
            + &rule("short", "max_duration = '2h'")
            + &rule("soon", "max_lead_time = '30m'");
        let rules = load(&RuleFile::new("rules.toml", text)).unwrap().rules;
        let account = "111111111111".parse().unwrap();
        let ask = Ask::Account {
            account: &account,
            permission_set: "ReadOnly",
        };
        let ana = Email::new("ana@corp.example").unwrap();
        let now = "2026-03-02T10:00:00Z".parse().unwrap();
        let decision = rules.decide(&ana, &ask, &Directory::default(), now);
        let settings = Settings::default();
        let limits = LengthLimits::of(Some(&decision), &settings);
        assert_eq!(limits.longest_words(), "2h, by rule `short`");
        let late = TimeSpan::hours(1).after(now);
        let late = start_problem(late, Some(&decision), &settings, now).unwrap();
        assert!(
            late.message.ends_with(": 30m ahead, by rule `soon`."),
            "{}",
            late.message
        );
    }
}
