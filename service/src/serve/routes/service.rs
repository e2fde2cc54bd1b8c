// SPDX-License-Identifier: MPL-2.0
//! The service itself: what it takes, and how it fares.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Caller, Shared};
use crate::{
    parameters::{Described, Kind},
    serve::problem::Problem,
};

/// A parameter.
#[derive(Serialize, ToSchema)]
pub struct ParameterView {
    /// As in a job.
    name: String,
    /// number, integer, choice or text.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The least.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<f64>,
    /// The most.
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<f64>,
    /// The only values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
    /// What it is if nothing is said.
    default: String,
    /// A sentence.
    description: String,
}

impl From<Described> for ParameterView {
    fn from(described: Described) -> Self {
        let (kind, minimum, maximum, values) = match described.kind {
            Kind::Number { minimum, maximum } => ("number", Some(minimum), Some(maximum), vec![]),
            Kind::Integer { minimum, maximum } => (
                "integer",
                Some(minimum as f64),
                Some(maximum as f64),
                vec![],
            ),
            Kind::Choice { values } => ("choice", None, None, values),
            Kind::Text => ("text", None, None, vec![]),
        };
        Self {
            name: described.name.to_owned(),
            kind,
            minimum,
            maximum,
            values,
            default: described.default,
            description: described.description,
        }
    }
}

/// How much may be sent.
#[derive(Serialize, ToSchema)]
pub struct LimitsView {
    /// Of a picture.
    portrait_bytes: u64,
    /// Of a picture.
    portrait_pixels: u64,
    /// Of a recording.
    audio_bytes: u64,
    /// Of a text.
    text_characters: usize,
    /// Of a result.
    seconds: u32,
    /// In one manifest.
    batch_jobs: usize,
}

/// What can be set of a job.
#[derive(Serialize, ToSchema)]
pub struct ParametersView {
    /// All parameters.
    parameters: Vec<ParameterView>,
    /// How much may be sent.
    limits: LimitsView,
}

/// What can be set of a job, with ranges and defaults.
#[utoipa::path(get, path = "/v1/parameters", responses(
    (status = OK, body = ParametersView), (status = UNAUTHORIZED, body = Problem)))]
pub async fn parameters(State(app): State<Shared>, _caller: Caller) -> Json<ParametersView> {
    let limits = &app.settings.limits;
    Json(ParametersView {
        parameters: app.table.described().into_iter().map(Into::into).collect(),
        limits: LimitsView {
            portrait_bytes: limits.portrait_bytes,
            portrait_pixels: limits.portrait_pixels,
            audio_bytes: limits.audio_bytes,
            text_characters: limits.text_characters,
            seconds: limits.seconds,
            batch_jobs: limits.batch_jobs,
        },
    })
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// The owner's name.
    owner: String,
    /// By which callbacks are signed: `sonicd-signature` is `t=T,v1=V`, and V is HMAC-SHA256 of T, a
    /// dot and the body.
    callback_secret: String,
}

/// Who asks, and by what callbacks are signed.
#[utoipa::path(get, path = "/v1/me", responses(
    (status = OK, body = Me), (status = UNAUTHORIZED, body = Problem)))]
pub async fn me(State(app): State<Shared>, Caller(owner): Caller) -> Json<Me> {
    Json(Me {
        callback_secret: app.signer.callback_secret(&owner),
        owner: owner.into(),
    })
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", responses((status = OK)))]
pub async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(super::document())
}

/// Whether the process lives.
#[utoipa::path(get, path = "/healthz", responses((status = OK, body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether jobs can be taken on: the store answers. A broker that is away makes them wait, and
/// nothing else.
#[utoipa::path(get, path = "/readyz", responses(
    (status = OK, body = String), (status = SERVICE_UNAVAILABLE, body = Problem)))]
pub async fn readyz(State(app): State<Shared>) -> Result<String, Problem> {
    if *app.ending.borrow() {
        return Err(Problem::unavailable("the service ends"));
    }
    app.store.answers().await?;
    // As it was known last: who asks often is not kept waiting.
    let broker = match app.metrics.broker.get() {
        1 => "ok",
        _ => "away; jobs wait",
    };
    Ok(format!("store: ok\nbroker: {broker}\n"))
}

/// What is counted, for Prometheus.
#[utoipa::path(get, path = "/metrics", responses((status = OK, body = String)))]
pub async fn metrics(State(app): State<Shared>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, kind)],
        app.metrics.text(),
    )
}
