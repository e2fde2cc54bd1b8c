// SPDX-License-Identifier: MPL-2.0
//! What the property `stats` and the messages hold.

use sonic_engine::sync::{Counts, Levels};

/// The counts and levels; sound has `rate` samples a second.
pub fn structure(
    name: &str,
    counts: &Counts,
    levels: &Levels,
    rate: u32,
    live: bool,
) -> gst::Structure {
    let ns = |samples: u64| {
        let ns = u128::from(samples) * 1_000_000_000 / u128::from(rate.max(1));
        u64::try_from(ns).unwrap_or(u64::MAX)
    };
    let sign = levels.stretched.signum();
    let stretched = sign * i64::try_from(ns(levels.stretched.unsigned_abs())).unwrap_or(i64::MAX);
    let offsets = &levels.offsets;
    gst::Structure::builder(name)
        .field("live", live)
        .field("frames-in", counts.frames_in)
        .field("frames-out", counts.frames_out)
        .field("frames-repeated", counts.frames_repeated)
        .field("frames-dropped", counts.frames_dropped)
        .field("frames-late", counts.frames_late)
        .field("frames-idle", counts.frames_idle)
        .field("frames-cut", counts.frames_cut)
        .field("sound-in", ns(counts.sound_in))
        .field("sound-out", ns(counts.sound_out))
        .field("sound-idle", ns(counts.sound_idle))
        .field("sound-filled", ns(counts.sound_filled))
        .field("sound-shifted", ns(counts.sound_shifted))
        .field("sound-given-back", ns(counts.sound_given_back))
        .field("sound-late", ns(counts.sound_late))
        .field("sound-trimmed", ns(counts.sound_trimmed))
        .field("sound-leading", ns(counts.sound_leading))
        .field("sound-resampled", ns(counts.sound_stretched_in))
        .field("sound-stretched", stretched)
        .field("sound-cut", ns(counts.sound_cut))
        .field("sound-muted", ns(counts.sound_muted))
        .field("shift", levels.shift)
        .field_if_some("offset", offsets.now)
        .field("offset-mean", offsets.mean)
        .field("offset-p95", offsets.p95)
        .field("offset-max", offsets.worst)
        .field("frames-measured", offsets.count)
        .field("in-sync", !offsets.out)
        .field_if_some("drift-ppm", levels.drift.map(|d| d.ppm))
        .field_if_some("drift-error", levels.drift.map(|d| d.error))
        .field_if_some(
            "drift-window",
            levels.drift.map(|d| u64::from(d.window) * 1_000_000_000),
        )
        .field_if_some("drift-correction", levels.correction)
        .field_if_some("lip-lag", levels.mouth.map(|lag| lag.ns))
        .field_if_some(
            "lip-lag-confidence",
            levels.mouth.map(|lag| f64::from(lag.confidence)),
        )
        .field("sound-queued", u64::try_from(levels.sound).unwrap_or(0))
        .field("frames-queued", levels.frames as u64)
        .field("interruptions", counts.interruptions)
        .field("restarts", levels.restarts)
        .build()
}
