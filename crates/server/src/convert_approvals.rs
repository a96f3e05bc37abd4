use hallpass_access::{ApprovalHours, ApprovalsOpen, Request, StageProgress};
use hallpass_api as api;
use hallpass_base::Timestamp;

pub(crate) fn reviews(request: &Request) -> Vec<api::Review> {
    let counting = request.reviewers();
    let reviews = request.reviews.iter().map(|review| api::Review {
        by: review.by.to_string(),
        at: review.at,
        comment: review.comment.clone(),
        counts_no_more: !counting.iter().any(|it| std::ptr::eq(*it, review)),
    });
    reviews.collect()
}

pub(crate) fn stages(request: &Request) -> Vec<api::RequestStage> {
    let on_the_wire = |stage: &StageProgress| api::RequestStage {
        rule: stage.rule.to_string(),
        name: stage.name.clone(),
        quorum: stage.quorum,
        filled: stage.filled,
        approvers: stage.helpers.iter().map(ToString::to_string).collect(),
    };
    request.stages().iter().map(on_the_wire).collect()
}

pub(crate) fn hours(hours: &[ApprovalHours]) -> Vec<api::ApprovalWindow> {
    let on_the_wire = |hours: &ApprovalHours| api::ApprovalWindow {
        rule: hours.rule().to_string(),
        hours: hours.to_string(),
    };
    hours.iter().map(on_the_wire).collect()
}

pub(crate) const fn opens_at(open: ApprovalsOpen) -> Option<Timestamp> {
    match open {
        ApprovalsOpen::From(at) => Some(at),
        ApprovalsOpen::Now | ApprovalsOpen::Never => None,
    }
}
