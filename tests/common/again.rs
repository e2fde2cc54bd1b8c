// SPDX-License-Identifier: MPL-2.0
//! Tests that need other environment variables than the rest: libraries are looked for once per
//! process.

use std::{env, process::Command};

/// Set in the process that [`again_with`] starts.
const AGAIN: &str = "SONIC_TEST_AGAIN";

/// Runs the test of that name in a process of its own, where the variables are set and `inside`
/// is what it does: libraries are looked for once per process.
pub fn again_with(test: &str, variables: &[(&str, &str)], inside: impl FnOnce()) {
    if env::var_os(AGAIN).is_some() {
        return inside();
    }
    let mut command = Command::new(env::current_exe().expect("a program"));
    command
        .args(["--exact", test, "--nocapture"])
        .env(AGAIN, "1");
    let output = command.envs(variables.iter().copied()).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
