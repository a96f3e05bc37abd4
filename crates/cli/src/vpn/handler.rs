use std::io::{self, BufRead, Read as _};

use hallpass_app::host::vpn_judge::JudgeArgs;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// Bytes; a longer line is denied.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// Answer Client VPN connection events, one JSON object per line
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Answer Client VPN connection events, one JSON object per line\n\n\
        Every line of standard input is answered by one line on standard output; a record of it, \
        with the country and the reason, goes to standard error. Anything unexpected is a denial. \
        `hallpass server lambda vpn` does the same as a function.",
    after_help = "Examples:
  hallpass policy vpn handler --geo country.mmdb --allow US,GB,DE <events.jsonl
  echo '{\"public-ip\":\"8.8.8.8\",\"schema-version\":\"v2\"}' |
      hallpass policy vpn handler --policy vpn.yaml"
)]
pub(super) struct Args {
    #[command(flatten)]
    judge: JudgeArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let judge = args.judge.judge()?;
    let mut input = io::stdin().lock();
    while let Some(line) = next_line(&mut input)? {
        if !line.trim().is_empty() {
            let answer = judge.answer(&line, hallpass_base::clock::now());
            output::print(&output::compact(&answer.response())?)?;
        }
    }
    Ok(Exit::Ok)
}

/// Reads the next line, truncated if too long; invalid text is a bad line, not a failure.
fn next_line(input: &mut impl BufRead) -> Result<Option<String>, Failure> {
    let unreadable = |error| Failure::unreadable("standard input", &error);
    let mut line = Vec::new();
    let mut limited = input.by_ref().take(LINE_BYTES_MAX);
    if limited.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
        return Ok(None);
    }
    if !line.ends_with(b"\n") && line.len() as u64 == LINE_BYTES_MAX {
        input.skip_until(b'\n').map_err(unreadable)?;
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}
