//! Plans of a chore that were kept before. Whoever must do nothing twice goes by all of them: one that was begun and cannot
//! be read is an error, and not passed over.

use hallpass_plans::{Folded, Plan, PlanId, PlanStore, Saved, StoreFault, fold};

/// Why it is not known what earlier plans did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EarlierUnread {
    /// Our own store did not answer.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// A plan may have done something, and nobody can tell what.
    #[error(
        "plan {plan} was begun before and cannot be read ({why}): another plan could do again what it did; nothing was changed"
    )]
    Plan {
        /// The plan.
        plan: PlanId,
        /// What is wrong with it.
        why: String,
    },
}

impl EarlierUnread {
    /// What to do.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Store(_) => None,
            Self::Plan { .. } => Some(
                "a plan of a later release is read by that release; `hallpass server store check` names what is damaged, \
                 and docs/operations/backup-and-restore.md says how a backup is put in its place",
            ),
        }
    }
}

/// The plans of a kind, newest first, with what each keeps of its kind. One that was never begun did nothing, and is left out
/// where it cannot be read.
pub(crate) async fn plans_that_count<T>(
    store: &dyn PlanStore,
    (kind, limit): (&str, u32),
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
            let why = "what it says of its rows has another form".to_owned();
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
    // a journal that cannot be read may say anything
    if journal.is_ok_and(|folded| folded.began.is_none()) {
        return Ok(());
    }
    let plan = plan.clone();
    Err(EarlierUnread::Plan { plan, why })
}

/// What became of a plan.
pub(crate) async fn became_of(
    store: &dyn PlanStore,
    plan: &PlanId,
) -> Result<Folded, EarlierUnread> {
    fold(&store.journal(plan).await?).map_err(|error| EarlierUnread::Plan {
        plan: plan.clone(),
        why: error.to_string(),
    })
}
