// SPDX-License-Identifier: MPL-2.0
//! Threads to draw with: one pool for all rigs of the process.

use rayon_core::{ThreadPool, ThreadPoolBuilder};
use std::{num::NonZero, sync::OnceLock, thread::available_parallelism};

/// How many threads a rig is given for a wish; 0 wishes for all processors.
pub fn granted(wish: usize) -> usize {
    let all = available_parallelism().map_or(1, NonZero::get);
    if wish == 0 { all } else { wish.min(all) }
}

/// The threads, as many as there are processors; `None` if the system gives none. They sleep
/// while there is nothing to draw.
pub fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let start = || {
        ThreadPoolBuilder::new()
            .num_threads(granted(0))
            .thread_name(|i| format!("sonic-draw-{i}"))
            .build()
            .ok()
    };
    POOL.get_or_init(start).as_ref()
}
