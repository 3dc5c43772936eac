//! `isomer serve`: the HTTP API on a socket.

use std::net::TcpListener;
use std::time::Duration;

use super::args::ServeArgs;
use super::{Console, Failure, Outcome};
use crate::{http, report};

/// `isomer serve`.
pub(super) fn run(console: Console, args: &ServeArgs) -> Result<Outcome, Failure> {
    if !args.listen.ip().is_loopback() && !args.insecure {
        let message = "other machines could reach this address and there is no authentication; \
                       listen on 127.0.0.1, or add --insecure behind a proxy that authenticates";
        return Err(Failure::Sentence(format!("`{}`: {message}", args.listen)));
    }
    let failed = |error| Failure::Sentence(format!("`{}` cannot be listened on: {error}", args.listen));
    let listener = TcpListener::bind(args.listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut config = http::Config {
        body_limit: args.body_limit,
        deadline: Duration::from_millis(args.deadline_ms),
        is_logging: !console.is_quiet,
        ..http::Config::default()
    };
    if let Some(concurrency) = args.concurrency {
        config.concurrency = concurrency.max(1);
    }
    report::stderr_line(&format!("listening on http://{address}"));
    http::serve(listener, config, http::signal()).map_err(failed)?;
    Ok(Outcome::Fine)
}
