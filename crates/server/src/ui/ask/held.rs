//! What is held already, said before somebody asks for it.

use hallpass_access::{Patience, words as access_words};
use hallpass_model::Target;

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
    let words = stands.map(|stands| access_words::held_already(&view.words(stands.seen_at)));
    Ok(Coded(words.unwrap_or_default()))
}
