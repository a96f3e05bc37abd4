use hallpass_app::config::{Loaded, Secrets};
use hallpass_base::{AccountId, PermissionSetName, TimeSpan};
use hallpass_rules::Directory;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::plain;

use super::asking::{AnswerForm, Answering, Question, entries};
use super::names::{self, ChosenGroup, Sensitive};
use super::preset_answers::{Given, SignInKind};
use super::sections;

/// The shortest maximum that forms offer.
const LONGEST_MIN: TimeSpan = TimeSpan::minutes(30);
/// A longer duration would be standing access.
const LONGEST_MAX: TimeSpan = TimeSpan::hours(7 * 24);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SignIn {
    Tokens,
    Oidc {
        issuer: String,
        client_id: String,
        /// `${env:NAME}` or `file:PATH`.
        client_secret: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) public_url: String,
    pub(super) listen: String,
    pub(super) administrators: ChosenGroup,
    pub(super) auditors: Option<ChosenGroup>,
    pub(super) approvers: ChosenGroup,
    pub(super) requesters: Option<ChosenGroup>,
    pub(super) sensitive: Sensitive,
    pub(super) permission_sets: Vec<PermissionSetName>,
    /// Approval-free outside of sensitive places; a subset of `permission_sets`.
    pub(super) read_only: Vec<PermissionSetName>,
    pub(super) longest: TimeSpan,
    pub(super) longest_sensitive: TimeSpan,
    pub(super) approvals_sensitive: u32,
    pub(super) sign_in: SignIn,
}

impl Answers {
    pub(super) fn groups(&self) -> impl Iterator<Item = &ChosenGroup> {
        let optional = self.auditors.iter().chain(&self.requesters);
        [&self.administrators, &self.approvers]
            .into_iter()
            .chain(optional)
    }
}

pub(super) fn settle(
    given: &Given,
    management: Option<&AccountId>,
    directory: &Directory,
    answering: &mut Answering<'_>,
) -> Result<Answers, Failure> {
    let public_url = answering.settle(
        given.public_url.as_deref(),
        &Question {
            key: "public_url",
            words: "Address at which people reach Hallpass",
            default: None,
            ..Question::default()
        },
        public_url,
    )?;
    let listen = given
        .listen
        .clone()
        .unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    listen.parse::<std::net::SocketAddr>().map_err(|_| {
        Failure::bad_input(format!("`{}` is no address to listen on", plain(&listen)))
            .at("listen")
            .help("write it like `127.0.0.1:8080`")
    })?;
    let (administrators, approvers, requesters, auditors) = groups(given, directory, answering)?;
    let (sensitive, permission_sets, read_only) = places(given, management, directory, answering)?;
    let (longest, longest_sensitive, approvals_sensitive) = limits(given, answering)?;
    Ok(Answers {
        public_url,
        listen,
        administrators,
        auditors,
        approvers,
        requesters,
        sensitive,
        permission_sets,
        read_only,
        longest,
        longest_sensitive,
        approvals_sensitive,
        sign_in: sign_in(given, answering)?,
    })
}

fn public_url(text: &str) -> Result<String, Failure> {
    let loaded = loaded(&sections::server(text, None))?;
    loaded.sign_in()?;
    Ok(loaded.config.server.public_url)
}

fn loaded(text: &str) -> Result<Loaded, Failure> {
    Ok(Loaded {
        config: hallpass_app::config::parse_with(text, "hallpass.toml", Secrets::Left)?,
        folder: std::path::PathBuf::new(),
    })
}

type Groups = (
    ChosenGroup,
    ChosenGroup,
    Option<ChosenGroup>,
    Option<ChosenGroup>,
);

fn groups(
    given: &Given,
    directory: &Directory,
    answering: &mut Answering<'_>,
) -> Result<Groups, Failure> {
    let ask = |key, words, default: Option<&str>, hint: &[&str]| Question {
        key,
        words,
        default: default.map(str::to_owned),
        choices: likeliest(directory, hint),
        form: AnswerForm::One,
    };
    let administrators = answering.settle(
        given.administrators.as_deref(),
        &ask(
            "administrators",
            "Group that administers Hallpass",
            None,
            &["admin", "platform"],
        ),
        |text| names::role_group(text, directory),
    )?;
    let approvers = answering.settle(
        given.approvers.as_deref(),
        &ask(
            "approvers",
            "Group that approves requests",
            None,
            &["approv", "lead", "oncall"],
        ),
        |text| names::group(text, directory),
    )?;
    let requesters = answering.settle(
        given.requesters.as_deref(),
        &ask(
            "requesters",
            "Group that may request access (none: everyone)",
            Some(""),
            &["eng", "dev"],
        ),
        |text| optional(text, |it| names::group(it, directory)),
    )?;
    let auditors = answering.settle(
        given.auditors.as_deref(),
        &ask(
            "auditors",
            "Group that may read everything",
            Some(""),
            &["audit", "security"],
        ),
        |text| optional(text, |it| names::role_group(it, directory)),
    )?;
    Ok((administrators, approvers, requesters, auditors))
}

