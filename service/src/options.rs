// SPDX-License-Identifier: MPL-2.0
//! The command line.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use lexopt::prelude::*;

use sonicd::{
    job::Owner,
    parameters::{self, Element, Parameter},
    serve::settings::Settings,
    work,
};

use crate::{
    confine::Bounds,
    queue::{self, Queue},
    render::{Container, Job, Speech},
    telling::Telling,
};

pub const HELP: &str = "\
sonicd render: a portrait and a voice, or a text, become a file

  --portrait FILE    JPEG, PNG or WebP [the built-in portrait]
  --landmarks FILE   68 points of the face as JSON, instead of looking for it
  --audio FILE       WAV, FLAC, MP3, Ogg, M4A, MP4, MKV, WebM or AAC; or
  --text TEXT        what is said; or
  --text-file FILE   where that stands, in UTF-8
  --out FILE         .mp4 (H.264, AAC), .mkv (H.264, Opus) or .webm (VP8, Opus)
  --size WxH         of the picture [by the portrait]
  --fps RATE         frames a second, as 25 or 30000/1001 [25]
  --duration SECONDS no more than that of the sound
  --encoder-threads N  threads of the video's encoder; 0 is one a core [0]
  --stall SECONDS    gives up when nothing is rendered for so long [60]
  --progress HOW     bar, json or none [a bar, if somebody sees it]
  --cores LIST       the cores that it may use, as 0,1 [all]
  --execution-provider WHAT  computes the network: cpu, cuda, tensorrt, migraphx, ... [cpu]
  --cgroup FOLDER    the control group that it enters
  --child-of PID     dies with that process, which started it; has no network, gains no rights
  --NAME VALUE       a property of sonicanimator or ttssrc: sonicd parameters lists them

sonicd parameters: what can be set, what it takes, and its default
sonicd serve: takes jobs over HTTP; sonicd serve --help says more
sonicd work: renders what was taken; sonicd work --help says more
sonicd token OWNER --tokens FILE: makes a token for sonicd serve, and prints it once

sonicd queue stats | dead | requeue | purge: what waits at the broker, SONICD_AMQP_URL

  stats              how many tickets wait, and where
  dead               those that will not be tried again, and why
    --most N         no more than so many [100]
  requeue ID... | --all   tries these, or all of them, once more
  purge QUEUE --yes  takes everything away that waits there
  --json             answers in JSON

  -h, --help
  -V, --version

Ends with 0 when the file is there, 1 if it could not be made, 2 if the command line is wrong.
";

/// What the command line wants.
#[derive(Debug, PartialEq)]
pub enum Wanted {
    Help,
    Version,
    Parameters,
    Render(Box<Job>, Telling, Bounds),
    /// What is seen in a picture.
    Look(PathBuf, Bounds),
    /// What `sonicd serve` says of itself.
    HelpOfServe,
    Serve(Box<Settings>),
    /// What `sonicd work` says of itself.
    HelpOfWork,
    Work(Box<work::Settings>),
    /// For whom, and the file that its digest goes to.
    Token(Owner, PathBuf),
    Queue(Queue),
}

/// The longest time that can be asked for, s: a day.
const MOST_S: f64 = 86_400.0;
/// Sides of a picture, as the element takes them.
const SIDES: std::ops::RangeInclusive<u32> = 16..=8192;
/// Frames a second, likewise.
const RATES: std::ops::RangeInclusive<f64> = 5.0..=120.0;

/// # Errors
/// What is wrong with the arguments, of which the first is the program.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Wanted, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(args);
    match parser.next()? {
        Some(Short('h') | Long("help")) => Ok(Wanted::Help),
        Some(Short('V') | Long("version")) => Ok(Wanted::Version),
        Some(Value(command)) if command == "render" => render(&mut parser),
        Some(Value(command)) if command == "look" => look(&mut parser),
        Some(Value(command)) if command == "queue" => {
            Ok(queue::parse(&mut parser)?.map_or(Wanted::Help, Wanted::Queue))
        }
        Some(Value(command)) if command == "parameters" => match parser.next()? {
            None => Ok(Wanted::Parameters),
            Some(arg) => Err(arg.unexpected()),
        },
        Some(Value(command)) if command == "serve" => serve(&mut parser),
        Some(Value(command)) if command == "work" => work(&mut parser),
        Some(Value(command)) if command == "token" => token(&mut parser),
        Some(Value(command)) => Err(format!(
            "there is no command {}; see --help",
            command.to_string_lossy()
        )
        .into()),
        Some(arg) => Err(arg.unexpected()),
        None => Err("which command? See --help".into()),
    }
}

/// Whether help is asked for, whatever else stands there.
fn asks_for_help(parser: &lexopt::Parser) -> Result<bool, lexopt::Error> {
    let mut ahead = parser.clone();
    while let Some(arg) = ahead.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(true),
            Long(_) => drop(ahead.value()),
            _ => {}
        }
    }
    Ok(false)
}

