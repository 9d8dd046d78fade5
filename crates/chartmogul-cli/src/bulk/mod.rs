//! Many updates from a file: the subcommand `bulk-update` of each resource that can be updated.

use chartmogul::Operation;
use clap::{ArgMatches, Command};

use crate::{
    context::Context,
    error::{CliError, Exit},
};

/// The subcommand.
pub(crate) fn command(operation: &'static Operation) -> Command {
    let about = format!("{}: many at once, from a file", operation.summary);
    Command::new("bulk-update").about(about).hide(true)
}

/// Runs it.
#[allow(clippy::unused_async)]
pub(crate) async fn run(
    _context: &Context,
    operation: &'static Operation,
    _matches: &ArgMatches,
) -> Result<Exit, CliError> {
    Err(CliError::usage(format!("{} can't be done in bulk yet", operation.id)))
}
