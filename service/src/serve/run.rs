// SPDX-License-Identifier: MPL-2.0
//! The service as a program.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::{settings::Settings, start};
use crate::{
    parameters::Described,
    post::{Away, Post},
    signals::Signals,
    store::Store,
};

/// Serves until it is told to end, by SIGTERM or SIGINT. `parameters` looks up what can be set of a
/// job, which takes a while; `post` makes the broker, within a runtime.
///
/// # Errors
/// It cannot begin: a sentence.
pub fn run(
    settings: Settings,
    parameters: impl FnOnce() -> Result<Vec<Described>, String> + Send + 'static,
    post: impl FnOnce() -> Result<Arc<dyn Post>, Away>,
) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut signals = Signals::hear()?;
        crate::log::begin(settings.log);
        let begin = async {
            let parameters = tokio::task::spawn_blocking(parameters).await;
            let parameters = parameters.map_err(|error| error.to_string())??;
            let store = Store::open(&settings.store).map_err(|error| error.to_string())?;
            let listen = settings.listen;
            let listener = TcpListener::bind(listen).await;
            let listener = listener.map_err(|error| format!("{listen}: {error}"))?;
            start(settings, store, post()?, parameters, listener).await
        };
        let served = tokio::select! {
            served = begin => served?,
            () = signals.told() => return Ok(()),
        };
        signals.told().await;
        tracing::info!("ending");
        served.end().await;
        Ok(())
    })
}
