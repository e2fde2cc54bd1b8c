// SPDX-License-Identifier: MPL-2.0
//! Errors as HTTP tells them: `application/problem+json` (RFC 9457), with the field and the limit.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{job::Owner, store::StoreError};

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Fault {
    /// The field's name; of a batch as `jobs[3].text`.
    pub field: String,
    /// A sentence.
    pub detail: String,
    /// The limit that was passed, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
}

impl Fault {
    /// Without a limit.
    pub fn new(field: &str, detail: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            detail: detail.into(),
            limit: None,
        }
    }

    /// With the limit that was passed.
    pub fn over(field: &str, detail: impl Into<String>, limit: u64) -> Self {
        Self {
            limit: Some(limit as f64),
            ..Self::new(field, detail)
        }
    }
}

/// An answer that says what went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// The kind of problem; there is none with a page of its own.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    #[schema(value_type = u16)]
    #[serde(serialize_with = "number")]
    status: StatusCode,
    /// A sentence that says what to do.
    detail: String,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

fn number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    /// One with that status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
        }
    }

    /// What was sent cannot be taken; `faults` says why.
    #[must_use]
    pub fn faults(faults: Vec<Fault>) -> Self {
        let detail = match faults.as_slice() {
            [fault] => format!("{}: {}", fault.field, fault.detail),
            all => format!("{} fields are wrong", all.len()),
        };
        Self {
            errors: faults,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
    }

    /// One field is wrong, under another status.
    #[must_use]
    pub fn fault(status: StatusCode, fault: Fault) -> Self {
        let detail = format!("{}: {}", fault.field, fault.detail);
        Self {
            errors: vec![fault],
            ..Self::new(status, detail)
        }
    }

    /// What was asked for is not there, or not this owner's: both look the same.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// It may go better later.
    #[must_use]
    pub fn unavailable(detail: &str) -> Self {
        Self {
            retry_after_s: Some(5),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// An owner has asked too often.
    #[must_use]
    pub fn too_often(owner: &Owner, wait_s: u64) -> Self {
        let detail = format!("{owner} has asked too often: once more in {wait_s} s");
        Self {
            retry_after_s: Some(wait_s),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
        }
    }

    /// The fields' names are those of the job of that number in a batch.
    #[must_use]
    pub fn of_batch(mut self, number: usize) -> Vec<Fault> {
        if self.errors.is_empty() {
            return vec![Fault::new(&format!("jobs[{number}]"), self.detail)];
        }
        for fault in &mut self.errors {
            fault.field = format!("jobs[{number}].{}", fault.field);
        }
        self.errors
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What is wrong with which field.
    #[must_use]
    pub fn errors(&self) -> &[Fault] {
        &self.errors
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // What the store says may name its address: that is for the log.
        tracing::error!(%error, "the store failed");
        Self::unavailable(&format!("{}; try again in a while", error.plain()))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(wait) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, wait.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let how = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, how);
        }
        response
    }
}