fn optional<T>(
    text: &str,
    read: impl Fn(&str) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    read(text).map(Some)
}

fn likeliest<'a>(directory: &'a Directory, hint: &[&str]) -> Vec<&'a str> {
    let mut names: Vec<&str> = directory
        .groups()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let sounds = |name: &str| {
        let name = name.to_ascii_lowercase();
        hint.iter().any(|it| name.contains(it))
    };
    names.sort_by_key(|name| (!sounds(name), name.to_ascii_lowercase()));
    names
}

type Places = (Sensitive, Vec<PermissionSetName>, Vec<PermissionSetName>);

fn places(
    given: &Given,
    management: Option<&AccountId>,
    directory: &Directory,
    answering: &mut Answering<'_>,
) -> Result<Places, Failure> {
    let units = names::unit_answers(directory);
    let production = units.iter().find(|path| is_production(path));
    let sensitive = listed(
        answering,
        given.sensitive.as_deref(),
        &Question {
            key: "sensitive",
            words: "Sensitive organizational units and accounts, with commas (*: all)",
            default: Some(production.cloned().unwrap_or_else(|| "*".to_owned())),
            choices: units.iter().map(String::as_str).collect(),
            form: AnswerForm::List,
        },
        |texts| names::sensitive(texts, management, directory),
    )?;
    let sets: Vec<&str> = directory
        .permission_sets()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let permission_sets = listed(
        answering,
        given.permission_sets.as_deref(),
        &Question {
            key: "permission_sets",
            words: "Permission sets that may be requested, with commas (*: each that exists now)",
            default: Some("*".to_owned()),
            choices: sets,
            form: AnswerForm::List,
        },
        |texts| names::permission_sets(texts, directory),
    )?;
    if sensitive == Sensitive::Everything {
        return match given.read_only.as_deref() {
            None | Some([]) => Ok((sensitive, permission_sets, Vec::new())),
            Some(_) => Err(Failure::bad_input(
                "everything is sensitive, and nothing in it is given without an approval",
            )
            .at("read_only")
            .help("leave `read_only` out, or name what is sensitive")),
        };
    }
    let read_only = listed(
        answering,
        given.read_only.as_deref(),
        &Question {
            key: "read_only",
            words: "Those that need no approval where nothing is sensitive, with commas",
            default: Some(String::new()),
            choices: permission_sets
                .iter()
                .map(PermissionSetName::as_str)
                .collect(),
            form: AnswerForm::List,
        },
        |texts| read_only(texts, &permission_sets),
    )?;
    Ok((sensitive, permission_sets, read_only))
}

fn listed<T>(
    answering: &mut Answering<'_>,
    given: Option<&[String]>,
    question: &Question<'_>,
    read: impl Fn(&[String]) -> Result<T, Failure>,
) -> Result<T, Failure> {
    match given {
        Some(given) => read(given).map_err(|failure| failure.at(question.key)),
        None => answering.settle(None, question, |line| read(&entries(line))),
    }
}

fn is_production(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    matches!(last.as_str(), "prod" | "production" | "live")
}

fn read_only(
    texts: &[String],
    offered: &[PermissionSetName],
) -> Result<Vec<PermissionSetName>, Failure> {
    let mut found = Vec::new();
    for text in texts {
        let Some(name) = offered.iter().find(|it| it.as_str() == text) else {
            let message = format!(
                "`{}` is not among the permission sets that may be requested",
                plain(text)
            );
            return Err(Failure::bad_input(message).help("add it to `permission_sets`"));
        };
        if !found.contains(name) {
            found.push(name.clone());
        }
    }
    Ok(found)
}

