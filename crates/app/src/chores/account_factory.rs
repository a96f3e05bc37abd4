//! Obstacles to Account Factory, for every command that launches with it.

use hallpass_org::control_tower::FactoryObstacle;
use hallpass_terminal::exit::Failure;

/// Reports known obstacles to every Account Factory launch before any change (`organization.md`
/// V-6).
///
/// # Errors
/// Exit 4 with each obstacle and its remedy.
pub fn can_launch(obstacles: &[FactoryObstacle]) -> Result<(), Failure> {
    if obstacles.is_empty() {
        return Ok(());
    }
    let refused = Failure::refused("Account Factory cannot launch anything; nothing was changed");
    let refused = obstacles.iter().fold(refused, |refused, it| {
        refused.detail(format!("{}: {}", it.what, it.help))
    });
    Err(refused.code("refused"))
}
