// SPDX-License-Identifier: MPL-2.0
//! `sonicd`: renders talking heads.

mod options;
mod render;
mod telling;

use std::process::exit;

use options::Wanted;
use sonicd::{parameters, plugin, serve};

const FAILED: i32 = 1;
const MISUSED: i32 = 2;

fn main() {
    let code = match options::parse(std::env::args_os()) {
        Ok(Wanted::Help) => said(options::HELP),
        Ok(Wanted::Version) => said(concat!("sonicd ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Wanted::Parameters) => parameters(),
        Ok(Wanted::HelpOfServe) => said(serve::settings::HELP),
        Ok(Wanted::Token(owner, file)) => match serve::auth::make_token(&owner, &file) {
            Ok(token) => said(&format!("{token}\n")),
            Err(what) => complain(&what, FAILED),
        },
        Ok(Wanted::Render(job, telling)) => match render(&job, telling) {
            Ok(()) => 0,
            Err(what) => complain(&what, FAILED),
        },
        Err(error) => complain(&error.to_string(), MISUSED),
    };
    // A streaming thread that hangs in somebody else's code must not keep the program.
    exit(code);
}

fn start() -> Result<(), String> {
    gst::init().map_err(|error| format!("GStreamer does not start: {error}"))?;
    plugin::load()
}

fn render(job: &render::Job, telling: telling::Telling) -> Result<(), String> {
    start()?;
    let told = telling.begin();
    let result = render::render(job, &told);
    told.end(&result);
    result.map(|_| ())
}

fn parameters() -> i32 {
    match start() {
        Ok(()) => said(&parameters::list()),
        Err(what) => complain(&what, FAILED),
    }
}

fn said(text: &str) -> i32 {
    use std::io::Write;
    // Whoever reads it may be gone.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    0
}

fn complain(what: &str, code: i32) -> i32 {
    eprintln!("sonicd: {what}");
    code
}
