use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use hallpass_app::setup::facts::FactsSource;
use hallpass_base::Timestamp;
use hallpass_rules::{Directory, Rules, SOURCE_BYTES_MAX, cases};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, Table};
use serde_json::{Value, json};

use crate::cases::first_line;

/// Decide cases, one JSON object per line
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Decide cases, one JSON object per line\n\nA line {\"id\", \"requester\", \
                  \"account\", \"permission_set\"} or {\"id\", \"requester\", \"group\"} is \
                  answered by a line {\"id\", \"decision\", \"approvers\", \"because\"}; with \
                  \"click\" also by \"permit\". With \"duration\": \"90m\" (or \
                  \"duration_seconds\"), \"reason\" and \"ticket\" it is also checked against the \
                  rules' limits: a request outside them is `Invalid`, with \"invalid\" naming \
                  each field and why. A line that cannot be read is answered by {\"id\", \
                  \"line\", \"error\"}, the others continue, and the exit code is 1.\n\nWith \
                  `--facts live`, the members of the groups that --rules names are read: for \
                  cases with their own `statements` give a file.",
    after_help = "Examples:
  hallpass rules decide --rules rules.toml --cases cases.jsonl
  echo '{\"id\":1,\"requester\":\"ana@acme.example\",\"account\":\"222233334444\",\\
  \"permission_set\":\"ReadOnly\"}' | hallpass rules decide --rules rules.toml --cases -"
)]
pub(crate) struct Args {
    /// The rule file; cases with their own `statements` need none
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The cases; `-` for standard input
    #[arg(long, value_name = "FILE")]
    cases: PathBuf,
    /// Organization file, or `live` for AWS, to decide with
    #[arg(long, value_name = "ORGANIZATION")]
    facts: Option<FactsSource>,
    /// Output format; all except jsonl print after the last case
    #[arg(
        long,
        short = 'o',
        value_enum,
        value_name = "FORMAT",
        default_value = "jsonl"
    )]
    output: Format,
}

const FIELDS: &[&str] = &[
    "id",
    "decision",
    "permit",
    "approvers",
    "because",
    "error",
    "line",
];

struct Judge {
    rules: Option<Rules>,
    facts: Option<Directory>,
    now: Timestamp,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let rules = args.rules.as_deref().map(super::read_good).transpose()?;
    let rules = rules.map(|loaded| loaded.rules);
    let judge = Judge {
        facts: facts(args.facts.as_ref(), rules.as_ref())?,
        rules,
        now: hallpass_base::clock::now(),
    };
    let name = args.cases.display().to_string();
    let mut input = open(&args.cases)?;
    let failures = match args.output {
        Format::Jsonl => answer_all(&judge, &mut input, &mut io::stdout().lock(), &name)?,
        format => {
            let mut lines = Vec::new();
            let failures = answer_all(&judge, &mut input, &mut lines, &name)?;
            show(format, &lines)?;
            failures
        }
    };
    Ok(if failures == 0 {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

fn facts(
    source: Option<&FactsSource>,
    rules: Option<&Rules>,
) -> Result<Option<Directory>, Failure> {
    let Some(source) = source else {
        return Ok(None);
    };
    if rules.is_none() && *source == FactsSource::Live {
        let message =
            "`--facts live` reads the members of groups that rules name, and none are given";
        return Err(Failure::bad_input(message)
            .at("--facts")
            .help("give `--rules FILE`, or an organization file"));
    }
    let needed = rules.map(Rules::named_facts).unwrap_or_default();
    Ok(Some(source.read(needed, None)?.directory))
}

fn show(format: Format, lines: &[u8]) -> Result<(), Failure> {
    let answers: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(lines)
        .into_iter()
        .collect();
    let answers = answers.map_err(Failure::bug)?;
    output::list(format, &answers, FIELDS, || {
        let mut table = Table::new(&["ID", "DECISION", "APPROVERS", "RULES"]);
        for answer in &answers {
            let text = |name: &str| match answer.get(name) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(Value::Array(items)) => {
                    let items = items.iter().filter_map(Value::as_str);
                    items.collect::<Vec<_>>().join(", ")
                }
                Some(other) => other.to_string(),
            };
            let error = answer.pointer("/error/message").and_then(Value::as_str);
            let decision = error.map_or_else(
                || text("decision"),
                |it| format!("error on line {}: {it}", text("line")),
            );
            table.row([text("id"), decision, text("approvers"), text("because")]);
        }
        table
    })
}

type Input = BufReader<Box<dyn Read>>;

fn open(path: &Path) -> Result<Input, Failure> {
    if path == Path::new("-") {
        return Ok(BufReader::new(Box::new(io::stdin())));
    }
    let file = File::open(path).map_err(|error| Failure::unreadable(path.display(), &error))?;
    Ok(BufReader::new(Box::new(file)))
}

/// Evaluates line by line in constant memory; returns the failure count.
fn answer_all(
    judge: &Judge,
    input: &mut Input,
    output: &mut dyn Write,
    name: &str,
) -> Result<u64, Failure> {
    let mut output = BufWriter::new(output);
    let mut line = Vec::new();
    let (mut failures, mut number) = (0, 0);
    loop {
        line.clear();
        let limit = SOURCE_BYTES_MAX as u64 + 1;
        let unreadable = |error| Failure::unreadable(name, &error);
        let read = input
            .take(limit)
            .read_until(b'\n', &mut line)
            .map_err(unreadable)?;
        if read == 0 {
            break;
        }
        number += 1;
        if number == 1 {
            line = first_line(name, line)?;
        }
        let answer = if line.len() > SOURCE_BYTES_MAX && !line.ends_with(b"\n") {
            skip_line(input).map_err(unreadable)?;
            let message = "the line is longer than is read";
            Some(broken(number, "too-large", message))
        } else {
            judge.answer(number, &line)?
        };
        let Some((text, is_failure)) = answer else {
            continue;
        };
        failures += u64::from(is_failure);
        output
            .write_all(text.as_bytes())
            .map_err(|error| Failure::stdout(&error))?;
        // an interactive user gets each result before the next line is read
        if input.buffer().is_empty() {
            output.flush().map_err(|error| Failure::stdout(&error))?;
        }
    }
    output.flush().map_err(|error| Failure::stdout(&error))?;
    Ok(failures)
}

fn skip_line(input: &mut Input) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |at| at + 1);
        input.consume(length);
        if end.is_some() || length == 0 {
            return Ok(());
        }
    }
}

