use hallpass_channels::slack::{Reach, manifest};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// Connect Slack: print the app's manifest
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass server slack manifest --url https://hallpass.example.com")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Manifest(ManifestArgs),
}

/// Print the manifest to create the app from
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass server slack manifest --url https://hallpass.example.com
  hallpass server slack manifest --socket-mode")]
struct ManifestArgs {
    /// The server's public address for Slack
    #[arg(long, value_name = "URL", required_unless_present = "socket_mode")]
    url: Option<String>,
    /// The server connects to Slack instead: needs no public address
    #[arg(long)]
    socket_mode: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let Command::Manifest(args) = &args.command;
    let reach = match (&args.url, args.socket_mode) {
        (_, true) | (None, false) => Reach::Socket,
        (Some(url), false) => {
            let url = url.trim_end_matches('/');
            if !url.starts_with("https://") {
                let message = format!("`{url}` is not an address Slack calls");
                return Err(Failure::bad_input(message).help("it begins with https://"));
            }
            Reach::Http(url.to_owned())
        }
    };
    let text = serde_json::to_string_pretty(&manifest(&reach)).map_err(Failure::bug)?;
    output::print(&format!("{text}\n"))?;
    Ok(Exit::Ok)
}
