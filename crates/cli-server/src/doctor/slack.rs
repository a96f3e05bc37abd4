use hallpass_app::config::Loaded;
use hallpass_channels::slack::{self, CheckFinding, Client};

use super::{DoctorReport, SEE_MESSAGE};

const CHECK: &str = "slack";

pub(super) async fn check(loaded: &Loaded, report: &mut DoctorReport) {
    let app = match loaded.slack() {
        Ok(Some(app)) => app,
        Ok(None) => return,
        Err(failure) => return report.add(CHECK, Err((failure.words(), "fix `[slack]`"))),
    };
    let client = match Client::new(&app.api_url, app.bot_token) {
        Ok(client) => client,
        Err(error) => return report.add(CHECK, Err((error.to_string(), SEE_MESSAGE))),
    };
    for finding in slack::check(&client, &app.setup.channel).await {
        match finding {
            CheckFinding::Fine(detail) => report.add(CHECK, Ok(detail)),
            CheckFinding::Lacks(detail, remedy) => report.warn(CHECK, detail, &remedy),
            CheckFinding::Broken(detail, remedy) => report.add(CHECK, Err((detail, &remedy))),
        }
    }
}
