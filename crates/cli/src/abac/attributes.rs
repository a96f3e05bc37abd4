use std::path::PathBuf;

use clap::ValueEnum;
use hallpass_iam::attributes::{Idp, ProduceMode, Produced, Tagging, produce};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, OutputArgs};

const FIELDS: &[&str] = &["mode", "idp", "notes"];

/// Write the settings of an identity provider and AWS for session tags
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the settings of an identity provider and AWS for session tags\n\nOne JSON \
                  document: the statements of the identity provider, the access-control \
                  attributes of Identity Center or the trust policy of roles, and a permission \
                  set that uses the tags.",
    after_help = "Examples:
  hallpass policy abac attributes --map attributes.toml --mode identity-center --idp okta
  hallpass policy abac attributes --map attributes.toml --mode iam-oidc

A map (TOML):
  provider = \"arn:aws:iam::111122223333:saml-provider/okta\"   # the modes of IAM
  audience = \"client-id\"                                      # iam-oidc
  roles = [\"arn:aws:iam::222233334444:role/Dev\"]              # iam-saml
  session_name = \"user.email\"                                 # iam-saml
  source_identity = \"user.login\"
  session_duration = \"1h\"
  other_tag_keys = [\"Name\"]        # additional keys for a new secret

  [[tag]]
  key = \"Department\"
  from = \"user.department\"         # in the identity provider
  path = \"enterprise.department\"   # in the identity store; none: in the assertion only
  transitive = true                # survives role chaining (the modes of IAM)
  on_resources = true              # resources carry the tag, too (default)"
)]
pub(super) struct Args {
    /// Map of attributes to tags (TOML)
    #[arg(long, value_name = "FILE")]
    map: PathBuf,
    /// Where the tags arrive
    #[arg(long, value_enum, value_name = "MODE")]
    mode: ModeArg,
    /// Identity provider whose terms to use
    #[arg(long, value_enum, value_name = "IDP", default_value = "generic")]
    idp: IdpArg,
    /// Let users tag what they own, with access tags bound to their own values
    #[arg(long)]
    allow_tagging: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeArg {
    /// IAM Identity Center
    IdentityCenter,
    /// A SAML provider in IAM
    IamSaml,
    /// An OIDC provider in IAM
    IamOidc,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum IdpArg {
    /// Okta
    Okta,
    /// Microsoft Entra ID
    Entra,
    /// Names as in the assertion
    Generic,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.output.format();
    let produced = made(args)?;
    match format {
        Format::Table => output::one(Format::Json, &produced, FIELDS, String::new)?,
        Format::Json | Format::Jsonl | Format::Csv => {
            output::one(format, &produced, FIELDS, String::new)?;
        }
    }
    Ok(Exit::Ok)
}

fn made(args: &Args) -> Result<Produced, Failure> {
    let map = super::read_map(&args.map)?;
    let mode = match args.mode {
        ModeArg::IdentityCenter => ProduceMode::IdentityCenter,
        ModeArg::IamSaml => ProduceMode::IamSaml,
        ModeArg::IamOidc => ProduceMode::IamOidc,
    };
    let idp = match args.idp {
        IdpArg::Okta => Idp::Okta,
        IdpArg::Entra => Idp::Entra,
        IdpArg::Generic => Idp::Generic,
    };
    let tagging = if args.allow_tagging {
        Tagging::Allowed
    } else {
        Tagging::Left
    };
    Ok(produce(&map, mode, idp, tagging)?)
}
