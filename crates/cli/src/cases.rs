//! Evaluates cases from JSON lines in portions on several threads; writes results in input order.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::thread;

use hallpass_base::text::{self, NotText};
use hallpass_iam::{CaseAnswer, LoadError, LoadErrorCode};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output;

/// Longer lines yield an error and are skipped.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024 + 1;
/// Lines per thread between two writes.
const LINES_PER_JOB: usize = 256;
/// Bytes buffered between two writes.
const PORTION_BYTES: usize = 8 * 1024 * 1024;

#[derive(Debug, Default, Clone, Copy)]
pub struct Totals {
    pub cases: u64,
    pub failed: u64,
    pub unexpected: u64,
}

impl Totals {
    pub fn exit(self) -> Exit {
        if self.failed == 0 && self.unexpected == 0 {
            Exit::Ok
        } else {
            Exit::Failed
        }
    }
}

pub struct Input {
    reader: BufReader<Box<dyn Read>>,
    name: String,
    number: usize,
}

impl Input {
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let reader: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            let file = File::open(path);
            Box::new(file.map_err(|error| Failure::unreadable(path.display(), &error))?)
        };
        Ok(Self {
            reader: BufReader::new(reader),
            name: path.display().to_string(),
            number: 0,
        })
    }

    /// Returns the next non-blank lines with numbers; empty at the end. On a terminal, one line per
    /// call.
    fn portion(&mut self, lines: usize) -> Result<Vec<(usize, Vec<u8>)>, Failure> {
        let mut portion = Vec::new();
        let mut bytes = 0;
        while portion.len() < lines && bytes < PORTION_BYTES {
            if !portion.is_empty() && self.reader.buffer().is_empty() {
                break;
            }
            let mut line = Vec::new();
            let read = self.line(&mut line);
            if read.map_err(|error| Failure::unreadable(&self.name, &error))? == 0 {
                break;
            }
            self.number += 1;
            if self.number == 1 {
                line = first_line(&self.name, line)?;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            bytes += line.len();
            portion.push((self.number, line));
        }
        Ok(portion)
    }

    fn line(&mut self, line: &mut Vec<u8>) -> io::Result<usize> {
        let read = (&mut self.reader)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', line)?;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() as u64 == LINE_BYTES_MAX {
            self.skip_line()?;
        }
        Ok(read)
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(buffer.len(), |at| at + 1);
            self.reader.consume(length);
            if end.is_some() || length == 0 {
                return Ok(());
            }
        }
    }
}

/// Strips a byte order mark from the first line.
///
/// # Errors
/// Exit 2 for UTF-16, as no line is readable.
pub(crate) fn first_line(name: &str, mut line: Vec<u8>) -> Result<Vec<u8>, Failure> {
    match text::decoded(&line) {
        Ok(text) => {
            let mark = line.len() - text.len();
            line.drain(..mark);
        }
        Err(error @ NotText::Utf16) => {
            return Err(Failure::bad_input(format!("`{name}` {error}")).code("E_JSON"));
        }
        Err(NotText::NotUtf8(_)) => {}
    }
    Ok(line)
}

pub type Judge<'j> = dyn Fn(&str, usize) -> CaseAnswer + Sync + 'j;

/// Evaluates cases in input order. With `expect`, prints differences on stderr as `id expected
/// got`.
pub fn answer_all(
    mut input: Input,
    output: &mut dyn Write,
    jobs: usize,
    expect: bool,
    judge: &Judge<'_>,
) -> Result<Totals, Failure> {
    let mut output = BufWriter::new(output);
    let mut totals = Totals::default();
    loop {
        let portion = input.portion(jobs.max(1) * LINES_PER_JOB)?;
        if portion.is_empty() {
            output.flush().map_err(|error| Failure::stdout(&error))?;
            return Ok(totals);
        }
        for answer in answers(&portion, jobs, judge)? {
            totals.count(&answer, expect);
            writeln!(output, "{}", answer.json()).map_err(|error| Failure::stdout(&error))?;
        }
        if input.reader.buffer().is_empty() {
            output.flush().map_err(|error| Failure::stdout(&error))?;
        }
    }
}

impl Totals {
    fn count(&mut self, answer: &CaseAnswer, expect: bool) {
        self.cases += 1;
        match answer {
            CaseAnswer::Failed { .. } => self.failed += 1,
            CaseAnswer::Decided {
                id,
                decision,
                expected: Some(expected),
                ..
            } if expect && expected != decision.as_str() => {
                self.unexpected += 1;
                output::say(&output::plain(&format!("{id} {expected} {decision}")));
            }
            CaseAnswer::Decided { .. } => {}
        }
    }
}

fn answers(
    portion: &[(usize, Vec<u8>)],
    jobs: usize,
    judge: &Judge<'_>,
) -> Result<Vec<CaseAnswer>, Failure> {
    let each = |lines: &[(usize, Vec<u8>)]| -> Vec<CaseAnswer> {
        let answers = lines.iter();
        answers
            .map(|(number, line)| one(line, *number, judge))
            .collect()
    };
    if jobs <= 1 || portion.len() < 2 {
        return Ok(each(portion));
    }
    let share = portion.len().div_ceil(jobs);
    let answered: Vec<thread::Result<Vec<CaseAnswer>>> = thread::scope(|scope| {
        let threads: Vec<_> = portion
            .chunks(share)
            .map(|lines| scope.spawn(move || each(lines)))
            .collect();
        threads
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect()
    });
    let mut all = Vec::with_capacity(portion.len());
    for answers in answered {
        all.extend(answers.map_err(|_| Failure::bug("a thread that evaluates cases ended"))?);
    }
    Ok(all)
}

fn one(line: &[u8], number: usize, judge: &Judge<'_>) -> CaseAnswer {
    match std::str::from_utf8(line) {
        Ok(line) => judge(line.strip_suffix('\r').unwrap_or(line), number),
        Err(error) => CaseAnswer::Failed {
            id: None,
            line: Some(number),
            error: LoadError::new(
                LoadErrorCode::Json,
                format!("the line is not UTF-8 (byte {})", error.valid_up_to() + 1),
                "",
            ),
        },
    }
}
