// SPDX-License-Identifier: MPL-2.0
//! A process that renders one job, and whatever it may do: hang, crash, or eat the memory.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Command,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::Instrument as _;

use super::cgroup;

/// How often it is looked how much memory it has.
const LOOK: Duration = Duration::from_millis(200);
/// The longest line that it may say, bytes, and how much of its complaints is kept.
const LINE: u64 = 64 << 10;
const COMPLAINTS: usize = 4 << 10;
/// The longest of them that is one line of the log, bytes.
const COMPLAINT: u64 = 1 << 10;
/// What it is told of where it runs. Nothing else: secrets of the service are none of its business.
const ENVIRONMENT: [&str; 13] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "ORT_DYLIB_PATH",
    "SONIC_FACE_PREDICTOR",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "GST_PLUGIN_PATH",
    "GST_PLUGIN_SYSTEM_PATH",
    "GST_REGISTRY",
    "GST_REGISTRY_1_0",
];

/// What a child must not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From its start to its end.
    pub time: Duration,
    /// Resident, bytes.
    pub memory: u64,
}

/// A process to be.
#[derive(Clone, Debug)]
pub struct Child {
    /// The program: `sonicd`, or what stands in for it in a test.
    pub program: PathBuf,
    /// All of its arguments; `--child-of` is added.
    pub arguments: Vec<OsString>,
    /// Where it works: its files and nothing else.
    pub folder: PathBuf,
    /// What it is told beside, of where it runs.
    pub environment: Vec<(&'static str, OsString)>,
    /// The control group that is made for it, and that holds it to its memory. Without one it is
    /// watched.
    pub group: Option<PathBuf>,
    /// What it must not exceed.
    pub limits: Limits,
}

/// What a child says of its file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Made {
    /// Frames.
    pub frames: u64,
    /// Length, s.
    pub seconds: f64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// How long it took, s.
    pub render_seconds: f64,
    /// Parameters that were of no use.
    pub ignored: Vec<String>,
}

/// How a child ended that was to give a `T`.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended<T = Made> {
    /// There it is.
    Done(T),
    /// It says why there is none, and whether there may be one elsewhere.
    Failed {
        /// A sentence.
        reason: String,
        /// It was this machine's fault.
        passing: bool,
    },
    /// It was ended, for it took longer than it may.
    TooLong,
    /// It was ended, for it took more memory than it may.
    TooMuchMemory,
    /// It was ended, for nobody wants it any more.
    Cancelled,
    /// It ended without a word: by what, and the last that it complained of, for the log.
    Crashed {
        /// A signal or a code.
        by: String,
        /// For the log.
        complaints: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said<T> {
    Progress {
        seconds: f64,
        of: Option<f64>,
    },
    Done(T),
    Failed {
        reason: String,
        #[serde(default)]
        passing: bool,
    },
}

impl Child {
    /// Runs it to its end, or ends it. `progress` hears how much is rendered, 0 to 1; it is ended
    /// when `unwanted` resolves, and when this future is dropped.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn run(
        &self,
        progress: impl FnMut(f64),
        unwanted: impl Future<Output = ()>,
    ) -> std::io::Result<Ended> {
        self.ask(progress, unwanted).await
    }

    /// [`run`](Self::run) of a child that gives something else than a file.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        mut progress: impl FnMut(f64),
        unwanted: impl Future<Output = ()>,
    ) -> std::io::Result<Ended<T>> {
        let confines = match &self.group {
            Some(folder) => Some(cgroup::Group::make(folder, self.limits.memory).await?),
            None => None,
        };
        let mut child = self.command().spawn()?;
        let group = Group(
            child
                .id()
                .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)),
        );
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let complaints = tokio::spawn(tail(err).in_current_span());
        let mut lines = BufReader::new(out.ok_or_else(|| std::io::Error::other("no output"))?);
        let mut last = None;
        let watched = self.watch(group.0);
        tokio::pin!(watched, unwanted);
        let broken = loop {
            tokio::select! {
                said = line(&mut lines) => match said {
                    Some(Said::Progress { seconds, of }) => {
                        progress(of.filter(|of| *of > 0.0).map_or(0.0, |of| (seconds / of).clamp(0.0, 1.0)));
                    }
                    Some(end) => last = Some(end),
                    None => break None,
                },
                limit = &mut watched => break Some(limit),
                () = &mut unwanted => break Some(Ended::Cancelled),
            }
        };
        if broken.is_none() {
            // It closed its output: that is its end, or it is none.
            let ended = tokio::select! {
                status = child.wait() => Ok(status?),
                limit = &mut watched => Err(limit),
            };
            drop(group);
            let ran_out = confines.is_some_and(|group| group.ran_out());
            return Ok(match ended {
                Ok(status) if ran_out && !status.success() => Ended::TooMuchMemory,
                Ok(status) => told(last, status, complaints.await.unwrap_or_default()),
                Err(limit) => limit,
            });
        }
        drop(group);
        child.wait().await?;
        Ok(broken.unwrap_or(Ended::Cancelled))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        if let Some(group) = &self.group {
            command.arg("--cgroup").arg(group);
        }
        command
            .arg("--child-of")
            .arg(std::process::id().to_string())
            .current_dir(&self.folder)
            .env_clear()
            .envs(
                ENVIRONMENT
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env("TMPDIR", &self.folder)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// Until a limit is exceeded: which.
    async fn watch<T>(&self, pid: Option<Pid>) -> Ended<T> {
        let end = Instant::now() + self.limits.time;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = looks.tick().await;
            if now >= end {
                return Ended::TooLong;
            }
            // A group's limit is the kernel's to keep.
            if self.group.is_some() {
                continue;
            }
            if pid
                .and_then(resident)
                .is_some_and(|bytes| bytes > self.limits.memory)
            {
                return Ended::TooMuchMemory;
            }
        }
    }
}

/// A process and its children; they are ended with it.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may be over by now.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}

/// What a process has in memory, bytes.
fn resident(pid: Pid) -> Option<u64> {
    let path = format!("/proc/{}/statm", pid.as_raw_nonzero());
    let text = std::fs::read_to_string(Path::new(&path)).ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// The next thing it says that can be understood.
async fn line<T: DeserializeOwned>(
    lines: &mut (impl tokio::io::AsyncBufRead + Unpin),
) -> Option<Said<T>> {
    loop {
        let mut text = Vec::new();
        let read = lines.take(LINE).read_until(b'\n', &mut text).await;
        match read {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
        if let Ok(said) = serde_json::from_slice(&text) {
            return Some(said);
        }
    }
}

/// The end of what comes, of which each line is logged.
async fn tail(from: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut kept = Vec::new();
    if let Some(from) = from {
        let mut lines = BufReader::new(from);
        loop {
            let mut line = Vec::new();
            let mut limited = (&mut lines).take(COMPLAINT);
            let Ok(1..) = limited.read_until(b'\n', &mut line).await else {
                break;
            };
            let said = String::from_utf8_lossy(&line);
            tracing::info!(said = said.trim_end(), "the renderer says");
            kept.extend_from_slice(&line);
            let over = kept.len().saturating_sub(COMPLAINTS);
            kept.drain(..over);
        }
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

fn told<T>(last: Option<Said<T>>, status: ExitStatus, complaints: String) -> Ended<T> {
    match last {
        Some(Said::Done(made)) if status.success() => Ended::Done(made),
        Some(Said::Failed { reason, passing }) => Ended::Failed { reason, passing },
        _ => Ended::Crashed {
            by: status.to_string(),
            complaints,
        },
    }
}
