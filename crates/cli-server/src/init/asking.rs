use std::io::{self, IsTerminal as _, Write as _};

use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::{plain, say};

const TRIES_MAX: usize = 5;
const LISTED_MAX: usize = 15;

pub(super) trait Lines {
    fn ask(&mut self, prompt: &str) -> Result<Option<String>, Failure>;
    fn say(&mut self, line: &str);
}

pub(super) struct Terminal;

impl Terminal {
    pub(super) fn open() -> Option<Self> {
        io::stdin().is_terminal().then_some(Self)
    }
}

impl Lines for Terminal {
    fn ask(&mut self, prompt: &str) -> Result<Option<String>, Failure> {
        let cannot = |error: io::Error| Failure::failed(format!("cannot ask: {error}"));
        let mut stderr = io::stderr().lock();
        write!(stderr, "{prompt}")
            .and_then(|()| stderr.flush())
            .map_err(cannot)?;
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer).map_err(cannot)?;
        Ok((read > 0).then_some(answer))
    }

    fn say(&mut self, line: &str) {
        say(line);
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum AnswerForm {
    #[default]
    One,
    List,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Question<'a> {
    pub(super) key: &'static str,
    pub(super) words: &'static str,
    pub(super) default: Option<String>,
    /// Numbered choices, likeliest first.
    pub(super) choices: Vec<&'a str>,
    pub(super) form: AnswerForm,
}

pub(super) enum Answering<'a> {
    Somebody(&'a mut dyn Lines),
    Nobody,
}

impl Answering<'_> {
    pub(super) fn settle<T>(
        &mut self,
        given: Option<&str>,
        question: &Question<'_>,
        read: impl Fn(&str) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if let Some(given) = given {
            return read(given).map_err(|failure| failure.at(question.key));
        }
        match self {
            Self::Somebody(lines) => ask(*lines, question, read),
            Self::Nobody => match &question.default {
                Some(default) => read(default).map_err(|failure| failure.at(question.key)),
                None => Err(Failure::bad_input(format!(
                    "`{}` is not answered",
                    question.key
                ))),
            },
        }
    }
}

