// SPDX-License-Identifier: MPL-2.0
//! Tells how far a job is: to somebody who watches, or to a program.

use std::{
    cell::Cell,
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::render::{Done, Failure};

/// Nobody wants to hear it more often.
const PAUSE: Duration = Duration::from_millis(500);
/// Characters of the bar.
const BAR: usize = 30;

/// How progress is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Telling {
    /// A bar, if standard error is a terminal.
    #[default]
    Auto,
    Bar,
    /// Objects on standard output, one a line: `progress` any number of times, then `done` or
    /// `failed`.
    Json,
    Nothing,
}

impl Telling {
    /// # Errors
    /// There is no such way.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "bar" => Ok(Telling::Bar),
            "json" => Ok(Telling::Json),
            "none" => Ok(Telling::Nothing),
            _ => Err(format!("{text}: expected bar, json or none")),
        }
    }

    /// Begins a job.
    pub fn begin(self) -> Told {
        let how = match self {
            Telling::Auto if std::io::stderr().is_terminal() => Telling::Bar,
            Telling::Auto => Telling::Nothing,
            known => known,
        };
        Told {
            how,
            last: Cell::new(None),
        }
    }
}

/// A job that is told of.
pub struct Told {
    how: Telling,
    last: Cell<Option<Instant>>,
}

impl Told {
    /// So many seconds are rendered, of so many if that is known.
    pub fn progress(&self, seconds: f64, of: Option<f64>) {
        let early = self.last.get().is_some_and(|last| last.elapsed() < PAUSE);
        if early || self.how == Telling::Nothing {
            return;
        }
        self.last.set(Some(Instant::now()));
        match self.how {
            Telling::Json => {
                line(&json!({ "progress": { "seconds": round(seconds), "of": of.map(round) } }))
            }
            _ => eprint!("\r{}", bar(seconds, of)),
        }
    }

    /// How it ended.
    pub fn end(&self, result: &Result<Done, Failure>) {
        match (self.how, result) {
            (Telling::Json, Ok(done)) => line(&json!({ "done": {
                "file": done.file.to_string_lossy(), "frames": done.frames, "seconds": round(done.seconds),
                "width": done.size.0, "height": done.size.1,
                "render_seconds": round(done.took.as_secs_f64()), "ignored": done.ignored,
            } })),
            (Telling::Json, Err(failure)) => line(&json!({ "failed": {
                "reason": failure.reason, "passing": failure.passing,
            } })),
            (Telling::Bar, Ok(done)) => {
                eprintln!("\r{}", bar(done.seconds, Some(done.seconds)));
                let speed = done.seconds / done.took.as_secs_f64().max(1e-3);
                eprintln!(
                    "{}: {} frames, {speed:.1} times real time",
                    done.file.display(),
                    done.frames
                );
            }
            (Telling::Bar, Err(_)) if self.last.get().is_some() => eprintln!(),
            _ => {}
        }
    }
}

/// To the millisecond.
fn round(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

fn line(object: &serde_json::Value) {
    let mut out = std::io::stdout().lock();
    // Whoever reads it may be gone; the rendering goes on.
    let _ = writeln!(out, "{object}");
    let _ = out.flush();
}

fn bar(seconds: f64, of: Option<f64>) -> String {
    match of.filter(|of| *of > 0.0) {
        None => format!("{seconds:7.1} s"),
        Some(of) => {
            let share = (seconds / of).clamp(0.0, 1.0);
            let full = (share * BAR as f64) as usize;
            format!(
                "[{}{}] {:3.0} % of {of:.1} s ",
                "#".repeat(full),
                " ".repeat(BAR - full),
                100.0 * share
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_the_share_and_keeps_its_width() {
        assert_eq!(bar(5.0, Some(10.0)).matches('#').count(), BAR / 2);
        assert_eq!(bar(0.0, Some(10.0)).len(), bar(99.0, Some(10.0)).len());
        assert!(bar(99.0, Some(10.0)).contains("100 %"));
        assert!(bar(3.25, None).contains("3.2 s"));
        assert!(bar(3.0, Some(0.0)).contains("3.0 s"));
    }
}
