//! Errors of the HTTP API as RFC 9457 problem details.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api;

/// An error answer: every one that the API gives goes through here.
#[derive(Debug)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    errors: Vec<api::Diagnostic>,
}

/// Kinds of errors, each with a status, a stable code and a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The body is not JSON, or not the JSON that is expected.
    MalformedRequest,
    /// No such route.
    NotFound,
    /// The route does not know the method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// The body is not said to be JSON.
    UnsupportedMediaType,
    /// The project cannot be optimised; `errors` says why.
    ProjectFault,
    /// The optimizer failed; a bug.
    Internal,
    /// As many requests are being optimised as the service is set to take.
    Busy,
}

impl ProblemKind {
    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedRequest => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ProjectFault => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformed-request",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::BodyTimeout => "body-timeout",
            Self::BodyTooLarge => "body-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::ProjectFault => "project-fault",
            Self::Internal => "internal",
            Self::Busy => "busy",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::MalformedRequest => "The request body is not what the API expects",
            Self::NotFound => "There is nothing at this path",
            Self::MethodNotAllowed => "The path does not know this method",
            Self::BodyTimeout => "The request body did not arrive in time",
            Self::BodyTooLarge => "The request body is too large",
            Self::UnsupportedMediaType => "The request body is not JSON",
            Self::ProjectFault => "The project cannot be optimised",
            Self::Internal => "The optimizer failed on this request",
            Self::Busy => "The service is busy",
        }
    }
}

impl Problem {
    /// A problem with what happened this time.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new() }
    }

    /// A body that is not what the API expects, with the place in it.
    #[must_use]
    pub fn malformed(fault: api::Diagnostic) -> Self {
        let place = fault.span.map(|span| format!(" at line {} column {}", span.line, span.col)).unwrap_or_default();
        let detail = format!("{}{place}", fault.message);
        Self { kind: ProblemKind::MalformedRequest, detail, errors: vec![fault] }
    }

    /// A project that cannot be optimised, with every fault found.
    #[must_use]
    pub fn project(errors: Vec<api::Diagnostic>) -> Self {
        let detail = match errors.as_slice() {
            [one] => one.message.clone(),
            _ => format!("{} faults were found, see `errors`", errors.len()),
        };
        Self { kind: ProblemKind::ProjectFault, detail, errors }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        let body = api::Problem {
            kind: format!("urn:isomer:problem:{}", self.kind.code()),
            title: self.kind.title(),
            status: status.as_u16(),
            detail: self.detail,
            code: self.kind.code(),
            errors: self.errors,
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind == ProblemKind::Busy {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
