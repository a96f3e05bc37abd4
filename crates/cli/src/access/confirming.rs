use hallpass_access_files::{AccessRefusal, SavedDiff};
use hallpass_app::chores::plans::RunningArgs;
use hallpass_base::PermissionSetName;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::prompt::{Consent, confirm_act};

/// Explicit permissions and confirmation.
#[derive(Debug, clap::Args)]
pub(super) struct Confirming {
    /// Allow loosening this protected set and deleting its assignments
    #[arg(long, value_name = "NAME")]
    unprotect: Vec<PermissionSetName>,
    /// Allow removing your own current access
    #[arg(long)]
    allow_self_lockout: bool,
    /// With `manage: all`: the number of deletions
    #[arg(long, value_name = "COUNT")]
    confirm: Option<usize>,
}

impl Confirming {
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

    pub(super) fn check(&self, saved: &SavedDiff) -> Result<(), Failure> {
        let against = saved.refusals.iter().filter(|it| !self.allows(it));
        let against: Vec<String> = against.map(ToString::to_string).collect();
        if against.is_empty() {
            return Ok(());
        }
        Err(not_done(against).code("refused"))
    }
}

/// # Errors
/// Exit 4 on a negative answer, and without `--yes` if there is no terminal.
pub(super) fn ask(saved: &SavedDiff, running: &RunningArgs) -> Result<(), Failure> {
    let consent = Consent::from(running.has_yes());
    confirm_act("this changes access", &question(saved), consent)
}

pub(super) fn question(saved: &SavedDiff) -> String {
    let totals = saved.diff.totals();
    format!(
        "Apply {} to add, {} to change, {} to delete, {} to provision?",
        totals.add, totals.change, totals.delete, totals.provision
    )
}

pub(super) fn not_done(against: Vec<String>) -> Failure {
    let failure = Failure::refused("the plan is refused; nothing was changed");
    against.into_iter().fold(failure, Failure::detail)
}
