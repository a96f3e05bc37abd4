use hallpass_access::{
    AnswerKind, Campaign, CampaignLine, CampaignState, CampaignView, LineChange, LineUse,
    Unanswered,
};
use hallpass_api as api;
use hallpass_base::TimeSpan;

use crate::{convert::names, convert_sweeps::acceptance};

pub(crate) fn campaign(view: &CampaignView) -> api::Campaign {
    let campaign = &view.campaign;
    let answered = view.counts.iter().filter(|it| it.answer.is_some());
    let signature = campaign.signature();
    api::Campaign {
        id: campaign.id.to_string(),
        name: campaign.name.clone(),
        owner: campaign.owner.email.to_string(),
        state: state(campaign),
        scope: campaign.scope.clone(),
        reviewers: campaign.reviewers.iter().map(ToString::to_string).collect(),
        unanswered: match campaign.unanswered {
            Unanswered::Keep => api::Unanswered::Keep,
            Unanswered::Remove => api::Unanswered::Remove,
        },
        begun_at: campaign.begun_at,
        due_at: campaign.due_at,
        repeat_seconds: campaign.repeat_every.map(TimeSpan::as_seconds),
        previous: campaign.previous.map(|it| it.to_string()),
        sweep_id: campaign.sweep.to_string(),
        listed_at: campaign.listed_at,
        unread: campaign.unread,
        lines: campaign.lines,
        answered: answered.map(|it| it.lines).sum(),
        waiting: view.waiting(),
        signed_by: signature.map(|it| it.by.email.to_string()),
        signed_at: signature.map(|it| it.at),
        sha256: signature.map(|it| it.sha256.clone()),
        plan: campaign.plan().map(|it| it.to_string()),
    }
}

const fn state(campaign: &Campaign) -> api::CampaignState {
    match campaign.state {
        CampaignState::Open => api::CampaignState::Open,
        CampaignState::Closed { .. } => api::CampaignState::Closed,
        CampaignState::SignedOff { .. } => api::CampaignState::SignedOff,
    }
}

pub(crate) const fn answer(kind: AnswerKind) -> api::LineAnswer {
    match kind {
        AnswerKind::Keep => api::LineAnswer::Keep,
        AnswerKind::Remove => api::LineAnswer::Remove,
        AnswerKind::OnRequest => api::LineAnswer::OnRequest,
    }
}

pub(crate) fn line(line: &CampaignLine) -> api::CampaignLine {
    let place = names(Some(&line.key.target), &line.names);
    let answered = line.answer.as_ref();
    api::CampaignLine {
        line: line.number,
        user_id: line.key.user.to_string(),
        user: line.holder.as_ref().map(|it| it.email.to_string()),
        user_name: line.holder.as_ref().map(|it| it.name.clone()),
        account: place.account,
        account_name: place.account_name,
        permission_set: place.permission_set,
        group: place.group,
        group_name: place.group_name,
        gives: line.gives.iter().map(ToString::to_string).collect(),
        production: line.production,
        first_seen: line.first_seen,
        usage: match line.used {
            LineUse::Used { .. } => Some(api::LineUse::Used),
            LineUse::Never => Some(api::LineUse::Never),
            LineUse::Unknown => None,
        },
        last_used: line.used.last(),
        change: match line.change {
            LineChange::New => api::LineChange::New,
            LineChange::StillThere => api::LineChange::StillThere,
            LineChange::Kept => api::LineChange::Kept,
        },
        accepted: line.accepted.as_ref().map(acceptance),
        reviewer: line.reviewer.email.to_string(),
        answer: answered.map(|it| answer(it.answer)),
        reason: answered
            .map(|it| it.reason.clone())
            .filter(|it| !it.is_empty()),
        rules: answered.map(|it| it.rules.clone()).unwrap_or_default(),
        answered_by: answered.map(|it| it.by.email.to_string()),
        answered_at: answered.map(|it| it.at),
    }
}
