//! The `isomer` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    isomer_service::cli::main(std::env::args_os())
}
