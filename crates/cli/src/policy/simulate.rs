use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use hallpass_iam::{Case, CaseAnswer, simulate_line};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;

use crate::cases::{Input, answer_all};
use crate::reading::Reading;

/// Evaluate cases, one JSON object per line
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Evaluate cases, one JSON object per line\n\nA line holds the request, its \
                  context and every policy involved: id, principal, action, resource (or \
                  resources), resourceAccount, context, identityPolicies, scps and rcps (lists of \
                  levels from the root to the account), resourcePolicy, boundary, session, flags, \
                  expected. It is answered by a line {\"id\", \"decision\"}, a line that cannot \
                  be evaluated by {\"id\", \"error\"}; the others continue, and the exit code is \
                  1.",
    after_help = "Examples:
  hallpass policy simulate --cases cases.jsonl --expect --jobs 4
  echo '{\"id\":\"1\",\"principal\":\"arn:aws:iam::111122223333:user/mara\",\\
  \"action\":\"s3:GetObject\",\"resource\":\"arn:aws:s3:::logs/today\",\\
  \"identityPolicies\":[{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\\
  \"Action\":\"s3:Get*\",\"Resource\":\"*\"}}]}' | hallpass policy simulate --cases - --explain"
)]
pub(crate) struct Args {
    /// The cases; `-` for standard input
    #[arg(long, value_name = "FILE")]
    cases: PathBuf,
    /// Write the results here instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Number of threads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Print the deciding statements, and how every other relates to the request
    #[arg(long)]
    explain: bool,
    /// Compare with each case's `expected`; prints differences on stderr, exit 1
    #[arg(long)]
    expect: bool,
    /// Evaluate each case this many times and print the rate on stderr
    #[arg(long, value_name = "N", conflicts_with_all = ["explain"])]
    repeat: Option<u32>,
    #[command(flatten)]
    reading: Reading,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let options = args.reading.options(args.explain)?;
    let input = Input::open(&args.cases)?;
    let mut output: Box<dyn Write> = match &args.out {
        None => Box::new(io::stdout().lock()),
        Some(path) => {
            let file = File::create(path);
            Box::new(file.map_err(|error| Failure::unwritable(path.display(), &error))?)
        }
    };
    let jobs = usize::from(args.jobs);
    let Some(repeat) = args.repeat else {
        let judge = |line: &str, number| simulate_line(line, number, &options);
        return Ok(answer_all(input, &mut output, jobs, args.expect, &judge)?.exit());
    };
    let nanoseconds = AtomicU64::new(0);
    let judge = |line: &str, number| {
        if let Ok(case) = Case::read(line, &options) {
            let begin = Instant::now();
            for _ in 0..repeat {
                black_box(black_box(&case).decide());
            }
            let took = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
            nanoseconds.fetch_add(took, Ordering::Relaxed);
        }
        let answer: CaseAnswer = simulate_line(line, number, &options);
        answer
    };
    let totals = answer_all(input, &mut output, jobs, args.expect, &judge)?;
    let evaluations = totals.cases.saturating_mul(u64::from(repeat));
    let nanoseconds = nanoseconds.into_inner().max(1);
    let rate = u128::from(evaluations) * 1_000_000_000 / u128::from(nanoseconds);
    output::say(&format!(
        "{evaluations} evaluations, {rate} a second and thread"
    ));
    Ok(totals.exit())
}
