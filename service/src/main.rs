// SPDX-License-Identifier: MPL-2.0
//! `sonicd`: renders talking heads.

mod confine;
mod options;
mod queue;
mod render;
mod telling;

use std::{process::exit, sync::Arc};

use options::Wanted;
use serde_json::json;
use sonicd::{
    broker::{self, Broker},
    face, parameters, plugin,
    post::Post,
    serve::settings::Settings,
};

const FAILED: i32 = 1;
const MISUSED: i32 = 2;

fn main() {
    let code = match options::parse(std::env::args_os()) {
        Ok(Wanted::Help) => said(options::HELP),
        Ok(Wanted::Version) => said(concat!("sonicd ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Wanted::Parameters) => parameters(),
        Ok(Wanted::Serve(settings)) => match serve(*settings) {
            Ok(()) => 0,
            Err(what) => complain(&what, FAILED),
        },
        Ok(Wanted::HelpOfWork) => said(sonicd::work::HELP),
        Ok(Wanted::Work(settings)) => match sonicd::work::run(&settings) {
            Ok(()) => 0,
            Err(what) => complain(&what, FAILED),
        },
        Ok(Wanted::HelpOfServe) => said(sonicd::serve::settings::HELP),
        Ok(Wanted::Token(owner, file)) => match sonicd::serve::auth::make_token(&owner, &file) {
            Ok(token) => said(&format!("{token}\n")),
            Err(what) => complain(&what, FAILED),
        },
        Ok(Wanted::Render(job, telling, bounds)) => match render(&job, telling, &bounds) {
            Ok(()) => 0,
            Err(what) => complain(&what, FAILED),
        },
        Ok(Wanted::Look(file, bounds)) => match look(&file, &bounds) {
            Ok(told) => said(&told),
            Err(what) => complain(&what, FAILED),
        },
        Ok(Wanted::Queue(wanted)) => match queue::run(&wanted) {
            Ok(text) => said(&text),
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

fn render(
    job: &render::Job,
    telling: telling::Telling,
    bounds: &confine::Bounds,
) -> Result<(), String> {
    bounds.confine()?;
    start()?;
    let told = telling.begin();
    let result = render::render(job, &told);
    told.end(&result);
    result.map(|_| ()).map_err(|failure| failure.reason)
}

/// What is seen in a picture, as one line of JSON.
fn look(file: &std::path::Path, bounds: &confine::Bounds) -> Result<String, String> {
    bounds.confine()?;
    let told = match face::look(file) {
        Ok(seen) => json!({ "done": seen }),
        Err(unseen) => json!({ "failed": { "reason": unseen.reason, "passing": unseen.passing } }),
    };
    Ok(format!("{told}\n"))
}

fn serve(settings: Settings) -> Result<(), String> {
    let parameters = || start().map(|()| parameters::described());
    sonicd::serve::run(settings, parameters, || {
        let settings = broker::Settings::from_environment();
        let broker = settings.and_then(Broker::start);
        let post: Arc<dyn Post> = Arc::new(broker.map_err(|error| error.to_string())?);
        Ok(post)
    })
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
