use std::fmt::Write as _;
use std::path::Path;

use super::answers::{Answers, SignIn};
use super::sections::{FoundInstance, aws, oidc, server};
use super::toml_text::quoted;

/// `data` has the database and the exported audit log; by default next to the file.
pub(super) fn configuration(
    answers: &Answers,
    found: &FoundInstance,
    data: Option<&Path>,
) -> String {
    let mut text = "\
# The configuration of Hallpass. Every key: docs/reference/configuration.md
# Check it with: hallpass server doctor

"
    .to_owned();
    text.push_str(&server(&answers.public_url, Some(&answers.listen)));
    text.push('\n');
    text.push_str(&aws(found));
    let group = |name: &str| quoted(&format!("group:{name}"));
    let _ = write!(
        text,
        "\n[identity]\n# Changes of the instance would change these groups: it is named.\ninstance_arn = {}\nadmins = [{}]\n",
        quoted(&found.instance_arn),
        group(&answers.administrators.name)
    );
    if let Some(auditors) = &answers.auditors {
        let _ = writeln!(text, "auditors = [{}]", group(&auditors.name));
    }
    if let Some(key) = &found.encryption_key {
        let _ = writeln!(
            text,
            "# The key in AWS KMS that encrypts the instance's data.\nencryption_key = {}",
            quoted(key)
        );
    }
    text.push_str("\n[access]\nrules = \"rules.toml\"\n\n[access.duration]\n");
    let _ = writeln!(text, "max = {}", quoted(&answers.longest.to_string()));
    text.push_str(&places(data));
    match &answers.sign_in {
        SignIn::Tokens => text.push_str(
            "\n# No one can sign in on the web before an OpenID provider is named here:\n\
             # docs/how-to/sign-in.md. Until then: hallpass server token create\n\
             # [oidc]\n# issuer = \"https://id.example.com\"\n# client_id = \"hallpass\"\n",
        ),
        SignIn::Oidc {
            issuer,
            client_id,
            client_secret,
        } => {
            text.push('\n');
            text.push_str(&oidc(issuer, client_id, client_secret.as_deref()));
        }
    }
    text
}

fn places(data: Option<&Path>) -> String {
    let (database, log) = match data {
        None => ("sqlite:hallpass.db".to_owned(), "dir:audit/".to_owned()),
        Some(folder) => (
            format!("sqlite:{}", folder.join("hallpass.db").display()),
            format!("dir:{}", folder.join("audit").display()),
        ),
    };
    format!(
        "\n[store]\nurl = {}\n\n# A bucket with Object Lock protects the log from users of this machine:\n\
         # docs/how-to/witness.md\n[audit.export]\ntarget = {}\n",
        quoted(&database),
        quoted(&log)
    )
}