/// Result for a line that never reached the rules; a failure.
fn broken(number: u32, code: &str, message: &str) -> (String, bool) {
    let error = json!({"code": code, "message": message, "errors": []});
    let answer = json!({"id": null, "line": number, "error": error});
    (format!("{answer}\n"), true)
}

impl Judge {
    fn answer(&self, number: u32, line: &[u8]) -> Result<Option<(String, bool)>, Failure> {
        let Ok(line) = std::str::from_utf8(line) else {
            let message = "the line is not UTF-8";
            return Ok(Some(broken(number, "bad-encoding", message)));
        };
        let line = line.trim_end_matches(['\r', '\n']);
        if cases::is_blank(line) {
            return Ok(None);
        }
        let answer = cases::answer(line, self.rules.as_ref(), self.facts.as_ref(), self.now);
        let answer = answer.on_line(number);
        let text = serde_json::to_string(&answer).map_err(Failure::bug)?;
        Ok(Some((text + "\n", answer.is_failure())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(input: &[u8]) -> (u64, Vec<Value>) {
        let judge = Judge {
            rules: None,
            facts: None,
            now: Timestamp::UNIX_EPOCH,
        };
        let mut output = Vec::new();
        let input: Box<dyn Read> = Box::new(io::Cursor::new(input.to_vec()));
        let mut input = BufReader::new(input);
        let failures = answer_all(&judge, &mut input, &mut output, "-").unwrap();
        let lines = String::from_utf8(output).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        (failures, lines.collect())
    }

    #[test]
    fn bad_lines_are_answered_and_the_run_goes_on() {
        let good = r#"{"id":"x","requester":"a@corp.com","account":"111111111111",
            "permission_set":"Admin","statements":[]}"#
            .replace('\n', "");
        let mut input = b"\xff\n\n{\n".to_vec();
        input.extend(vec![b' '; SOURCE_BYTES_MAX + 10]);
        input.extend(b"x\n");
        input.extend(good.as_bytes());
        let (failures, lines) = answers(&input);
        let codes: Vec<_> = lines
            .iter()
            .map(|line| line["error"]["code"].as_str().unwrap_or("-"))
            .collect();
        assert_eq!(codes, ["bad-encoding", "bad-syntax", "too-large", "-"]);
        assert_eq!(failures, 3);
        let numbers: Vec<_> = lines.iter().map(|line| line["line"].as_u64()).collect();
        assert_eq!(numbers, [Some(1), Some(3), Some(4), None]);
        assert_eq!(lines[1]["error"]["errors"][0]["line"], 3);
        assert_eq!(lines[3]["decision"], "NoStatements");
    }

    #[test]
    fn a_file_of_utf_16_is_named_and_a_byte_order_mark_is_nothing() {
        let (failures, lines) = answers("\u{feff}{\"id\": 1}\n".as_bytes());
        assert_eq!((failures, &lines[0]["id"]), (1, &json!(1)));
        let wide: Vec<u8> = "{}\n{}\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for bytes in [wide.clone(), [b"\xff\xfe".to_vec(), wide].concat()] {
            let failure = first_line("cases.jsonl", bytes).unwrap_err();
            assert!(failure.words().contains("UTF-16"), "{failure:?}");
        }
    }
}
