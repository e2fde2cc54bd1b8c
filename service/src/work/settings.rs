// SPDX-License-Identifier: MPL-2.0
//! What can be set of `sonicd work`: on the command line as `--name VALUE`, or in the environment
//! as `SONICD_NAME`.

use std::{path::PathBuf, time::Duration};

use super::Devices;
use crate::store::Store;

/// What help says.
pub const HELP: &str = "\
sonicd work: renders the jobs that sonicd serve has taken

  --store URL        file:///FOLDER or s3://BUCKET/PREFIX, that of sonicd serve [a folder of the user's]
  --slots N          jobs at once, each on its share of the cores [one a core, or one a card]
  --device WHAT      computes the network: cpu, or cards as cuda:0,1, in turn one a slot [cpu]
  --time SECONDS     a job may take at most; less than the broker's consumer_timeout [1500]
  --memory MB        of a job [1500]
  --grace SECONDS    that jobs have to end when the worker is told to end [30]
  --renderer PROGRAM is started for each job as sonicd render would be [sonicd itself]
  --scratch FOLDER   for files of jobs [the system's]
  --log LEVEL        error, warn, info, debug or trace [info]

Each can also be set in the environment, as SONICD_SLOTS.
";

/// All that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where everything is kept: the address of a store.
    pub store: String,
    /// Jobs at once; `None` is one a core, or one a card.
    pub slots: Option<usize>,
    /// What slots compute with.
    pub devices: Devices,
    /// The longest that a job may be rendered, whatever its media.
    pub time: Duration,
    /// What a job may have in memory, bytes.
    pub memory: u64,
    /// What jobs have to end when the worker is told to.
    pub grace: Duration,
    /// What is started for each job, with the arguments of `sonicd render`: something that puts it
    /// into a container, say. `None` is this program.
    pub renderer: Option<PathBuf>,
    /// Where files of jobs lie.
    pub scratch: PathBuf,
    /// What is logged.
    pub log: tracing::Level,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store: Store::default_address(),
            slots: None,
            devices: Devices::default(),
            time: Duration::from_secs(1500),
            memory: 1500 << 20,
            grace: Duration::from_secs(30),
            renderer: None,
            scratch: std::env::temp_dir(),
            log: tracing::Level::INFO,
        }
    }
}

/// Slots of one worker.
const MOST_SLOTS: u64 = 1024;
/// The longest time that can be set, s: a week.
const MOST_S: u64 = 604_800;
/// All names, as on the command line.
const NAMES: [&str; 9] = [
    "store", "slots", "device", "time", "memory", "grace", "renderer", "scratch", "log",
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
            "store" => value.clone_into(&mut self.store),
            "slots" => self.slots = Some(whole(value, MOST_SLOTS)? as usize),
            "device" => self.devices = value.parse()?,
            "time" => self.time = Duration::from_secs(whole(value, MOST_S)?),
            "memory" => self.memory = whole(value, 1 << 30)? << 20,
            "grace" => self.grace = Duration::from_secs(whole(value, MOST_S)?),
            "renderer" => self.renderer = Some(value.into()),
            "scratch" => self.scratch = value.into(),
            "log" => {
                let level = value.parse();
                self.log = level.map_err(|_| "expected error, warn, info, debug or trace")?;
            }
            _ => return Err("there is no such setting".to_owned()),
        }
        Ok(())
    }
}

fn whole(value: &str, most: u64) -> Result<u64, String> {
    let number = value.parse().ok().filter(|n| (1..=most).contains(n));
    number.ok_or_else(|| format!("expected a whole number from 1 to {most}"))
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
        let environment = [("SONICD_SLOTS", "7"), ("SONICD_MEMORY", "100")];
        let settings = parsed("--slots 2 --time 60", &environment).expect("good");
        assert_eq!(settings.slots, Some(2));
        assert_eq!(settings.memory, 100 << 20);
        assert_eq!(settings.time, Duration::from_secs(60));
        assert_eq!(parsed("", &[]), Ok(Settings::default()));
    }

    #[test]
    fn every_mistake_is_named() {
        for (line, word) in [
            ("--slots 0", "--slots: expected a whole number"),
            ("--slots many", "whole number"),
            ("--device gpu", "cuda:0,1"),
            ("--time -1", "--time"),
            ("--log loud", "debug"),
            ("--moustache 1", "moustache"),
            ("extra", "extra"),
        ] {
            let error = parsed(line, &[]).expect_err(line);
            assert!(error.contains(word), "{line}: {error}");
        }
        let error = parsed("", &[("SONICD_TIME", "x")]).expect_err("no number");
        assert!(error.contains("SONICD_TIME"), "{error}");
        let mut settings = Settings::default();
        for name in NAMES {
            assert!(HELP.contains(&format!("--{name} ")), "{name}");
            let error = settings.set(name, "\0").err().unwrap_or_default();
            assert_ne!(error, "there is no such setting", "{name}");
        }
    }
}
