//! The HTTP API: routes, limits and lifetimes. What a request means is said in `request`, what it
//! is answered with in `api` and `problem`.

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

use crate::explain::{self, Style};
use crate::optimize::{self, Answer, Optimised};
use crate::problem::{Problem, ProblemKind};
use crate::request::OptimizeRequest;
use crate::{api, report};

/// Largest request body unless the service is told otherwise, in bytes.
pub const DEFAULT_BODY_LIMIT: usize = 10 << 20;
/// Longest search unless the service is told otherwise, in milliseconds.
pub const DEFAULT_DEADLINE_MS: u64 = 10_000;
/// A body that takes longer to arrive is not waited for.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Stack of the threads that optimise: plans are trees, and some steps walk them recursively.
const OPTIMIZER_STACK_BYTES: usize = 256 << 20;
/// What requests in flight get beyond their own deadline once the service is asked to stop.
const DRAIN_GRACE: Duration = Duration::from_secs(5);

/// Limits of the service.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Largest request body in bytes.
    pub body_limit: usize,
    /// Longest search of one request.
    pub deadline: Duration,
    /// Requests that are optimised at the same time; one more is answered 503.
    pub concurrency: usize,
    /// Whether requests are logged on stderr.
    pub is_logging: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            body_limit: DEFAULT_BODY_LIMIT,
            deadline: Duration::from_millis(DEFAULT_DEADLINE_MS),
            concurrency: std::thread::available_parallelism().map_or(2, NonZeroUsize::get),
            is_logging: false,
        }
    }
}

#[derive(Debug)]
struct Service {
    config: Config,
    permits: Arc<Semaphore>,
    is_draining: AtomicBool,
}

/// Serves until `stop` is ready, then lets requests in flight finish.
///
/// # Errors
///
/// When the runtime cannot be started or the socket fails.
pub fn serve(
    listener: std::net::TcpListener,
    config: Config,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async move {
        let service = Arc::new(Service {
            config,
            permits: Arc::new(Semaphore::new(config.concurrency.max(1))),
            is_draining: AtomicBool::new(false),
        });
        let listener = TcpListener::from_std(listener)?;
        let (stopped, mut is_stopped) = tokio::sync::watch::channel(false);
        let draining = Arc::clone(&service);
        let graceful = async move {
            stop.await;
            draining.is_draining.store(true, Ordering::Relaxed);
            stopped.send_replace(true);
        };
        let serving = axum::serve(listener, router(service)).with_graceful_shutdown(graceful);
        let give_up = async move {
            // An error means that the sender is gone, which is a stop as well.
            is_stopped.wait_for(|is_stopped| *is_stopped).await.ok();
            tokio::time::sleep(config.deadline + DRAIN_GRACE).await;
        };
        tokio::select! {
            result = serving => result,
            () = give_up => Ok(()),
        }
    });
    runtime.shutdown_timeout(DRAIN_GRACE);
    result
}

/// Ready on SIGINT or SIGTERM.
pub async fn signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<Option<()>>();
    tokio::select! {
        () = interrupt => {}
        _ = terminate => {}
    }
}

fn router(service: Arc<Service>) -> Router {
    let is_logging = service.config.is_logging;
    let router = Router::new()
        .route("/v1/optimize", post(optimize))
        .route("/optimize", post(optimize))
        .route("/v1/explain", post(explain))
        .route("/explain", post(explain))
        .route("/v1/schema", post(schema))
        .route("/v1/lineage", post(lineage))
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/version", get(version))
        .fallback(async |request: Request<Body>| {
            Problem::new(
                ProblemKind::NotFound,
                format!("found `{}`, see docs/http.md for the paths", request.uri().path()),
            )
        })
        .method_not_allowed_fallback(async |request: Request<Body>| {
            let detail = format!("found `{}` on `{}`", request.method(), request.uri().path());
            Problem::new(ProblemKind::MethodNotAllowed, detail)
        })
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| internal().into_response()))
        .with_state(service);
    if is_logging { router.layer(axum::middleware::from_fn(log)) } else { router }
}

async fn optimize(State(service): State<Arc<Service>>, request: Request<Body>) -> Result<Json<api::Output>, Problem> {
    let optimised = answer(&service, request).await?;
    Ok(Json(optimised.output))
}

/// JSON by default; the bare explanation for clients that ask for `text/markdown` or `text/plain`.
async fn explain(State(service): State<Arc<Service>>, request: Request<Body>) -> Result<Response, Problem> {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let optimised = answer(&service, request).await?;
    if accept.starts_with("text/plain") {
        let text = explain::render(&optimised, Style::Plain);
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response());
    }
    let explanation = explain::render(&optimised, Style::Markdown);
    if accept.starts_with("text/markdown") {
        return Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], explanation).into_response());
    }
    Ok(Json(api::Explained { output: optimised.output, explanation, proofs: None }).into_response())
}

