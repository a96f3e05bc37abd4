//! What speaks against files of access and may be allowed, and what is asked before they are carried out.

use hallpass_access_files::{AccessRefusal, SavedDiff};
use hallpass_app::chores::plans::RunningArgs;
use hallpass_base::PermissionSetName;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::prompt::{Consent, confirm_act};

/// What is allowed in so many words, and how it is asked about.
#[derive(Debug, clap::Args)]
pub(super) struct Confirming {
    /// Let this protected set be loosened, and its assignments deleted
    #[arg(long, value_name = "NAME")]
    unprotect: Vec<PermissionSetName>,
    /// Let the access go with which you are signed in
    #[arg(long)]
    allow_self_lockout: bool,
    /// With `manage: all`: so many deletions are meant
    #[arg(long, value_name = "COUNT")]
    confirm: Option<usize>,
}

impl Confirming {
    /// Whether something that speaks against the plan was allowed in so many words.
    fn allows(&self, refusal: &AccessRefusal) -> bool {
        match refusal {
            AccessRefusal::Protected { permission_set } => self.unprotect.contains(permission_set),
            AccessRefusal::TooManyDeletions { .. } => false,
            AccessRefusal::Unconfirmed { deletions } => self.confirm == Some(*deletions),
            AccessRefusal::SelfLockout { .. } | AccessRefusal::SelfNarrowed { .. } => {
                self.allow_self_lockout
            }
        }
    }

    /// Refuses what was not allowed.
    ///
    /// # Errors
    /// Exit 4 with all that speaks against it.
    pub(super) fn check(&self, saved: &SavedDiff) -> Result<(), Failure> {
        let against = saved.refusals.iter().filter(|it| !self.allows(it));
        let against: Vec<String> = against.map(ToString::to_string).collect();
        if against.is_empty() {
            return Ok(());
        }
        Err(not_done(against).code("refused"))
    }
}

/// Asks before it is carried out.
///
/// # Errors
/// Exit 4 when the answer is no, and without `--yes` where there is no terminal.
pub(super) fn ask(saved: &SavedDiff, running: &RunningArgs) -> Result<(), Failure> {
    let consent = Consent::from(running.has_yes());
    confirm_act("this changes who has access", &question(saved), consent)
}

/// What is asked before it is carried out.
pub(super) fn question(saved: &SavedDiff) -> String {
    let totals = saved.diff.totals();
    format!(
        "Apply {} to add, {} to change, {} to delete, {} to provision?",
        totals.add, totals.change, totals.delete, totals.provision
    )
}

/// Why a plan is refused.
pub(super) fn not_done(against: Vec<String>) -> Failure {
    let failure = Failure::refused("the plan is refused; nothing was changed");
    against.into_iter().fold(failure, Failure::detail)
}
