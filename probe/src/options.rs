// SPDX-License-Identifier: MPL-2.0
//! The command line.

use std::{ffi::OsString, time::Duration};

use lexopt::prelude::*;
use sonic_engine::measure::Limits;

pub const HELP: &str = "\
sonic-probe FILE|URL: what a viewer of a recording or a live stream gets

Counts frames and samples, finds gaps, jitter, repeated and backward timestamps, and measures by
how much sound and picture lie apart: flashes against beeps, the mouth of a face against speech.

  --json             one JSON object on one line (docs/probe.md lists the fields)
  --marks            a line for every flash, sound and opening mouth as soon as it is decoded
  --duration SECONDS how much of the stream is read; 0 is to its end
                     [a recording to its end, a live stream for 10 s]
  --timeout SECONDS  gives up when nothing comes for so long [10]
  --look SECONDS     how much of the stream mouths are looked at; 0 is nothing [60]
  --max-offset MS    sound and picture no farther apart than this
  --max-jitter MS    no frame farther from its place between two others than this
  --max-gap MS       no hole longer than this, in pictures or sound
  -h, --help
  -V, --version

Ends with 0 if the stream could be read, 1 if not, or not to its end, and 2 if a limit is broken.
";

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// File or address.
    pub source: OsString,
    pub json: bool,
    pub marks: bool,
    /// `None` leaves it to the kind of stream; zero is to its end.
    pub duration: Option<Duration>,
    pub timeout: Duration,
    /// Seconds.
    pub look: f64,
    pub limits: Limits,
}

/// What the command line wants.
#[derive(Debug, PartialEq)]
pub enum Wanted {
    Help,
    Version,
    Measuring(Options),
}

/// The longest time that can be asked for: three years.
const MOST_S: f64 = 1e8;

/// # Errors
/// What is wrong with the arguments, of which the first is the program.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Wanted, lexopt::Error> {
    let mut options = Options {
        source: OsString::new(),
        json: false,
        marks: false,
        duration: None,
        timeout: Duration::from_secs(10),
        look: 60.0,
        limits: Limits::default(),
    };
    let mut parser = lexopt::Parser::from_iter(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Wanted::Help),
            Short('V') | Long("version") => return Ok(Wanted::Version),
            Long("json") => options.json = true,
            Long("marks") => options.marks = true,
            Long("duration") => {
                options.duration = Some(Duration::from_secs_f64(number(&mut parser)?))
            }
            Long("timeout") => options.timeout = Duration::from_secs_f64(number(&mut parser)?),
            Long("look") => options.look = number(&mut parser)?,
            Long("max-offset") => options.limits.offset_ms = Some(number(&mut parser)?),
            Long("max-jitter") => options.limits.jitter_ms = Some(number(&mut parser)?),
            Long("max-gap") => options.limits.gap_ms = Some(number(&mut parser)?),
            Value(source) if options.source.is_empty() && !source.is_empty() => {
                options.source = source;
            }
            _ => return Err(arg.unexpected()),
        }
    }
    if options.source.is_empty() {
        return Err("which file or address? See --help".into());
    }
    if options.timeout.is_zero() {
        return Err("--timeout must be longer than 0".into());
    }
    Ok(Wanted::Measuring(options))
}

fn number(parser: &mut lexopt::Parser) -> Result<f64, lexopt::Error> {
    parser
        .value()?
        .parse_with(|text| match text.parse::<f64>() {
            Ok(number) if (0.0..=MOST_S).contains(&number) => Ok(number),
            _ => Err(format!("expected a number from 0 to {MOST_S}")),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Wanted, String> {
        parse(
            ["sonic-probe"]
                .into_iter()
                .chain(line.split_whitespace())
                .map(OsString::from),
        )
        .map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_taken_anywhere() {
        let Ok(Wanted::Measuring(options)) =
            parsed("--max-offset 60 a.mp4 --json --duration=2.5 --timeout 3")
        else {
            panic!("a good line");
        };
        assert_eq!(options.source, "a.mp4");
        assert!(options.json && !options.marks);
        assert_eq!(options.limits.offset_ms, Some(60.0));
        assert_eq!(options.duration, Some(Duration::from_millis(2_500)));
        assert_eq!(parsed("-h"), Ok(Wanted::Help));
        assert_eq!(parsed("a.mp4 -V"), Ok(Wanted::Version));
    }

    #[test]
    fn each_mistake_is_named() {
        for (line, word) in [
            ("", "which file"),
            ("a.mp4 b.mp4", "b.mp4"),
            ("a.mp4 --quick", "--quick"),
            ("a.mp4 --duration", "--duration"),
            ("a.mp4 --duration soon", "soon"),
            ("a.mp4 --max-gap=-3", "-3"),
            ("a.mp4 --look nan", "nan"),
            ("a.mp4 --look 1e300", "1e300"),
            ("a.mp4 --timeout 0", "--timeout"),
            ("a.mp4 --json=yes", "yes"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}
