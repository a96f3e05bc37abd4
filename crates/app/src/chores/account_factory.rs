//! What stands against Account Factory, for every command that launches by it.

use hallpass_org::control_tower::FactoryObstacle;
use hallpass_terminal::exit::Failure;

/// What is known to stand against every launch of Account Factory is said before anything is changed
/// (`organization.md` V-6).
///
/// # Errors
/// Exit 4 with each obstacle and what would help.
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