async fn readyz(State(service): State<Arc<Service>>) -> (StatusCode, &'static str) {
    if service.is_draining.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn version() -> Json<api::Version> {
    Json(api::Version { name: "isomer", version: env!("CARGO_PKG_VERSION") })
}

/// The optimised project that a request asks for.
async fn answer(service: &Service, request: Request<Body>) -> Result<Optimised, Problem> {
    work(service, request, |request| optimize::run(&request)).await.and_then(outcome)
}

async fn schema(
    State(service): State<Arc<Service>>,
    request: Request<Body>,
) -> Result<Json<api::columns::ProjectSchema>, Problem> {
    let found = work(&service, request, |request| crate::schema::run(&request)).await?;
    found.map(|(schema, _)| Json(schema)).map_err(|refused| refusal(&refused))
}

async fn lineage(
    State(service): State<Arc<Service>>,
    request: Request<Body>,
) -> Result<Json<api::columns::ProjectLineage>, Problem> {
    let found = work(&service, request, |request| crate::lineage::run(&request)).await?;
    found.map(|(lineage, _)| Json(lineage)).map_err(|refused| refusal(&refused))
}

/// Reads a request and does the work that it asks for, within the service's limits.
async fn work<T: Send + 'static>(
    service: &Service,
    request: Request<Body>,
    work: impl FnOnce(optimize::Request) -> T + Send + 'static,
) -> Result<T, Problem> {
    let (head, body) = request.into_parts();
    require_json(&head.headers)?;
    let body = read_body(body, service.config.body_limit).await?;
    let text = std::str::from_utf8(&body).map_err(|error| {
        let detail = format!("found a byte at position {} that is not UTF-8", error.valid_up_to());
        Problem::new(ProblemKind::MalformedRequest, detail)
    })?;
    let request = OptimizeRequest::read(text).map_err(|fault| Problem::malformed(*fault))?;
    let asked = request.options.deadline_ms.map(Duration::from_millis).unwrap_or(service.config.deadline);
    let end = Instant::now() + asked.min(service.config.deadline);

    let Ok(permit) = Arc::clone(&service.permits).try_acquire_owned() else {
        let detail = format!("{} requests are being optimised, try again", service.config.concurrency);
        return Err(Problem::new(ProblemKind::Busy, detail));
    };
    // A client that hangs up ends the search: the flag falls when this future is dropped.
    let gone = Gone::default();
    let is_gone = Arc::clone(&gone.0);
    let answer = on_deep_stack(move || {
        let is_over = move || is_gone.load(Ordering::Relaxed) || Instant::now() >= end;
        // The body is text, as was seen above.
        let text = String::from_utf8_lossy(&body);
        let answer = request.into_request(&text, Some(Arc::new(is_over))).map(work);
        drop(permit);
        answer
    });
    answer.await?.map_err(Problem::project)
}

/// Runs the work on a thread of its own, whose panic is that request's problem alone.
async fn on_deep_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("optimizer".to_owned())
        .stack_size(OPTIMIZER_STACK_BYTES)
        .spawn(move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // Nobody listens any more when the client is gone.
            sender.send(result).ok();
        })
        .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
    match receiver.await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) | Err(_) => Err(internal()),
    }
}

fn outcome(answer: Answer) -> Result<Optimised, Problem> {
    let Answer { diagnostics, texts, optimised } = answer;
    optimised.ok_or_else(|| Problem::project(report::wire(&diagnostics, &texts)))
}

fn refusal(answer: &Answer) -> Problem {
    Problem::project(report::wire(&answer.diagnostics, &answer.texts))
}

fn internal() -> Problem {
    Problem::new(ProblemKind::Internal, "a bug in the optimizer; other requests are not affected")
}

/// `curl -d` says `application/x-www-form-urlencoded`; the body is JSON all the same.
fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let value = value.to_str().unwrap_or("");
    let kind = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let is_json = kind == "application/json" || kind.starts_with("application/") && kind.ends_with("+json");
    if is_json || kind == "application/x-www-form-urlencoded" {
        return Ok(());
    }
    let detail = format!("found `{value}`, expected `application/json`");
    Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
}

async fn read_body(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, limit)).await;
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length_limit(&error) => {
            Err(Problem::new(ProblemKind::BodyTooLarge, format!("expected at most {limit} bytes")))
        }
        Ok(Err(error)) => Err(Problem::new(ProblemKind::MalformedRequest, format!("the body broke off: {error}"))),
        Err(_) => {
            let detail = format!("expected the body within {} seconds", BODY_TIMEOUT.as_secs());
            Err(Problem::new(ProblemKind::BodyTimeout, detail))
        }
    }
}

fn is_length_limit(error: &axum::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}

async fn log(request: Request<Body>, next: axum::middleware::Next) -> Response {
    let start = Instant::now();
    let line = format!("{} {}", request.method(), request.uri().path());
    let response = next.run(request).await;
    report::stderr_line(&format!("{line} {} {} ms", response.status().as_u16(), start.elapsed().as_millis()));
    response
}

/// Sets its flag when it is dropped.
#[derive(Default)]
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::response::IntoResponse;

    use super::on_deep_stack;

    #[test]
    fn a_panic_is_an_answer() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let panicked = runtime.block_on(on_deep_stack(|| -> u8 { panic!("a rule divides by zero") }));
        assert_eq!(panicked.unwrap_err().into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(runtime.block_on(on_deep_stack(|| 7)).unwrap(), 7);
    }
}
