// SPDX-License-Identifier: MPL-2.0
//! What can be set of `sonicd serve`: on the command line as `--name VALUE`, or in the environment
//! as `SONICD_NAME`.

use std::{fmt, net::SocketAddr, path::PathBuf};

use url::Url;

use super::retention::Keep;
use crate::store::Store;

/// What help says.
pub const HELP: &str = "\
sonicd serve: takes jobs over HTTP

  --listen ADDRESS   [127.0.0.1:8040]; any but this machine's own needs --tokens
  --store URL        file:///FOLDER or s3://BUCKET/PREFIX [a folder of the user's]
  --tokens FILE      who may ask: see sonicd token
  --secret TEXT      signs links and callbacks [one that is kept in the store]
  --public-url URL   where the service is seen from outside, for links [as it is asked]
  --portrait-bytes N, --audio-bytes N   of an upload [20000000, 200000000]
  --portrait-pixels N                   [50000000]
  --text-characters N                   [100000]
  --seconds N        of a result [3600]
  --batch-jobs N     of one manifest [5000]
  --width N          jobs of an owner that lie with the broker, of each class [32]
  --rate N, --burst N  requests a second of an owner, and at once [300, 3000]
  --link-seconds N   for which a link to a result holds [3600]
  --idle-seconds N   for which an upload may say nothing [30]
  --scratch FOLDER   for uploads on their way [the system's]
  --private-callbacks yes|no  callbacks may go to any address, by http too [no]
  --keep-uploads-days N, --keep-results-days N   then they are forgotten, results with the
                     records of their jobs; 0 keeps them for ever [7, 30]
  --log LEVEL        error, warn, info, debug or trace [info]

Each can also be set in the environment, as SONICD_LISTEN.

sonicd token OWNER: makes a token for --tokens FILE, and prints it once
";

/// A text that is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// How much may be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Of a picture, bytes.
    pub portrait_bytes: u64,
    /// Of a picture, pixels.
    pub portrait_pixels: u64,
    /// Of a recording, bytes.
    pub audio_bytes: u64,
    /// Of a text, characters.
    pub text_characters: usize,
    /// Of a result, s.
    pub seconds: u32,
    /// Jobs in one manifest.
    pub batch_jobs: usize,
}

/// All that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where everything is kept: the address of a store.
    pub store: String,
    /// The file that says whose which token is.
    pub tokens: Option<PathBuf>,
    /// Signs links and callbacks.
    pub secret: Option<Secret>,
    /// Where the service is seen from outside.
    pub public_url: Option<Url>,
    /// How much may be sent.
    pub limits: Limits,
    /// Jobs of an owner and a class that lie with the broker.
    pub width: usize,
    /// Requests a second of an owner.
    pub rate: f64,
    /// Requests at once.
    pub burst: f64,
    /// How long a link to a result holds, s.
    pub link_s: u64,
    /// How long an upload may say nothing, s.
    pub idle_s: u64,
    /// Where uploads lie on their way.
    pub scratch: PathBuf,
    /// Whether callbacks may go to any address, and by http.
    pub private_callbacks: bool,
    /// For how long uploads and results are kept.
    pub keep: Keep,
    /// What is logged.
    pub log: tracing::Level,
    /// `sonicd`, which looks at pictures in a process of its own.
    pub program: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8040)),
            store: Store::default_address(),
            tokens: None,
            secret: None,
            public_url: None,
            limits: Limits {
                portrait_bytes: 20_000_000,
                portrait_pixels: 50_000_000,
                audio_bytes: 200_000_000,
                text_characters: 100_000,
                seconds: 3600,
                batch_jobs: 5000,
            },
            width: 32,
            rate: 300.0,
            burst: 3000.0,
            link_s: 3600,
            idle_s: 30,
            scratch: std::env::temp_dir(),
            private_callbacks: false,
            keep: Keep::default(),
            log: tracing::Level::INFO,
            program: std::env::current_exe().unwrap_or_else(|_| "sonicd".into()),
        }
    }
}

const DAYS: &str = "a whole number of days, or 0 for ever";
/// All names, as on the command line.
const NAMES: [&str; 21] = [
    "listen",
    "store",
    "tokens",
    "secret",
    "public-url",
    "portrait-bytes",
    "portrait-pixels",
    "audio-bytes",
    "text-characters",
    "seconds",
    "batch-jobs",
    "width",
    "rate",
    "burst",
    "link-seconds",
    "idle-seconds",
    "scratch",
    "private-callbacks",
    "keep-uploads-days",
    "keep-results-days",
    "log",
];

