//! `hallpass man`: the manual, generated from the commands.

use std::fs;
use std::path::PathBuf;

use clap_mangen::Man;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// Print the manual page, or write one page per command
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  hallpass man | man -l -\n  hallpass man --dir target/man")]
pub(crate) struct Args {
    /// Write one page per command into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, mut program: clap::Command) -> Outcome {
    program.build();
    match &args.dir {
        None => {
            let page = page(program)?;
            output::print(&String::from_utf8(page).map_err(Failure::bug)?)?;
        }
        Some(dir) => {
            fs::create_dir_all(dir).map_err(|error| Failure::unwritable(dir.display(), &error))?;
            let mut waiting = vec![("hallpass".to_owned(), program)];
            while let Some((name, command)) = waiting.pop() {
                for below in command
                    .get_subcommands()
                    .filter(|it| it.get_name() != "help" && !it.is_hide_set())
                {
                    waiting.push((format!("{name}-{}", below.get_name()), below.clone()));
                }
                let path = dir.join(format!("{name}.1"));
                fs::write(&path, page(command)?)
                    .map_err(|error| Failure::unwritable(path.display(), &error))?;
            }
        }
    }
    Ok(Exit::Ok)
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(Failure::bug)?;
    Ok(page)
}
