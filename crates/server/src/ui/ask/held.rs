//! What is held already, said before somebody asks for it.

use hallpass_access::Patience;
use hallpass_model::Target;
use hallpass_wording::standing;

use crate::{
    App,
    problem::ProblemResponse,
    ui::{
        presenter::{Coded, Presenter},
        shell::Viewer,
    },
};

/// That the viewer holds the target without Hallpass; empty when they do not, as far as is known.
pub(super) async fn held_already(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    target: &Target,
) -> Result<Coded, ProblemResponse> {
    let Some(user) = &viewer.actor.user else {
        return Ok(Coded::default());
    };
    let stands = app.access.stands(user, target, Patience::Look).await?;
    let words = stands.map(|stands| standing::held_already(&view.words(stands.seen_at)));
    Ok(Coded(words.unwrap_or_default()))
}
