//! Access for immediate use, held or newly requested: for a command, the console, profiles.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

use hallpass_api::{Ask, Grant, GrantState, Me, Request};
use hallpass_base::{AccountId, IdError, PermissionSetName, TimeSpan};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use hallpass_terminal::words;
use tokio::time::{Instant, sleep};

use crate::aws_portal::{AccessPortal, PortalError, RoleCredentials, SignInWay, SsoToken};
use crate::client::Client;
use crate::confirming::ConfirmArgs;
use crate::follow::{Followed, Last, follow};
use crate::ids::{account_id, preview};
use crate::tables::{self, Viewpoint};
use crate::target_args::TargetArgs;

/// Default requested duration, in seconds.
const LENGTH: u64 = 3600;
const GRANTS_MAX: usize = 1000;
/// How long the portal may lag behind access visible at AWS.
const LAG_MAX: Duration = Duration::from_secs(20);
const LAG_PAUSE: Duration = Duration::from_secs(2);

/// A permission set in an account.
#[derive(Debug, clap::Args)]
pub struct RoleArgs {
    /// Account: its id, or its name when only one has it
    #[arg(long, value_name = "ACCOUNT")]
    pub account: String,
    /// Permission set, by name
    #[arg(long, value_name = "NAME")]
    pub permission_set: String,
}

/// Options of a request for access that is not held yet.
#[derive(Debug, clap::Args)]
pub struct AskArgs {
    /// Why, if a request is needed; approvers read this
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// For how long, if a request is needed [default: 1h, or less if that is the maximum]
    #[arg(long = "for", value_name = "DURATION")]
    duration: Option<TimeSpan>,
    /// A ticket, if a rule requires one
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    /// How long to wait for the access
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    timeout: TimeSpan,
    #[command(flatten)]
    confirm: ConfirmArgs,
}

/// Usable access. Its names go into files, commands and addresses, so they are validated by AWS's
/// rules.
#[derive(Debug)]
pub struct HeldRole {
    pub account: AccountId,
    pub permission_set: PermissionSetName,
    /// Absent for access outside Hallpass.
    pub grant: Option<Grant>,
}

impl RoleArgs {
    /// Parses the permission set name.
    ///
    /// # Errors
    /// Exit 2 for an invalid name.
    pub fn permission_set(&self) -> Result<PermissionSetName, Failure> {
        PermissionSetName::new(self.permission_set.as_str()).map_err(|error| {
            Failure::bad_input(output::plain(&error.to_string())).at("--permission-set")
        })
    }

    fn target(&self) -> TargetArgs {
        TargetArgs {
            account: Some(self.account.clone()),
            permission_set: Some(self.permission_set.clone()),
            group: None,
        }
    }
}

impl HeldRole {
    fn of(grant: Grant) -> Result<Self, Failure> {
        match Self::read(grant)? {
            Some(role) => Ok(role),
            None => Err(Failure::failed("the server granted something else")),
        }
    }

    fn read(grant: Grant) -> Result<Option<Self>, Failure> {
        let (Some(account), Some(set)) = (&grant.account, &grant.permission_set) else {
            return Ok(None);
        };
        Ok(Some(Self {
            account: AccountId::new(account.as_str()).map_err(|error| unusable(&error))?,
            permission_set: PermissionSetName::new(set.as_str())
                .map_err(|error| unusable(&error))?,
            grant: Some(grant),
        }))
    }
}

/// Returns the caller and their portal.
///
/// # Errors
/// When the server names no portal.
pub async fn me_and_portal(client: &Client) -> Result<(Me, AccessPortal), Failure> {
    let mut me: Me = client.get(&["me"], &[]).await?;
    let portal = me.portal.take().ok_or_else(|| {
        Failure::failed("the server does not say where the access portal is")
            .help("it has to be of this program's version, with `identity.portal_url` where needed")
    })?;
    Ok((me, AccessPortal::new(portal)?))
}

