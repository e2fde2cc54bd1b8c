// SPDX-License-Identifier: MPL-2.0
//! The file that captions are written to.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use sonic_engine::talk::{
    Line,
    captions::{Format, Writer, cues},
};

use super::{create::time, names};

/// The file, and the clause that is being heard.
pub struct Captions {
    file: File,
    writer: Writer,
    /// The clause, the running time of its first sample in ns, and how many were heard.
    line: Option<(Arc<Line>, i64, u64)>,
}

impl Captions {
    /// Opens the file anew.
    ///
    /// # Errors
    /// What the user is told if it cannot be.
    pub fn open(name: &str) -> Result<Self, gst::ErrorMessage> {
        let property = names::CAPTIONS_LOCATION;
        let format = Format::of(Path::new(name)).ok_or_else(|| {
            let text = format!("Property `{property}`: {name:?} ends neither in .vtt nor in .srt.");
            gst::error_msg!(gst::ResourceError::Settings, ("{text}"))
        })?;
        let writer = Writer::new(format);
        let open = || {
            let mut file = File::create(name)?;
            file.write_all(writer.head().as_bytes())?;
            Ok(file)
        };
        let file = open().map_err(|e: io::Error| {
            let text = format!("Property `{property}`: {name:?} cannot be written: {e}.");
            gst::error_msg!(gst::ResourceError::OpenWrite, ("{text}"))
        })?;
        Ok(Self {
            file,
            writer,
            line: None,
        })
    }

    /// Samples of a clause up to `heard` come; its first one would lie at `origin`, ns.
    pub fn hear(&mut self, line: &Arc<Line>, origin: i64, heard: u64) {
        self.line = Some((line.clone(), origin, heard));
    }

    /// No more of the clause comes; of it so many samples were heard.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn close_line(&mut self, heard: Option<u64>) -> io::Result<()> {
        let Some((line, origin, before)) = self.line.take() else {
            return Ok(());
        };
        let at = |sample| {
            let ns = time(sample, line.clause.rate).nseconds();
            origin.saturating_add_unsigned(ns).max(0).unsigned_abs()
        };
        let mut text = String::new();
        for cue in cues(&line, heard.unwrap_or(before)) {
            text += &self.writer.entry(at(cue.start), at(cue.end), &cue.text);
        }
        self.file.write_all(text.as_bytes())
    }
}
