use hallpass_access::Directory;
use hallpass_access::identity::{FIRST_SIGN_IN_LASTS, FirstSignIn, Owner, first_sign_in_url};
use hallpass_app::config::Loaded;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::sources::new_secret;
use hallpass_terminal::output;

/// Prints a one-time link for the first administrator while no provider is configured. Failures are
/// printed only: access begins and ends without it.
pub(super) async fn say(loaded: &Loaded, store: &ServerStore, directory: &Directory) {
    let administrator = loaded
        .first_administrator()
        .filter(|_| !loaded.has_provider());
    let Some(email) = administrator else {
        return;
    };
    let made = async {
        let person = directory.person_by_email(&email).ok();
        let person = person
            .filter(|person| person.enabled)
            .ok_or("not in the directory")?;
        let owner = Owner {
            user: person.user_id.clone(),
            email: email.clone(),
            secondary_domain: false,
        };
        let code = new_secret().map_err(|error| error.to_string())?;
        let kept = FirstSignIn::keep(store, &owner, &code, hallpass_base::clock::now()).await;
        kept.map_err(|fault| fault.to_string())?;
        Ok::<String, String>(first_sign_in_url(&loaded.config.server.public_url, &code))
    };
    match made.await {
        Ok(url) => output::say(&format!(
            "No sign-in provider is configured. {email}, an administrator, signs in once within \
             {FIRST_SIGN_IN_LASTS} at {url}"
        )),
        Err(why) => output::say(&format!(
            "No sign-in provider is configured, and no one-time link could be made for {email}: {why}; \
             `hallpass server first-sign-in` makes one."
        )),
    }
}