/// The server returned a name that is invalid at AWS.
fn unusable(error: &IdError) -> Failure {
    let error = output::plain(&error.to_string());
    Failure::failed(format!(
        "the server names a grant's target wrongly: {error}"
    ))
    .help("check that `--server` names your Hallpass server; nothing was written or run")
}

/// The roles of the caller's active grants, newest first.
///
/// # Errors
/// As [`Client::list`], and for names invalid at AWS.
pub async fn held_roles(client: &Client, me: &Me) -> Result<Vec<HeldRole>, Failure> {
    let query = [("state", "live".to_owned()), ("user", me.email.clone())];
    let found = client
        .list::<Grant>(&["grants"], &query, GRANTS_MAX)
        .await?;
    let active = found
        .items
        .into_iter()
        .filter(|it| it.state == GrantState::Active);
    active
        .filter_map(|it| HeldRole::read(it).transpose())
        .collect()
}

/// Returns the held role; if not held, requests it and waits.
pub async fn held_role(
    client: &Client,
    role: &RoleArgs,
    ask: &AskArgs,
) -> Result<HeldRole, Failure> {
    let preview = preview(client, &role.target()).await?;
    if let Some(grant) = preview.held {
        return match grant.state {
            GrantState::Active => HeldRole::of(grant),
            GrantState::Scheduled
            | GrantState::Granting
            | GrantState::Ending
            | GrantState::Ended
            | GrantState::Failed
            | GrantState::Unknown => wait_for(client, Last::Grant(grant), ask).await,
        };
    }
    if preview.standing.is_some() {
        return Ok(HeldRole {
            account: account_id(client, &role.account).await?,
            permission_set: role.permission_set()?,
            grant: None,
        });
    }
    let length = LENGTH.min(preview.max_duration_seconds);
    let reason = reason(role, ask)?;
    let wish = |confirmed_warnings| Ask {
        account: Some(role.account.clone()),
        permission_set: Some(role.permission_set.clone()),
        group: None,
        duration_seconds: ask.duration.map_or(length, TimeSpan::as_seconds),
        reason: reason.clone(),
        ticket: ask.ticket.clone(),
        starts_at: None,
        confirmed_warnings,
    };
    let request: Request = ask.confirm.post(client, &["requests"], wish).await?;
    output::say(&format!("Asked: {}", output::plain(&request.id)));
    let held = wait_for(client, Last::Request(request), ask).await?;
    if let Some(grant) = &held.grant {
        let view = Viewpoint::here();
        let ends = words::ends(grant.ends_at, view.now, &view.zone);
        output::say(&output::plain(&format!("{}. {ends}.", tables::held(grant))));
    }
    Ok(held)
}

async fn wait_for(client: &Client, last: Last, ask: &AskArgs) -> Result<HeldRole, Failure> {
    match follow(client, last, ask.timeout).await? {
        Followed::Active(grant) => HeldRole::of(*grant),
        Followed::Over(_, failure) => Err(failure),
    }
}

fn reason(role: &RoleArgs, ask: &AskArgs) -> Result<String, Failure> {
    if let Some(reason) = &ask.reason {
        return Ok(reason.clone());
    }
    let what = format!("{} / {}", role.account, role.permission_set);
    let missing = || {
        Failure::bad_input(format!("you do not hold `{what}` now"))
            .help("give `--reason TEXT` to request it, and `--for 30m` for how long")
    };
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(missing());
    }
    let mut stderr = io::stderr().lock();
    let failed = |error| Failure::failed(format!("cannot ask for the reason: {error}"));
    write!(stderr, "You do not hold {what} now. Why do you need it? ").map_err(failed)?;
    stderr.flush().map_err(failed)?;
    let mut text = String::new();
    io::stdin().lock().read_line(&mut text).map_err(failed)?;
    match text.trim() {
        "" => Err(missing()),
        text => Ok(text.to_owned()),
    }
}

#[derive(Clone, Copy, Debug)]
pub enum SignIn {
    Ask(SignInWay),
    Never,
}

