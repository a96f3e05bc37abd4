use std::collections::BTreeSet;
use std::fmt::Debug;
use std::process::ExitCode;

pub(crate) type Checked = Result<(), String>;

pub(crate) struct Report {
    known: BTreeSet<String>,
    passed: u32,
    differing: u32,
    failed: u32,
}

impl Report {
    pub(crate) fn new(known: &[String]) -> Self {
        Self {
            known: known.iter().cloned().collect(),
            passed: 0,
            differing: 0,
            failed: 0,
        }
    }

    /// Prints one line. An announced failure is a difference, not a failure; if it passes, the line
    /// says so without failing.
    pub(crate) fn check(&mut self, id: &str, what: &str, checked: Checked) {
        let known = self.known.remove(id);
        match (checked, known) {
            (Ok(()), false) => {
                self.passed += 1;
                println!("{id} {what} = ok");
            }
            (Ok(()), true) => {
                self.passed += 1;
                println!(
                    "{id} {what} = ok (note: a known difference before; strike it from the table)"
                );
            }
            (Err(why), true) => {
                self.differing += 1;
                println!("{id} {what} ≠ known: {why}");
            }
            (Err(why), false) => {
                self.failed += 1;
                println!("{id} {what} ! FAILED: {why}");
            }
        }
    }

    pub(crate) fn end(self) -> ExitCode {
        let Self {
            known,
            passed,
            differing,
            mut failed,
        } = self;
        for id in known {
            failed += 1;
            println!("{id} ! FAILED: named as known, but no such check ran");
        }
        println!("{differing} known differences");
        println!("{passed} passed, {failed} failed");
        if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn holds(truth: bool, otherwise: impl Into<String>) -> Checked {
    if truth { Ok(()) } else { Err(otherwise.into()) }
}

pub(crate) fn equal<T: PartialEq + Debug>(got: &T, wanted: &T) -> Checked {
    holds(got == wanted, format!("got {got:?}, wanted {wanted:?}"))
}
