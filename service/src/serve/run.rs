// SPDX-License-Identifier: MPL-2.0
//! The service as a program.

use std::sync::Arc;

use tokio::{net::TcpListener, signal::unix};

use super::{
    post::{Away, Post},
    settings::Settings,
    start,
};
use crate::{parameters::Described, store::Store};

/// Serves until it is told to end, by SIGTERM or SIGINT. `post` makes the broker, within a runtime.
///
/// # Errors
/// It cannot begin: a sentence.
pub fn run(
    settings: Settings,
    parameters: Vec<Described>,
    post: impl FnOnce() -> Result<Arc<dyn Post>, Away>,
) -> Result<(), String> {
    tracing_subscriber::fmt()
        .json()
        .with_max_level(settings.log)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let store = Store::open(&settings.store).map_err(|error| error.to_string())?;
        let listen = settings.listen;
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|error| format!("{listen}: {error}"))?;
        let signal = |kind| unix::signal(kind).map_err(|error| error.to_string());
        let mut terminate = signal(unix::SignalKind::terminate())?;
        let mut interrupt = signal(unix::SignalKind::interrupt())?;
        let served = start(settings, store, post()?, parameters, listener).await?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending");
        served.end().await;
        Ok(())
    })
}
