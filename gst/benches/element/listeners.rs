// SPDX-License-Identifier: MPL-2.0
//! What it costs to listen.

use std::time::Instant;

use sonic_engine::articulate::{
    Articulator, Span,
    network::{NetworkArticulator, NetworkOptions},
    signal::SignalArticulator,
};

use crate::{Failure, RATE, ROUNDS, Table, median, ms, thread_seconds};

/// Speech, as far as cost goes: hum and noise that swell, and pauses.
fn speech(seconds: u32) -> Vec<f32> {
    let mut seed = 5u64;
    (0..RATE * seconds)
        .map(|i| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let noise = (seed >> 40) as f32 / 8_388_608.0 - 1.0;
            let t = i as f32 / RATE as f32;
            let phrase = if (t * 1.7).sin() > -0.5 { 1.0 } else { 0.002 };
            let hum = (t * 850.0).sin() + 0.5 * (t * 4_400.0).sin();
            0.2 * phrase * (0.6 + (t * 25.0).sin()).max(0.0) * (hum + 0.5 * noise)
        })
        .collect()
}

/// The part of a core that listening takes at 25 frames a second, in percent.
fn listening(listener: &mut dyn Articulator, sound: &[f32]) -> Result<f64, Failure> {
    let mut costs = Vec::new();
    let frame = (RATE / 25) as usize;
    for _ in 0..ROUNDS {
        let before = thread_seconds()?;
        for (k, piece) in sound.chunks(frame).enumerate() {
            listener.push(piece);
            let at = (k * frame) as i64;
            let next = at + frame as i64;
            std::hint::black_box(listener.mouth_over(&Span {
                at,
                from: at,
                to: next,
                next,
            }));
            listener.forget_before(at);
        }
        let seconds = sound.len() as f64 / f64::from(RATE);
        costs.push((thread_seconds()? - before) / seconds * 100.0);
        listener.reset();
    }
    Ok(median(costs))
}

/// What moves the mouth where no phones are known.
pub fn listeners(table: &mut Table) -> Result<(), Failure> {
    let sound = speech(40);
    let percent = |cost: f64| format!("{cost:.2} %");
    let cost = listening(&mut SignalArticulator::new(), &sound)?;
    table.add(
        "listening by signal processing, of one core",
        percent(cost),
        "",
    );
    let mut loads = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        match NetworkArticulator::new(&NetworkOptions::default()) {
            Ok(_) => loads.push(begun.elapsed().as_secs_f64() * 1e3),
            Err(error) => {
                eprintln!("no network is measured: {error}");
                return Ok(());
            }
        }
    }
    let mut network = NetworkArticulator::new(&NetworkOptions::default())?;
    // As much as one run takes.
    let (begun, run) = (Instant::now(), &sound[..RATE as usize / 20]);
    network.push(run);
    let first = begun.elapsed().as_secs_f64() * 1e3;
    network.reset();
    let cost = listening(&mut network, &sound)?;
    table.add(
        "listening by the network, of one core",
        percent(cost),
        "1 %",
    );
    table.add("  loading it", ms(median(loads)), "");
    table.add("  the first 50 ms of sound", ms(first), "50 ms");
    Ok(())
}