fn serve(parser: &mut lexopt::Parser) -> Result<Wanted, lexopt::Error> {
    if asks_for_help(parser)? {
        return Ok(Wanted::HelpOfServe);
    }
    let settings = Settings::parse(parser, |name| std::env::var(name).ok())?;
    Ok(Wanted::Serve(Box::new(settings)))
}

fn work(parser: &mut lexopt::Parser) -> Result<Wanted, lexopt::Error> {
    if asks_for_help(parser)? {
        return Ok(Wanted::HelpOfWork);
    }
    let settings = work::Settings::parse(parser, |name| std::env::var(name).ok())?;
    Ok(Wanted::Work(Box::new(settings)))
}

fn token(parser: &mut lexopt::Parser) -> Result<Wanted, lexopt::Error> {
    let (mut owner, mut tokens) = (None, std::env::var_os("SONICD_TOKENS").map(PathBuf::from));
    while let Some(arg) = parser.next()? {
        match arg {
            Long("tokens") => tokens = Some(file(parser, "--tokens")?),
            Value(name) if owner.is_none() => owner = Some(name.parse()?),
            _ => return Err(arg.unexpected()),
        }
    }
    let owner = owner.ok_or("for whom? sonicd token OWNER")?;
    let tokens = tokens.ok_or("--tokens: which file?")?;
    Ok(Wanted::Token(owner, tokens))
}

/// What `sonicd serve` starts for a picture of somebody's; it is not for people.
fn look(parser: &mut lexopt::Parser) -> Result<Wanted, lexopt::Error> {
    let (mut portrait, mut bounds) = (None, Bounds::default());
    while let Some(arg) = parser.next()? {
        match arg {
            Long("portrait") => portrait = Some(file(parser, "--portrait")?),
            Long("child-of") => bounds.parent = Some(parser.value()?.parse()?),
            _ => return Err(arg.unexpected()),
        }
    }
    let portrait = portrait.ok_or("--portrait: which file?")?;
    Ok(Wanted::Look(portrait, bounds))
}

fn render(parser: &mut lexopt::Parser) -> Result<Wanted, lexopt::Error> {
    let (mut job, mut telling) = (Job::default(), Telling::default());
    let (mut audio, mut text, mut out) = (None, None, None);
    let mut bounds = Bounds::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Wanted::Help),
            Long("portrait") => job.portrait = Some(file(parser, "--portrait")?),
            Long("landmarks") => job.landmarks = Some(file(parser, "--landmarks")?),
            Long("audio") => audio = Some(file(parser, "--audio")?),
            Long("text") => text = Some(parser.value()?.string()?),
            Long("text-file") => text = Some(content(&file(parser, "--text-file")?)?),
            Long("out") => out = Some(file(parser, "--out")?),
            Long("size") => job.size = Some(parser.value()?.parse_with(size)?),
            Long("fps") => job.fps = parser.value()?.parse_with(rate)?,
            Long("duration") => job.duration = Some(parser.value()?.parse_with(seconds)?),
            Long("stall") => job.stall = parser.value()?.parse_with(seconds)?,
            Long("encoder-threads") => job.encoder_threads = parser.value()?.parse_with(threads)?,
            Long("child-of") => bounds.parent = Some(parser.value()?.parse()?),
            Long("cgroup") => bounds.group = Some(file(parser, "--cgroup")?),
            Long("execution-provider") => job.parameters.push(Parameter {
                element: Element::Animator,
                name: "execution_provider",
                value: parser.value()?.string()?,
            }),
            Long("cores") => bounds.cores = parser.value()?.parse_with(cores)?,
            Long("progress") => telling = parser.value()?.parse_with(Telling::parse)?,
            Long(name) => {
                let found = parameters::find(name);
                let Some((name, element)) = found else {
                    return Err(
                        format!("there is no parameter --{name}; see sonicd parameters").into(),
                    );
                };
                let value = parser.value()?.string()?;
                job.parameters.push(Parameter {
                    element,
                    name,
                    value,
                });
            }
            _ => return Err(arg.unexpected()),
        }
    }
    job.speech = match (audio, text) {
        (Some(file), None) => Speech::Audio(file),
        (None, Some(text)) if !text.trim().is_empty() => Speech::Text(text),
        (None, Some(_)) => return Err("--text is empty".into()),
        _ => return Err("give --audio or --text, and not both".into()),
    };
    job.out = out.ok_or("--out: which file?")?;
    if Container::of(&job.out).is_none() {
        return Err("--out must end with .mp4, .mkv or .webm".into());
    }
    Ok(Wanted::Render(Box::new(job), telling, bounds))
}

fn file(parser: &mut lexopt::Parser, option: &str) -> Result<PathBuf, lexopt::Error> {
    let name = parser.value()?;
    if name.is_empty() {
        return Err(format!("{option}: which file?").into());
    }
    Ok(name.into())
}

