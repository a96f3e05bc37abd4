use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hallpass_access::LINES_A_CALL_MAX;
use hallpass_api::{AnswerLines, Campaign, LineAnswer, ReassignLines};
use hallpass_base::CampaignId;
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::block_on;
use hallpass_terminal::exit::{Failure, Outcome};
use serde::Deserialize;

use super::print;

const FILE_BYTES_MAX: u64 = 32 << 20;

/// Answer lines, by number or from a CSV file
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Answer lines, by number or from a CSV file\n\nThe reviewer of a line, or their delegate \
                  while they are away. The file has the columns `line`, `answer` and `reason`, as `hallpass campaign \
                  lines --output csv` writes them; rows without an answer are skipped. Every row is checked before \
                  the first is sent.",
    after_help = "Examples:
  hallpass campaign answer cmp_01934a5b6c7d7e8f90123456789abcde --line 3 --line 4 --keep --reason 'on the team'
  hallpass campaign answer cmp_01934a5b6c7d7e8f90123456789abcde --line 5 --remove
  hallpass campaign answer cmp_01934a5b6c7d7e8f90123456789abcde --from lines.csv"
)]
pub(super) struct AnswerArgs {
    /// The campaign
    #[arg(value_name = "CAMPAIGN")]
    id: CampaignId,
    /// Line number; repeatable
    #[arg(
        long = "line",
        value_name = "N",
        required_unless_present = "from",
        requires = "answer"
    )]
    lines: Vec<u32>,
    /// Keep the access; needs --reason
    #[arg(long, group = "answer", requires = "reason")]
    keep: bool,
    /// Remove the access
    #[arg(long, group = "answer")]
    remove: bool,
    /// Remove the access, since a rule lets its holder request it
    #[arg(long, group = "answer")]
    on_request: bool,
    /// Reason
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// CSV file with answers
    #[arg(long, value_name = "FILE", conflicts_with = "lines")]
    from: Option<PathBuf>,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Deserialize)]
struct Row {
    line: u32,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    reason: String,
}

type Answers = BTreeMap<(LineAnswer, String), Vec<u32>>;

pub(super) fn answer(args: &AnswerArgs) -> Outcome {
    let answers = if let Some(path) = &args.from {
        read(path)?
    } else {
        let answer = if args.keep {
            LineAnswer::Keep
        } else if args.on_request {
            LineAnswer::OnRequest
        } else {
            LineAnswer::Remove
        };
        Answers::from([((answer, args.reason.clone()), args.lines.clone())])
    };
    let client = args.api.client()?;
    let id = args.id.to_string();
    let path = ["campaigns", &id, "answers"];
    let mut now: Option<Campaign> = None;
    for ((answer, reason), lines) in &answers {
        for lines in lines.chunks(LINES_A_CALL_MAX) {
            let body = AnswerLines {
                lines: lines.to_vec(),
                answer: *answer,
                reason: reason.clone(),
            };
            now = Some(block_on(client.post(&path, &body))?);
        }
    }
    let now = now.ok_or_else(|| Failure::bad_input("no row of the file has an answer"))?;
    print(&args.api, &now)
}

fn known(name: &str) -> Option<LineAnswer> {
    let all = [LineAnswer::Keep, LineAnswer::Remove, LineAnswer::OnRequest];
    all.into_iter().find(|it| it.name() == name)
}

fn read(path: &Path) -> Result<Answers, Failure> {
    let unreadable = |error: std::io::Error| Failure::unreadable(path.display(), &error);
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > FILE_BYTES_MAX {
        return Err(Failure::bad_input(format!(
            "`{}` has {size} bytes, and may have {FILE_BYTES_MAX}",
            path.display()
        )));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    answers(&bytes)
        .map_err(|(row, why)| Failure::bad_input(why).at(format!("{}:{row}", path.display())))
}

/// # Errors
/// The first bad line of the file, and why.
fn answers(bytes: &[u8]) -> Result<Answers, (u64, String)> {
    let mut reader = csv::Reader::from_reader(bytes);
    let headers = reader.headers().map_err(|error| (1, error.to_string()))?;
    let headers = headers.clone();
    let mut found = Answers::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let at = error.position().map_or(1, csv::Position::line);
            (at, error.to_string())
        })?;
        let at = record.position().map_or(1, csv::Position::line);
        let row: Row = record
            .deserialize(Some(&headers))
            .map_err(|error| (at, error.to_string()))?;
        if row.answer.is_empty() {
            continue;
        }
        let answer = known(&row.answer).ok_or_else(|| {
            let text = format!(
                "`{}` is no answer: write `keep`, `remove` or `on_request`",
                row.answer
            );
            (at, text)
        })?;
        if answer == LineAnswer::Keep && row.reason.trim().is_empty() {
            return Err((at, "`keep` needs a reason".to_owned()));
        }
        let key = (answer, row.reason);
        found.entry(key).or_default().push(row.line);
    }
    Ok(found)
}

/// Give lines to another reviewer: your own, or any as administrator
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass campaign reassign cmp_01934a5b6c7d7e8f90123456789abcde --line 7 --to nina@acme.example"
)]
pub(super) struct ReassignArgs {
    /// The campaign
    #[arg(value_name = "CAMPAIGN")]
    id: CampaignId,
    /// Line number; repeatable
    #[arg(long = "line", value_name = "N", required = true)]
    lines: Vec<u32>,
    /// The new reviewer
    #[arg(long, value_name = "E-MAIL")]
    to: String,
    #[command(flatten)]
    api: ApiArgs,
}

pub(super) fn reassign(args: &ReassignArgs) -> Outcome {
    let client = args.api.client()?;
    let id = args.id.to_string();
    let body = ReassignLines {
        lines: args.lines.clone(),
        to: args.to.clone(),
    };
    let path = ["campaigns", &id, "reassign"];
    let now: Campaign = block_on(client.post(&path, &body))?;
    print(&args.api, &now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_its_first_bad_line_is_named() {
        let read = |rows: &str| answers(format!("line,user,answer,reason\n{rows}").as_bytes());
        let found = read("1,a,keep,team\n2,b,,\n3,c,remove,\n4,d,keep,team\n").unwrap();
        let expected = Answers::from([
            ((LineAnswer::Keep, "team".to_owned()), vec![1, 4]),
            ((LineAnswer::Remove, String::new()), vec![3]),
        ]);
        assert_eq!(found, expected);
        for (rows, line) in [
            ("1,a,keep,team\n2,b,maybe,\n", 3),
            ("1,a,keep, \n", 2),
            ("x,a,keep,team\n", 2),
            ("1,a\n", 2),
        ] {
            assert_eq!(read(rows).unwrap_err().0, line, "{rows}");
        }
    }
}