/// Credentials of a held role.
///
/// # Errors
/// When no user is signed in to the portal, or it refuses.
pub async fn credentials(
    portal: &AccessPortal,
    held: &HeldRole,
    sign_in: SignIn,
) -> Result<RoleCredentials, Failure> {
    let until = Instant::now() + LAG_MAX;
    let mut token = signed_in(portal, sign_in).await?;
    let mut has_signed_in_again = false;
    loop {
        let given = portal
            .role_credentials(&token, &held.account, &held.permission_set)
            .await;
        match given {
            Ok(credentials) => return Ok(credentials),
            Err(PortalError::Failed(failure)) => return Err(failure),
            Err(PortalError::NotSignedIn) if has_signed_in_again => {
                return Err(Failure::failed("the access portal refuses its own sign-in"));
            }
            Err(PortalError::NotSignedIn) => {
                portal.forget_token();
                has_signed_in_again = true;
                token = signed_in(portal, sign_in).await?;
            }
            Err(PortalError::NoAccess) if held.grant.is_some() && Instant::now() < until => {
                sleep(LAG_PAUSE).await;
            }
            Err(PortalError::NoAccess) => return Err(no_access(held)),
        }
    }
}

fn no_access(held: &HeldRole) -> Failure {
    let HeldRole {
        account,
        permission_set,
        ..
    } = held;
    Failure::failed(format!(
        "the access portal gives you no `{permission_set}` in `{account}`"
    ))
    .code("portal")
    .help(
        "`hallpass grants` shows whether it has ended; if you signed in to AWS as another user, run `hallpass aws \
         login` again",
    )
}

async fn signed_in(portal: &AccessPortal, sign_in: SignIn) -> Result<SsoToken, Failure> {
    if let Some(token) = portal.kept_token().await? {
        return Ok(token);
    }
    match sign_in {
        SignIn::Ask(way) => portal.sign_in(way).await,
        SignIn::Never => Err(Failure::failed("you are not signed in to AWS")
            .code("portal")
            .help("`hallpass aws login` signs in")),
    }
}

/// Whether a program exists, by its path or in `PATH`.
pub fn is_found(program: &Path) -> bool {
    if program.components().count() > 1 {
        return program.exists();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| {
        let path = folder.join(program);
        path.is_file() || (cfg!(windows) && path.with_extension("exe").is_file())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_role_has_the_forms_that_aws_allows() {
        let grant = |account: &str, set: &str| -> Grant {
            serde_json::from_value(json!({
                "id": "grn_01934a5b6c7d7e8f90123456789abcde", "state": "active",
                "request_id": "req_01934a5b6c7d7e8f90123456789abcde",
                "user": "mara@acme.example", "user_name": "Mara", "user_id": "u",
                "account": account, "permission_set": set, "duration_seconds": 7200,
                "reason": "disk full", "approver": "priya@acme.example", "approval": "peer",
                "scheduled_at": "2026-03-06T13:59:00Z", "ends_at": "2026-03-06T16:00:00Z",
                "standing": false, "stuck": false, "version": 3
            }))
            .unwrap()
        };
        let evil = "x\n[default]\ncredential_process = touch /tmp/x";
        for (account, set) in [
            (evil, "ReadOnly"),
            ("222233334444\n", "ReadOnly"),
            ("", "ReadOnly"),
            ("222233334444", evil),
            ("222233334444", "ReadOnly "),
            ("222233334444", "Read\u{2028}Only"),
            ("222233334444", "$(id)"),
            ("222233334444", ""),
        ] {
            let failure = HeldRole::read(grant(account, set)).unwrap_err();
            let said = failure.words();
            assert!(said.contains("names a grant's target wrongly"), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
        let role = HeldRole::read(grant("222233334444", "Read_Only+=,.@-")).unwrap();
        assert!(role.is_some_and(|it| it.account.as_str() == "222233334444"));
        let group = Grant {
            account: None,
            ..grant("", "")
        };
        assert!(HeldRole::read(group).unwrap().is_none());
    }
}
