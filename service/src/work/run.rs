// SPDX-License-Identifier: MPL-2.0
//! The worker as a program.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::sync::watch;

use super::{Bench, cgroup::Groups, policy::claim_length, pool, settings::Settings};
use crate::{
    broker::{self, Broker},
    leftovers,
    signals::Signals,
    store::Store,
};

const HOUR: Duration = Duration::from_secs(3600);
/// How long a first connection to the broker is tried, by the second.
const FIRST: u32 = 60;

/// Works until it is told to end, by SIGTERM or SIGINT.
///
/// # Errors
/// It cannot begin: a sentence.
pub fn run(settings: &Settings) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut signals = Signals::hear()?;
        crate::log::begin(settings.log);
        let (stop, stopped) = watch::channel(false);
        let (broker, benches) = tokio::select! {
            begun = begin(settings) => begun?,
            () = signals.told() => return Ok(()),
        };
        tracing::info!(slots = benches.len(), "working");
        tokio::spawn(sweep_hourly(settings.scratch.clone(), settings.time));
        let working = pool::work(benches, Arc::new(broker), stopped, settings.grace);
        tokio::pin!(working);
        tokio::select! {
            () = &mut working => return Ok(()),
            () = signals.told() => {}
        }
        tracing::info!("ending");
        // There is somebody to hear it as long as there is work.
        let _ = stop.send(true);
        working.await;
        Ok(())
    })
}

/// Takes away what nobody else would, where jobs take no longer than `time`.
fn sweep(scratch: &Path, time: Duration) {
    let now = SystemTime::now();
    leftovers::sweep_landmarks(scratch, now);
    // Twice as long as any job may take.
    let old = leftovers::DAY.max(time.saturating_mul(2));
    let swept = leftovers::sweep(scratch, leftovers::JOB, old, now);
    if swept > 0 {
        tracing::info!(swept, "files of jobs were left by a worker that was killed");
    }
}

async fn sweep_hourly(scratch: PathBuf, time: Duration) {
    loop {
        tokio::time::sleep(HOUR).await;
        let scratch = scratch.clone();
        let _ = tokio::task::spawn_blocking(move || sweep(&scratch, time)).await;
    }
}

async fn begin(settings: &Settings) -> Result<(Broker, Vec<Bench<Broker>>), String> {
    settings.devices.check()?;
    let groups = Groups::begin();
    let store = Store::open(&settings.store).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(&settings.scratch)
        .map_err(|error| format!("--scratch {}: {error}", settings.scratch.display()))?;
    sweep(&settings.scratch, settings.time);
    let of_broker = broker::Settings::from_environment().map_err(|error| error.to_string())?;
    of_broker
        .check_job_limit(claim_length(settings.time))
        .map_err(|error| format!("--time {}: {error}", settings.time.as_secs()))?;
    let broker = connected(of_broker).await?;
    let program = match &settings.renderer {
        Some(program) => std::fs::canonicalize(program)
            .map_err(|error| format!("--renderer {}: {error}", program.display()))?,
        None => std::env::current_exe().map_err(|error| error.to_string())?,
    };
    let shares = settings.devices.shares(settings.slots, &cores());
    let random = getrandom::u64().map_err(|error| error.to_string())?;
    let mut benches = Vec::new();
    for (slot, share) in shares.into_iter().enumerate() {
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
            share,
            group: groups.as_ref().map(|groups| groups.of_slot(slot)),
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
        |set| {
            (0..rustix::thread::CpuSet::MAX_CPU)
                .filter(|core| set.is_set(*core))
                .collect()
        },
    );
    if known.is_empty() { vec![0] } else { known }
}
