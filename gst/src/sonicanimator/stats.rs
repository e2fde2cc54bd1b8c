// SPDX-License-Identifier: MPL-2.0
//! Counters behind the property `stats`.

use std::time::Duration;

use sonic_engine::{animator::Lags, articulate::lag::Lag, rig::Gaze};

/// Counted since the last start.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Frames drawn.
    pub rendered: u64,
    /// Frames sent again because the new one was late.
    pub repeated: u64,
    /// Time spent drawing, together.
    pub render_time: Duration,
    /// The longest time to draw one.
    pub render_time_max: Duration,
    /// ns of sound that a frame waits for after its instant.
    pub look_ahead: u64,
    /// Faces seen in the portrait.
    pub faces: u32,
    /// Whether the eyes look about; `None` until the portrait is fitted into a frame.
    pub gaze: Option<Gaze>,
    /// Portraits and framings exchanged while playing.
    pub swapped: u64,
    /// ns of silence put into holes.
    pub silence: u64,
    /// ns of sound dropped because it came again.
    pub trimmed: u64,
    /// Jumps that were followed.
    pub restarts: u64,
    /// Clauses whose phones moved the mouth, and clauses of no use.
    pub clauses: (u64, u64),
    /// Who listens where no phones are known.
    pub listens: &'static str,
    /// The network that listens.
    pub model: String,
    /// By how much the lips are later than the sound.
    pub lags: Lags,
}

impl Stats {
    /// Counts one drawn frame.
    pub fn add_rendered(&mut self, took: Duration) {
        self.rendered += 1;
        self.render_time += took;
        self.render_time_max = self.render_time_max.max(took);
    }
}

impl From<Stats> for gst::Structure {
    fn from(stats: Stats) -> Self {
        let ns = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let mean = ns(stats.render_time)
            .checked_div(stats.rendered)
            .unwrap_or(0);
        let lag = |lag: Option<Lag>| lag.map_or((0, 0.0), |l| (l.ns, f64::from(l.confidence)));
        let (track, envelope) = (lag(stats.lags.track), lag(stats.lags.envelope));
        gst::Structure::builder("application/x-sonicanimator-stats")
            .field("frames-rendered", stats.rendered)
            .field("frames-repeated", stats.repeated)
            .field("render-time-mean", mean)
            .field("render-time-max", ns(stats.render_time_max))
            .field("look-ahead", stats.look_ahead)
            .field("faces", stats.faces)
            .field("gaze", gaze_name(stats.gaze))
            .field("portraits-swapped", stats.swapped)
            .field("silence-inserted", stats.silence)
            .field("sound-trimmed", stats.trimmed)
            .field("restarts", stats.restarts)
            .field("clauses-used", stats.clauses.0)
            .field("clauses-ignored", stats.clauses.1)
            .field("listens", stats.listens)
            .field("model", stats.model)
            .field("lip-lag", track.0)
            .field("lip-lag-confidence", track.1)
            .field("envelope-lag", envelope.0)
            .field("envelope-lag-confidence", envelope.1)
            .build()
    }
}

fn gaze_name(gaze: Option<Gaze>) -> &'static str {
    match gaze {
        None => "unknown",
        Some(Gaze::On) => "on",
        Some(Gaze::TooSmall) => "too-small",
        Some(Gaze::Unclear) => "unclear",
    }
}