/// What stands in a file.
fn content(file: &Path) -> Result<String, lexopt::Error> {
    let text = std::fs::read_to_string(file);
    text.map_err(|error| format!("--text-file {}: {error}", file.display()).into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= MOST_S => Ok(Duration::from_secs_f64(number)),
        _ => Err(format!(
            "expected seconds, more than 0 and at most {MOST_S}"
        )),
    }
}

fn cores(text: &str) -> Result<Vec<usize>, String> {
    let numbers = text.split(',').map(|number| number.parse().ok());
    let known: Option<Vec<_>> = numbers.collect();
    known.ok_or_else(|| "expected numbers of cores as 0,1".to_owned())
}

fn threads(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|n| *n <= 64);
    number.ok_or_else(|| "expected a whole number from 0 to 64".to_owned())
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.parse().ok().filter(|side| SIDES.contains(side));
    let sides = text
        .split_once('x')
        .and_then(|(w, h)| Some((side(w)?, side(h)?)));
    let even = sides.filter(|(w, h)| w % 2 == 0 && h % 2 == 0);
    even.ok_or_else(|| "expected a size as 1280x720, even and from 16 to 8192".to_owned())
}

fn rate(text: &str) -> Result<gst::Fraction, String> {
    let (over, under) = text.split_once('/').unwrap_or((text, "1"));
    let number = |text: &str| text.parse::<i32>().ok().filter(|n| *n > 0);
    let rate = number(over).zip(number(under));
    let known = rate.filter(|(n, d)| RATES.contains(&(f64::from(*n) / f64::from(*d))));
    known
        .map(|(n, d)| gst::Fraction::new(n, d))
        .ok_or_else(|| "expected a rate as 25 or 30000/1001, from 5 to 120".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Wanted, String> {
        let words = ["sonicd"].into_iter().chain(line.split_whitespace());
        parse(words.map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_job_is_read() {
        let line = "render --portrait me.jpg --text Hello --out a.mp4 --fps 30000/1001 \
                    --size 1280x720 --motion-scale 0.5 --voice=de --progress json --duration 2.5 --child-of 7 --cores 0,3";
        let Ok(Wanted::Render(job, telling, bounds)) = parsed(line) else {
            panic!("a good line");
        };
        assert_eq!(job.speech, Speech::Text("Hello".into()));
        assert_eq!(job.fps, gst::Fraction::new(30_000, 1001));
        assert_eq!(job.size, Some((1280, 720)));
        assert_eq!(job.duration, Some(Duration::from_millis(2500)));
        assert_eq!(telling, Telling::Json);
        assert_eq!((bounds.parent, bounds.cores), (Some(7), vec![0, 3]));
        let set: Vec<_> = job
            .parameters
            .iter()
            .map(|p| (p.name, p.value.as_str()))
            .collect();
        assert_eq!(set, [("motion_scale", "0.5"), ("voice", "de")]);
        assert_eq!(parsed("parameters"), Ok(Wanted::Parameters));
        assert_eq!(parsed("render --help"), Ok(Wanted::Help));
        assert_eq!(parsed("serve --width 3 --help"), Ok(Wanted::HelpOfServe));
        let owner = "me".parse().expect("a name");
        let token = Wanted::Token(owner, "file".into());
        assert_eq!(parsed("token me --tokens file"), Ok(token));
    }

    #[test]
    fn each_mistake_is_named() {
        let good = "render --text Hello --out a.mp4";
        for (line, word) in [
            ("", "which command"),
            ("rendor", "rendor"),
            ("render --out a.mp4", "--audio or --text"),
            ("render --text Hello --audio a.wav --out a.mp4", "not both"),
            ("render --text Hello", "--out"),
            ("render --text Hello --out a.avi", ".webm"),
            (&format!("{good} --size 17x20"), "1280x720"),
            (&format!("{good} --size 20"), "1280x720"),
            (&format!("{good} --fps 0"), "30000/1001"),
            (&format!("{good} --fps 25/0"), "30000/1001"),
            (&format!("{good} --fps 1000"), "120"),
            (&format!("{good} --duration 0"), "seconds"),
            (&format!("{good} --duration nan"), "seconds"),
            (&format!("{good} --encoder-threads -1"), "whole number"),
            (&format!("{good} --progress loud"), "loud"),
            (&format!("{good} --child-of me"), "me"),
            (&format!("{good} --cores 0-1"), "0,1"),
            ("render --text-file /nowhere --out a.mp4", "/nowhere"),
            (&format!("{good} --moustache 3"), "--moustache"),
            (&format!("{good} extra"), "extra"),
            ("look", "--portrait"),
            ("serve --listen nowhere", "127.0.0.1:8040"),
            ("serve --moustache 3", "moustache"),
            ("token --tokens file", "for whom"),
            ("token ME --tokens file", "a-z"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}
