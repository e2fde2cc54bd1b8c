// SPDX-License-Identifier: MPL-2.0
//! Who is told to end while it begins ends well.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::parts::{Part, Whole, run};

/// Whether a process hears SIGTERM itself.
fn hears(part: &Part) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", part.pid()));
    let status = status.expect("a process");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.expect("a set").trim(), 16).expect("hexadecimal");
    caught >> (Signal::TERM.as_raw() - 1) & 1 == 1
}

#[test]
fn who_is_told_to_end_while_it_begins_ends_well() {
    run(|folder| async move {
        // Nobody is at that address: the worker waits for a broker, and the API goes without.
        let whole = Whole::at("amqp://127.0.0.1:9/%2f", &folder);
        let api: fn(&Whole) -> Part = Whole::api;
        for start in [api, Whole::worker] {
            let part = start(&whole);
            let until = Instant::now() + Duration::from_secs(60);
            while !hears(&part) {
                assert!(Instant::now() < until, "it never hears");
                std::thread::yield_now();
            }
            part.end();
        }
    });
}

#[test]
fn a_worker_whose_jobs_may_outlast_the_brokers_patience_does_not_begin() {
    let sonicd = std::process::Command::new(env!("CARGO_BIN_EXE_sonicd"))
        .args(["work", "--time", "1740"])
        .env("SONICD_AMQP_URL", "amqp://127.0.0.1:9/%2f")
        .output()
        .expect("it runs");
    assert_eq!(sonicd.status.code(), Some(1));
    let said = String::from_utf8(sonicd.stderr).expect("text");
    let words = [
        "--time 1740",
        "1800 s",
        "rabbitmq.conf",
        "SONICD_AMQP_CONSUMER_TIMEOUT_MS",
    ];
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}
