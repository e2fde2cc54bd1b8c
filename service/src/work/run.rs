// SPDX-License-Identifier: MPL-2.0
//! The worker as a program.

use std::{sync::Arc, time::Duration};

use tokio::{signal::unix, sync::watch};

use super::{Bench, policy::claim_length, pool, settings::Settings};
use crate::{
    broker::{self, Broker},
    store::Store,
};

/// How long a first connection to the broker is tried, by the second.
const FIRST: u32 = 60;

/// Works until it is told to end, by SIGTERM or SIGINT.
///
/// # Errors
/// It cannot begin: a sentence.
pub fn run(settings: &Settings, store: &str) -> Result<(), String> {
    tracing_subscriber::fmt()
        .json()
        .with_max_level(settings.log)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let signal = |kind| unix::signal(kind).map_err(|error| error.to_string());
        let mut terminate = signal(unix::SignalKind::terminate())?;
        let mut interrupt = signal(unix::SignalKind::interrupt())?;
        let (stop, stopped) = watch::channel(false);
        let begin = begin(settings, store);
        let (broker, benches) = tokio::select! {
            begun = begin => begun?,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        tracing::info!(slots = benches.len(), "working");
        let working = pool::work(benches, Arc::new(broker), stopped, settings.grace);
        tokio::pin!(working);
        tokio::select! {
            () = &mut working => return Ok(()),
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending");
        // There is somebody to hear it as long as there is work.
        let _ = stop.send(true);
        working.await;
        Ok(())
    })
}

async fn begin(settings: &Settings, store: &str) -> Result<(Broker, Vec<Bench<Broker>>), String> {
    let store = Store::open(store).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(&settings.scratch)
        .map_err(|error| format!("--scratch {}: {error}", settings.scratch.display()))?;
    let of_broker = broker::Settings::from_environment().map_err(|error| error.to_string())?;
    of_broker
        .check_job_limit(claim_length(settings.time))
        .map_err(|error| error.to_string())?;
    let broker = connected(of_broker).await?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let cores = cores();
    let shares = pool::shares(settings.slots.unwrap_or(cores.len()), &cores);
    let random = getrandom::u64().map_err(|error| error.to_string())?;
    let mut benches = Vec::new();
    for (slot, cores) in shares.into_iter().enumerate() {
        let worker = format!("{random:016x}-{slot}");
        let present = broker.be_present(&worker).await;
        present.map_err(|error| error.to_string())?;
        benches.push(Bench {
            store: store.clone(),
            post: broker.clone(),
            worker,
            program: program.clone(),
            scratch: settings.scratch.clone(),
            memory: settings.memory,
            time: settings.time,
            cores,
        });
    }
    Ok((broker, benches))
}

/// A broker that has answered. It may be started after the worker.
async fn connected(settings: broker::Settings) -> Result<Broker, String> {
    let broker = Broker::start(settings).map_err(|error| error.to_string())?;
    for _ in 0..FIRST {
        match broker.ready().await {
            Ok(()) => return Ok(broker),
            Err(error) if error.lasts() => return Err(error.to_string()),
            Err(error) => tracing::warn!(%error, "the broker is awaited"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Err("the broker does not answer; is SONICD_AMQP_URL right?".to_owned())
}

/// The cores that this process may use.
fn cores() -> Vec<usize> {
    let set = rustix::thread::sched_getaffinity(None);
    let known: Vec<_> = set.map_or_else(
        |_| Vec::new(),
        |set| (0..rustix::thread::CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect(),
    );
    if known.is_empty() { vec![0] } else { known }
}
