use hallpass_access::{
    Approval, DecidedKind, EndCause, EndOutcome, Fate, GrantState, ItemChange, ItemKind,
    OnRuleChange, RequestState, SweepMode, SweepReach, SweepState, Trigger,
};
use hallpass_activity::GrantUseState;
use hallpass_api as api;
use hallpass_rules::DecisionKind;

pub(crate) const fn request(state: &RequestState) -> api::RequestState {
    match state {
        RequestState::Pending => api::RequestState::Pending,
        RequestState::Approved { .. } => api::RequestState::Approved,
        RequestState::Denied { .. } => api::RequestState::Denied,
        RequestState::Discarded { .. } => api::RequestState::Discarded,
        RequestState::Expired { .. } => api::RequestState::Expired,
        RequestState::Rejected { .. } => api::RequestState::Rejected,
    }
}

pub(crate) const fn grant(state: &GrantState) -> api::GrantState {
    match state {
        GrantState::Scheduled => api::GrantState::Scheduled,
        GrantState::Granting => api::GrantState::Granting,
        GrantState::Active => api::GrantState::Active,
        GrantState::Ending { .. } => api::GrantState::Ending,
        GrantState::Ended { .. } => api::GrantState::Ended,
        GrantState::Failed { .. } => api::GrantState::Failed,
    }
}

pub(crate) const fn approval(approval: Approval) -> api::Approval {
    match approval {
        Approval::NotRequired => api::Approval::NotRequired,
        Approval::Own => api::Approval::Own,
        Approval::Peer => api::Approval::Peer,
        Approval::BreakGlass => api::Approval::BreakGlass,
        Approval::Adopted => api::Approval::Adopted,
    }
}

pub(crate) const fn cause(cause: &EndCause) -> api::EndCause {
    match cause {
        EndCause::Expired => api::EndCause::Expired,
        EndCause::Released => api::EndCause::Released,
        EndCause::Revoked { .. } => api::EndCause::Revoked,
        EndCause::RuleChanged => api::EndCause::RuleChanged,
        EndCause::PrincipalLeft => api::EndCause::PrincipalLeft,
        EndCause::Drift => api::EndCause::Drift,
        EndCause::Guard { .. } => api::EndCause::Guard,
    }
}

pub(crate) const fn outcome(outcome: EndOutcome) -> api::EndOutcome {
    match outcome {
        EndOutcome::Removed => api::EndOutcome::Removed,
        EndOutcome::Guard => api::EndOutcome::Guard,
        EndOutcome::AlreadyAbsent => api::EndOutcome::AlreadyAbsent,
        EndOutcome::NeverCreated => api::EndOutcome::NeverCreated,
        EndOutcome::PrincipalGone => api::EndOutcome::PrincipalGone,
        EndOutcome::AccountGone => api::EndOutcome::AccountGone,
        EndOutcome::Standing => api::EndOutcome::Standing,
        EndOutcome::HeldByOtherGrant => api::EndOutcome::HeldByOtherGrant,
    }
}

pub(crate) const fn decided(kind: DecidedKind) -> api::DecisionKind {
    match kind {
        DecidedKind::Invalid => api::DecisionKind::Invalid,
        DecidedKind::Adopted => api::DecisionKind::Adopted,
        DecidedKind::Rules(kind) => decision(kind),
    }
}

pub(crate) const fn decision(kind: DecisionKind) -> api::DecisionKind {
    match kind {
        DecisionKind::ApprovalNotRequired => api::DecisionKind::ApprovalNotRequired,
        DecisionKind::SelfApproval => api::DecisionKind::SelfApproval,
        DecisionKind::RequiresApproval => api::DecisionKind::RequiresApproval,
        DecisionKind::NoApprovers => api::DecisionKind::NoApprovers,
        DecisionKind::NoStatements => api::DecisionKind::NoStatements,
        DecisionKind::RequesterNotAllowed => api::DecisionKind::RequesterNotAllowed,
    }
}

