// SPDX-License-Identifier: MPL-2.0
//! Threads to draw with: one pool for all rigs of the process.

use rayon_core::{ThreadPool, ThreadPoolBuilder};
use std::{num::NonZero, sync::OnceLock, thread::available_parallelism};

/// Enough that the last one is short.
const STRIPES_A_THREAD: usize = 4;

/// How many threads a rig is given for a wish; 0 wishes for all processors.
pub fn granted(wish: usize) -> usize {
    let all = available_parallelism().map_or(1, NonZero::get);
    if wish == 0 { all } else { wish.min(all) }
}

/// How many stripes a frame is drawn in by the threads that a rig is granted: where it has all of
/// the pool, more than there are threads, so that who is done early takes another one.
pub fn stripes(wish: usize) -> usize {
    let count = granted(wish);
    if count > 1 && count == granted(0) {
        STRIPES_A_THREAD * count
    } else {
        count
    }
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
