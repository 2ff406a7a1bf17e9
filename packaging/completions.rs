//! Writes the shells' completions into a folder, for the packages: `make deb`, `make rpm`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use ringcheck::cli::Arguments;

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.context("which folder?")?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Arguments::command(), "ringcheck", &folder)
            .with_context(|| format!("cannot write into {}", folder.display()))?;
    }
    Ok(())
}