pub(crate) const fn grant_use(state: GrantUseState) -> api::GrantUse {
    match state {
        GrantUseState::Used => api::GrantUse::Used,
        GrantUseState::NeverUsed => api::GrantUse::NeverUsed,
        GrantUseState::NotSoFar => api::GrantUse::NotSoFar,
        GrantUseState::NotKnown | GrantUseState::LogEndsBefore => api::GrantUse::NotKnown,
    }
}

pub(crate) const fn on_rule_change(does: OnRuleChange) -> api::OnRuleChange {
    match does {
        OnRuleChange::Report => api::OnRuleChange::Report,
        OnRuleChange::End => api::OnRuleChange::End,
    }
}

pub(crate) const fn sweep(state: &SweepState) -> api::SweepState {
    match state {
        SweepState::Queued => api::SweepState::Queued,
        SweepState::Running => api::SweepState::Running,
        SweepState::Interrupted { .. } => api::SweepState::Interrupted,
        SweepState::Failed { .. } => api::SweepState::Failed,
        SweepState::Planned { .. } => api::SweepState::Planned,
        SweepState::Stopped { .. } => api::SweepState::Stopped,
        SweepState::Replaced { .. } => api::SweepState::Replaced,
        SweepState::Working { .. } => api::SweepState::Working,
        SweepState::Done { .. } => api::SweepState::Done,
    }
}

pub(crate) const fn trigger(trigger: &Trigger) -> api::SweepTrigger {
    match trigger {
        Trigger::Check => api::SweepTrigger::Check,
        Trigger::Schedule => api::SweepTrigger::Schedule,
        Trigger::Person { .. } => api::SweepTrigger::Person,
        Trigger::Campaign { .. } => api::SweepTrigger::Campaign,
        Trigger::SwitchedOff => api::SweepTrigger::SwitchedOff,
    }
}

pub(crate) const fn mode(mode: SweepMode) -> api::SweepMode {
    match mode {
        SweepMode::Off => api::SweepMode::Off,
        SweepMode::Report => api::SweepMode::Report,
        SweepMode::Adopt { .. } => api::SweepMode::Adopt,
        SweepMode::Revoke => api::SweepMode::Revoke,
    }
}

pub(crate) const fn scope(reach: SweepReach) -> api::SweepScope {
    match reach {
        SweepReach::Rules => api::SweepScope::Rules,
        SweepReach::All => api::SweepScope::All,
    }
}

pub(crate) const fn item(kind: &ItemKind) -> api::StandingKind {
    match kind {
        ItemKind::Unknown => api::StandingKind::Unmanaged,
        ItemKind::Preexisting { .. } => api::StandingKind::Preexisting,
        ItemKind::UnderGrant => api::StandingKind::UnderGrant,
        ItemKind::Accepted { .. } => api::StandingKind::Accepted,
        ItemKind::ReviewOverdue { .. } => api::StandingKind::ReviewOverdue,
    }
}

pub(crate) const fn change(change: ItemChange) -> api::StandingChange {
    match change {
        ItemChange::New => api::StandingChange::New,
        ItemChange::Changed => api::StandingChange::Changed,
        ItemChange::Same => api::StandingChange::Same,
    }
}

pub(crate) const fn fate(fate: &Fate) -> api::StandingFate {
    match fate {
        Fate::Reported => api::StandingFate::Reported,
        Fate::Waits { .. } => api::StandingFate::Waits,
        Fate::InHand { .. } => api::StandingFate::InHand,
        Fate::Planned { .. } => api::StandingFate::Planned,
        Fate::Due { .. } => api::StandingFate::Due,
        Fate::Removing { .. } => api::StandingFate::Removing,
        Fate::Gone { .. } => api::StandingFate::Gone,
        Fate::Stuck { .. } => api::StandingFate::Stuck,
        Fate::Adopted { .. } => api::StandingFate::Adopted,
        Fate::LeftAlone { .. } => api::StandingFate::LeftAlone,
    }
}
