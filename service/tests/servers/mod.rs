// SPDX-License-Identifier: MPL-2.0
//! Servers of the test's own, started by scripts/*_server.py on the loopback alone. Each ends with
//! the process that started it, however that ends.
#![allow(dead_code)] // Each test uses what it needs.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

/// Where Debian puts it.
const RABBIT: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
/// Where scripts/test_s3.sh puts it.
const MOTO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.cache/s3/moto");

/// Says that a test needs what is not there; a failure if `SONIC_REQUIRE_ALL=1`.
pub fn left_out(what: &str) {
    let required = std::env::var("SONIC_REQUIRE_ALL").is_ok_and(|v| v == "1");
    assert!(!required, "{what}");
    println!("left out: {what}");
}

/// A script that runs a server, takes a word a line, and answers each.
struct Script {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Script {
    fn start(name: &str, line: &[&str]) -> (Self, String) {
        let script = format!("{}/../scripts/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut process = Command::new("python3")
            .arg(script)
            .args(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut script = Self { process, answers };
        let said = script.answer();
        (script, said)
    }

    fn ask(&mut self, word: &str) {
        let words = self.process.stdin.as_mut().expect("a pipe");
        writeln!(words, "{word}").expect("it listens");
        assert_eq!(self.answer(), "done");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        assert!(!line.is_empty(), "the server does not start: see above");
        line.trim_end().to_owned()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // Its input ends first, and then all that it has started.
        let _ = self.process.wait();
    }
}

/// A message broker, Debian's RabbitMQ, that runs with its data as long as this lives.
pub struct Rabbit {
    /// Where to connect to.
    pub url: String,
    script: Script,
}

impl Rabbit {
    /// `None`, with a printed line, where there is no RabbitMQ.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// One that is reached by TLS, with a certificate for `localhost` and its key (PEM).
    pub fn start_tls(certificate: &Path, key: &Path) -> Option<Self> {
        let [certificate, key] = [certificate, key].map(|file| file.to_str().expect("UTF-8"));
        Self::start_with(&["--tls", certificate, key])
    }

    fn start_with(line: &[&str]) -> Option<Self> {
        if !Path::new(RABBIT).exists() {
            left_out("RabbitMQ is missing (Debian: rabbitmq-server)");
            return None;
        }
        let (script, urls) = Script::start("rabbit_server.py", line);
        // By TLS, if it can.
        let url = urls.rsplit(' ').next().unwrap_or_default().to_owned();
        Some(Self { url, script })
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        self.script.ask("kill");
    }

    /// Starts it again, with what it had kept.
    pub fn start_again(&mut self) {
        self.script.ask("start");
    }
}

/// An object store that speaks S3, and forgets all when this goes.
pub struct S3 {
    bucket: String,
    /// Where it is, and by which keys: as the environment says it.
    pub variables: Vec<(String, String)>,
    script: Script,
}

impl S3 {
    /// `None`, with a printed line, where the server is missing.
    pub fn start() -> Option<Self> {
        if !Path::new(MOTO).exists() {
            left_out("the S3 server of the tests is missing (sh scripts/test_s3.sh)");
            return None;
        }
        let (script, said) = Script::start("s3_server.py", &[]);
        let words: Vec<_> = said.split(' ').map(str::to_owned).collect();
        let Ok([endpoint, bucket, region, key, secret]) = <[String; 5]>::try_from(words) else {
            panic!("{said}");
        };
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", region),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        Some(Self {
            bucket,
            variables: variables.into(),
            script,
        })
    }

    /// The address of a store in it, of its own by its name.
    pub fn address(&self, name: &str) -> String {
        format!("s3://{}/{name}", self.bucket)
    }

    /// Makes it go away; it keeps what it has.
    pub fn stop(&mut self) {
        self.script.ask("stop");
    }

    /// Lets it come back.
    pub fn start_again(&mut self) {
        self.script.ask("start");
    }
}
