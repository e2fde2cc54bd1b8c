// SPDX-License-Identifier: MPL-2.0
//! A message broker of the test's own: Debian's RabbitMQ, started by scripts/rabbit_server.py on the
//! loopback alone. It ends with the process that started it, however that ends.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

/// Where Debian puts it.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// A broker that runs, with its data, as long as this lives.
pub struct Rabbit {
    /// Where to connect to.
    pub url: String,
    starter: Child,
    answers: BufReader<ChildStdout>,
}

impl Rabbit {
    /// `None`, with a printed line, where there is no RabbitMQ; a failure if
    /// `SONIC_REQUIRE_ALL=1`.
    pub fn start() -> Option<Self> {
        if !Path::new(SERVER).exists() {
            let required = std::env::var("SONIC_REQUIRE_ALL").is_ok_and(|v| v == "1");
            assert!(!required, "RabbitMQ is missing (Debian: rabbitmq-server)");
            println!("left out: RabbitMQ is missing (Debian: rabbitmq-server)");
            return None;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/rabbit_server.py");
        let mut starter = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python");
        let answers = BufReader::new(starter.stdout.take().expect("a pipe"));
        let mut rabbit = Self {
            url: String::new(),
            starter,
            answers,
        };
        rabbit.url = rabbit.answer();
        Some(rabbit)
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        self.ask("kill");
    }

    /// Starts it again, with what it had kept.
    pub fn start_again(&mut self) {
        self.ask("start");
    }

    fn ask(&mut self, word: &str) {
        let words = self.starter.stdin.as_mut().expect("a pipe");
        writeln!(words, "{word}").expect("it listens");
        assert_eq!(self.answer(), "done");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        assert!(!line.is_empty(), "RabbitMQ does not start: see above");
        line.trim_end().to_owned()
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        // Its input ends first, and then all that it has started.
        let _ = self.starter.wait();
    }
}