impl Settings {
    /// What the command line says, or else the environment, or else the defaults.
    ///
    /// # Errors
    /// A sentence that names the setting and what it takes.
    pub fn parse(
        parser: &mut lexopt::Parser,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, lexopt::Error> {
        let mut settings = Self::default();
        crate::settings::read(&NAMES, parser, environment, |name, value| {
            settings.set(name, value)
        })?;
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "listen" => self.listen = read(value, "an address as 127.0.0.1:8040")?,
            "store" => value.clone_into(&mut self.store),
            "tokens" => self.tokens = Some(value.into()),
            "secret" if value.len() >= 16 => self.secret = Some(Secret(value.to_owned())),
            "secret" => return Err("expected at least 16 characters".to_owned()),
            "public-url" => self.public_url = Some(public(value)?),
            "portrait-bytes" => self.limits.portrait_bytes = positive(value)?,
            "portrait-pixels" => self.limits.portrait_pixels = positive(value)?,
            "audio-bytes" => self.limits.audio_bytes = positive(value)?,
            "text-characters" => self.limits.text_characters = positive(value)? as usize,
            "seconds" => self.limits.seconds = positive(value)?.min(86_400) as u32,
            "batch-jobs" => self.limits.batch_jobs = positive(value)? as usize,
            "width" => self.width = positive(value)? as usize,
            "rate" => self.rate = positive(value)? as f64,
            "burst" => self.burst = positive(value)? as f64,
            "link-seconds" => self.link_s = positive(value)?,
            "idle-seconds" => self.idle_s = positive(value)?,
            "scratch" => self.scratch = value.into(),
            "private-callbacks" => {
                self.private_callbacks = match value {
                    "yes" => true,
                    "no" => false,
                    _ => return Err("expected yes or no".to_owned()),
                }
            }
            "keep-uploads-days" => self.keep.uploads_days = read(value, DAYS)?,
            "keep-results-days" => self.keep.results_days = read(value, DAYS)?,
            "log" => self.log = read(value, "error, warn, info, debug or trace")?,
            _ => return Err("there is no such setting".to_owned()),
        }
        Ok(())
    }
}

fn read<T: std::str::FromStr>(value: &str, what: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("expected {what}"))
}

fn positive(value: &str) -> Result<u64, String> {
    let number = value.parse().ok().filter(|n| *n > 0);
    number.ok_or_else(|| "expected a whole number above 0".to_owned())
}

fn public(value: &str) -> Result<Url, String> {
    let url = Url::parse(value).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| "expected an address as https://example.org/".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
        crate::settings::parsed(line, environment, |parser, variable| {
            Settings::parse(parser, variable)
        })
    }

    #[test]
    fn the_line_comes_before_the_environment() {
        let environment = [("SONICD_WIDTH", "7"), ("SONICD_LINK_SECONDS", "60")];
        let settings = parsed("--width 9 --private-callbacks yes", &environment).expect("good");
        assert_eq!(
            (settings.width, settings.link_s, settings.private_callbacks),
            (9, 60, true)
        );
        assert_eq!(parsed("", &[]), Ok(Settings::default()));
    }

    #[test]
    fn every_setting_is_known_and_in_the_help() {
        let mut settings = Settings::default();
        for name in NAMES {
            assert!(HELP.contains(&format!("--{name} ")), "{name}");
            let error = settings.set(name, "\0").err().unwrap_or_default();
            assert_ne!(error, "there is no such setting", "{name}");
        }
        for (line, word) in [
            ("--listen here", "127.0.0.1:8040"),
            ("--width 0", "above 0"),
            ("--moustache 1", "moustache"),
            ("--private-callbacks maybe", "yes or no"),
            ("--public-url ftp://x/", "https://example.org/"),
            ("--secret short", "16"),
            ("--keep-uploads-days -1", "0 for ever"),
            ("extra", "extra"),
        ] {
            let error = parsed(line, &[]).expect_err(line);
            assert!(error.contains(word), "{line}: {error}");
        }
        let error = parsed("", &[("SONICD_WIDTH", "x")]).expect_err("no number");
        assert!(error.contains("SONICD_WIDTH"), "{error}");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let settings = parsed("--secret 0123456789abcdef", &[]).expect("good");
        assert!(!format!("{settings:?}").contains("0123456789abcdef"));
    }
}