fn limits(
    given: &Given,
    answering: &mut Answering<'_>,
) -> Result<(TimeSpan, TimeSpan, u32), Failure> {
    let question = |key, words, default: String| Question {
        key,
        words,
        default: Some(default),
        ..Question::default()
    };
    let longest = answering.settle(
        given.longest.as_deref(),
        &question("longest", "Longest duration of access", "8h".to_owned()),
        |text| duration(text, LONGEST_MAX),
    )?;
    let less = longest.min(TimeSpan::hours(2));
    let longest_sensitive = answering.settle(
        given.longest_sensitive.as_deref(),
        &question(
            "longest_sensitive",
            "Longest duration in sensitive accounts",
            less.to_string(),
        ),
        |text| duration(text, longest),
    )?;
    let approvals = given.approvals_sensitive.map(|it| it.to_string());
    let approvals = answering.settle(
        approvals.as_deref(),
        &question(
            "approvals_sensitive",
            "How many people approve access to sensitive accounts",
            "1".to_owned(),
        ),
        |text| match text.parse() {
            Ok(number @ 1..=5) => Ok(number),
            _ => Err(Failure::bad_input(format!(
                "`{}` is not a number from 1 to 5",
                plain(text)
            ))),
        },
    )?;
    Ok((longest, longest_sensitive, approvals))
}

fn duration(text: &str, most: TimeSpan) -> Result<TimeSpan, Failure> {
    let span: TimeSpan = text.parse().map_err(|error: hallpass_base::SpanError| {
        Failure::bad_input(error.to_string()).help("write it like `8h` or `90m`")
    })?;
    if (LONGEST_MIN..=most).contains(&span) {
        return Ok(span);
    }
    Err(Failure::bad_input(format!(
        "{span} is not between {LONGEST_MIN} and {most}"
    )))
}

fn sign_in(given: &Given, answering: &mut Answering<'_>) -> Result<SignIn, Failure> {
    let question = |key, words, default: Option<&str>| Question {
        key,
        words,
        default: default.map(str::to_owned),
        ..Question::default()
    };
    let kind = match given.sign_in {
        Some(kind) => kind,
        None => answering.settle(
            None,
            &question(
                "sign_in",
                "Sign-in: `oidc`, or `tokens` for now",
                Some("tokens"),
            ),
            |text| match text {
                "oidc" => Ok(SignInKind::Oidc),
                "tokens" => Ok(SignInKind::Tokens),
                other => Err(Failure::bad_input(format!(
                    "`{}` is neither `oidc` nor `tokens`",
                    plain(other)
                ))),
            },
        )?,
    };
    if kind == SignInKind::Tokens {
        return Ok(SignIn::Tokens);
    }
    let issuer = answering.settle(
        given.oidc_issuer.as_deref(),
        &question("oidc_issuer", "Issuer of the OpenID provider", None),
        |text| checked(text, "client", None).map(|()| text.to_owned()),
    )?;
    let client_id = answering.settle(
        given.oidc_client_id.as_deref(),
        &question("oidc_client_id", "Client id of Hallpass there", None),
        |text| checked(&issuer, text, None).map(|()| text.to_owned()),
    )?;
    let client_secret = answering.settle(
        given.oidc_client_secret.as_deref(),
        &question(
            "oidc_client_secret",
            "Where its secret is: ${env:NAME} or file:PATH",
            Some(""),
        ),
        |text| optional(text, |it| secret(it, &issuer, &client_id)),
    )?;
    Ok(SignIn::Oidc {
        issuer,
        client_id,
        client_secret,
    })
}

/// Validates a secret reference; the secret may be missing, as systemd shows it only to the server.
/// Refuses a literal secret: the file is kept in git.
fn secret(text: &str, issuer: &str, client_id: &str) -> Result<String, Failure> {
    let is_reference =
        text.starts_with("file:") || (text.starts_with("${env:") && text.ends_with('}'));
    if !is_reference {
        // the text may be the secret: do not print it
        let message = "the client secret is to be named, not written into the configuration";
        return Err(Failure::bad_input(message)
            .help("put it into a file or a variable, and give `file:PATH` or `${env:NAME}`"));
    }
    checked(issuer, client_id, Some(text)).map(|()| text.to_owned())
}

fn checked(issuer: &str, client_id: &str, secret: Option<&str>) -> Result<(), Failure> {
    loaded(&sections::oidc(issuer, client_id, secret))?
        .provider()
        .map(|_| ())
}