fn ask<T>(
    lines: &mut dyn Lines,
    question: &Question<'_>,
    read: impl Fn(&str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    lines.say("");
    for (number, choice) in (1..).zip(question.choices.iter().take(LISTED_MAX)) {
        lines.say(&format!("{number:>4}  {}", plain(choice)));
    }
    if let Some(more) = question
        .choices
        .len()
        .checked_sub(LISTED_MAX)
        .filter(|it| *it > 0)
    {
        lines.say(&format!("      and {more} more"));
    }
    let prompt = match question.default.as_deref() {
        Some("") => format!("{} [none]: ", question.words),
        Some(default) => format!("{} [{}]: ", question.words, plain(default)),
        None => format!("{}: ", question.words),
    };
    for _ in 0..TRIES_MAX {
        let Some(answer) = lines.ask(&prompt)? else {
            return Err(Failure::refused(
                "the input ended before every question was answered; nothing was written",
            ));
        };
        let answer = match (answer.trim(), &question.default) {
            ("", Some(default)) => default.clone(),
            ("", None) => continue,
            (typed, _) => chosen(typed, &question.choices, question.form),
        };
        match read(&answer) {
            Ok(it) => return Ok(it),
            Err(failure) => failure.report(hallpass_terminal::exit::FailureForm::Text),
        }
    }
    let message = format!("no usable answer after {TRIES_MAX} tries; nothing was written");
    Err(Failure::bad_input(message).at(question.key))
}

/// Replaces list numbers by their choices.
fn chosen(typed: &str, choices: &[&str], form: AnswerForm) -> String {
    let word = |word: &str| {
        let word = word.trim();
        let number = word.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
        let listed = number.filter(|it| *it < LISTED_MAX && !choices.contains(&word));
        listed
            .and_then(|it| choices.get(it))
            .map_or(word, |it| *it)
            .to_owned()
    };
    if form == AnswerForm::One {
        return word(typed);
    }
    typed.split(',').map(word).collect::<Vec<_>>().join(",")
}

pub(super) fn entries(line: &str) -> Vec<String> {
    let entries = line.split(',').map(str::trim);
    entries
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
pub(super) mod script {
    use std::collections::VecDeque;

    use super::*;

    #[derive(Default)]
    pub(in super::super) struct Script {
        pub(in super::super) answers: VecDeque<&'static str>,
        pub(in super::super) asked: Vec<String>,
    }

    impl Script {
        pub(in super::super) fn of(answers: &[&'static str]) -> Self {
            Self {
                answers: answers.iter().copied().collect(),
                asked: Vec::new(),
            }
        }
    }

    impl Lines for Script {
        fn ask(&mut self, prompt: &str) -> Result<Option<String>, Failure> {
            self.asked.push(prompt.to_owned());
            Ok(self.answers.pop_front().map(str::to_owned))
        }

        fn say(&mut self, line: &str) {
            self.asked.push(line.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use hallpass_terminal::exit::Exit;

    use super::script::Script;
    use super::*;

    fn number(text: &str) -> Result<u32, Failure> {
        text.parse()
            .map_err(|_| Failure::bad_input(format!("`{text}` is no number")))
    }

    fn question(default: Option<&str>) -> Question<'static> {
        Question {
            key: "n",
            words: "How many",
            default: default.map(str::to_owned),
            ..Question::default()
        }
    }

    #[test]
    fn what_is_given_is_not_asked_and_what_is_wrong_is_asked_again() {
        let mut script = Script::of(&["x", "", "7"]);
        let mut answering = Answering::Somebody(&mut script);
        assert_eq!(
            answering
                .settle(Some("3"), &question(None), number)
                .unwrap(),
            3
        );
        assert_eq!(answering.settle(None, &question(None), number).unwrap(), 7);
        assert_eq!(script.answers.len(), 0);
        let mut script = Script::of(&["\n"]);
        let mut answering = Answering::Somebody(&mut script);
        assert_eq!(
            answering
                .settle(None, &question(Some("5")), number)
                .unwrap(),
            5
        );
    }

    #[test]
    fn an_end_of_the_input_and_too_many_tries_end_it() {
        let mut none = Script::default();
        let failure = Answering::Somebody(&mut none)
            .settle(None, &question(None), number)
            .unwrap_err();
        assert_eq!(failure.exit(), Exit::Refused);
        let mut wrong = Script::of(&["x"; 9]);
        let failure = Answering::Somebody(&mut wrong)
            .settle(None, &question(None), number)
            .unwrap_err();
        assert_eq!(
            (failure.exit(), wrong.answers.len()),
            (Exit::BadInput, 9 - TRIES_MAX)
        );
        let given = Answering::Nobody.settle(Some("x"), &question(Some("1")), number);
        assert!(
            given.is_err(),
            "a given value is not replaced by the default"
        );
        assert!(
            Answering::Nobody
                .settle(None, &question(None), number)
                .is_err()
        );
    }

    #[test]
    fn numbers_stand_for_what_is_listed_unless_something_is_called_so() {
        let choices = ["admins", "2", "a, b"];
        for (typed, form, meant) in [
            ("1", AnswerForm::One, "admins"),
            ("2", AnswerForm::One, "2"),
            ("3", AnswerForm::One, "a, b"),
            ("a, b", AnswerForm::One, "a, b"),
            ("0", AnswerForm::One, "0"),
            ("4", AnswerForm::One, "4"),
            (
                "99999999999999999999",
                AnswerForm::One,
                "99999999999999999999",
            ),
            ("1, other", AnswerForm::List, "admins,other"),
            ("2,1", AnswerForm::List, "2,admins"),
        ] {
            assert_eq!(chosen(typed, &choices, form), meant, "{typed}");
        }
    }
}
