// SPDX-License-Identifier: MPL-2.0
//! Text that the properties name comes to the engine: a string, a file, lines.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use gst::subclass::prelude::*;
use sonic_engine::talk::Talk;

use super::{
    imp::{TtsSrc, lock},
    lines,
    properties::Settings,
    source::FileText,
};

/// The name that stands for standard input.
pub const STANDARD_INPUT: &str = "-";
/// Lines of standard input that wait as utterances; the rest waits in the pipe.
const MOST_LINES: u64 = 4;

/// The thread that turns lines into utterances.
pub struct Pump {
    closed: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl TtsSrc {
    /// Puts in what the properties name.
    pub(super) fn queue_sources(&self, settings: &Settings) -> Result<(), gst::ErrorMessage> {
        let speech = settings.speech();
        let file = match settings.location.as_deref() {
            None | Some(STANDARD_INPUT) => None,
            Some(name) => Some(FileText::open(name)?),
        };
        self.talker.with(|talk| {
            if let Some(text) = &settings.text {
                talk.say_anyway(speech.clone(), text.clone());
            }
            if let Some((file, bytes)) = file {
                talk.read(speech, Box::new(file), bytes);
            }
        });
        Ok(())
    }

    /// Begins to turn lines into utterances.
    pub(super) fn start_pump(&self) -> Result<(), gst::ErrorMessage> {
        let failed = |e: std::io::Error| {
            gst::error_msg!(
                gst::ResourceError::Failed,
                ("No thread can be started: {e}.")
            )
        };
        let lines = lines::standard_input();
        lines.start().map_err(failed)?;
        let closed = Arc::new(AtomicBool::new(false));
        let (given_up, weak, talker) =
            (closed.clone(), self.obj().downgrade(), self.talker.clone());
        talker.with(|talk| talk.set_awaiting(true));
        let work = move || {
            let is_closed = || given_up.load(Ordering::Acquire);
            while let Some(line) = lines.next(is_closed) {
                let room = |talk: &Talk| talk.counts().waiting < MOST_LINES;
                let (true, Some(element)) = (talker.wait_until(room, is_closed), weak.upgrade())
                else {
                    return;
                };
                element.imp().say_line(line);
            }
            talker.with(|talk| talk.set_awaiting(false));
        };
        let thread = thread::Builder::new().name("lines".into()).spawn(work);
        let thread = thread.map_err(failed)?;
        *lock(&self.pump) = Some(Pump { closed, thread });
        Ok(())
    }

    fn say_line(&self, line: lines::TextLine) {
        let text = "Property `location`: what is not UTF-8 in the lines is left out.";
        if !line.clean && self.is_news(text) {
            gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{text}"));
        }
        if !line.text.trim().is_empty() {
            let settings = self.settings().speech();
            self.talker
                .with(|talk| talk.say_anyway(settings, line.text));
        }
    }

    pub(super) fn stop_pump(&self) {
        let Some(pump) = lock(&self.pump).take() else {
            return;
        };
        pump.closed.store(true, Ordering::Release);
        lines::standard_input().wake();
        self.talker.with(|_| {});
        // A panic of it has been reported by then.
        let _ = pump.thread.join();
    }
}
