//! Earlier plans of a chore. Chores that must not repeat an action check all of them: a started but
//! unreadable plan is an error.

use hallpass_plans::{Folded, Plan, PlanId, PlanStore, Saved, StoreFault, fold};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EarlierUnread {
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(
        "plan {plan} was started before and cannot be read ({why}): another plan could repeat its steps; nothing was changed"
    )]
    Plan { plan: PlanId, why: String },
}

impl EarlierUnread {
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Store(_) => None,
            Self::Plan { .. } => Some(
                "a plan of a later release is read by that release; `hallpass server store check` names \
                 damaged data, and docs/operations/backup-and-restore.md says how to restore a backup",
            ),
        }
    }
}

/// Plans of a kind, newest first, with their kind's data. Unreadable plans that never started are
/// omitted.
pub(crate) async fn plans_that_count<T>(
    store: &dyn PlanStore,
    kind: &str,
    limit: u32,
    kept: fn(&Plan) -> Option<T>,
) -> Result<Vec<(Saved, T)>, EarlierUnread> {
    let found = store.plans_of_kind(kind, limit).await?;
    for unread in found.unread {
        refuse_begun(store, &unread.id, unread.why).await?;
    }
    let mut all = Vec::with_capacity(found.plans.len());
    for saved in found.plans {
        if let Some(kept) = kept(&saved.plan) {
            all.push((saved, kept));
        } else {
            let why = "its rows have another form".to_owned();
            refuse_begun(store, &saved.plan.id, why).await?;
        }
    }
    Ok(all)
}

async fn refuse_begun(
    store: &dyn PlanStore,
    plan: &PlanId,
    why: String,
) -> Result<(), EarlierUnread> {
    let journal = fold(&store.journal(plan).await?);
    if journal.is_ok_and(|folded| folded.began.is_none()) {
        return Ok(());
    }
    let plan = plan.clone();
    Err(EarlierUnread::Plan { plan, why })
}

pub(crate) async fn became_of(
    store: &dyn PlanStore,
    plan: &PlanId,
) -> Result<Folded, EarlierUnread> {
    fold(&store.journal(plan).await?).map_err(|error| EarlierUnread::Plan {
        plan: plan.clone(),
        why: error.to_string(),
    })
}
