// SPDX-License-Identifier: MPL-2.0
//! Once it runs, the animator asks for no memory.

#[path = "common/onnx.rs"]
mod onnx;
#[path = "common/tiny.rs"]
mod tiny;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU64, Ordering},
};

use sonic_engine::{
    animator::{Animator, Style},
    articulate::{
        Articulator,
        network::{NetworkArticulator, NetworkError, NetworkOptions},
        signal::SignalArticulator,
    },
    audio::pcm::SampleFormat,
    grid::FrameGrid,
    pose::Arkit,
    speech::Phone,
    sync::{
        Config, Material, Next, Sync,
        pcm::{Encoding, PcmFormat},
    },
};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps `realloc`'s contract.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What moves the mouth.
#[derive(Clone, Copy, Debug)]
enum Heard {
    Signal,
    Phones,
    Network,
    BuiltInNetwork,
}

impl Heard {
    fn animator(self, rate: u32, grid: FrameGrid) -> Option<Animator> {
        let heard: Box<dyn Articulator> = match self {
            Self::Signal => return Some(Animator::new(rate, grid, 0, Style::default())),
            Self::Phones => Box::new(SignalArticulator::new()),
            Self::Network => {
                let file = tempfile::NamedTempFile::new().expect("a file");
                let graph = tiny::network(Some(2), &[60], tiny::Oddity::None);
                std::fs::write(file.path(), graph).expect("written");
                let graph = Some(file.path().to_owned());
                Box::new(network(NetworkOptions {
                    graph,
                    ..NetworkOptions::default()
                })?)
            }
            Self::BuiltInNetwork => Box::new(network(NetworkOptions::default())?),
        };
        let style = Style::default();
        Some(Animator::with_phones(rate, grid, 0, style, Some(heard)))
    }
}

fn network(options: NetworkOptions) -> Option<NetworkArticulator> {
    match NetworkArticulator::new(&options) {
        Ok(network) => Some(network),
        Err(error @ NetworkError::NoRuntime(_)) => {
            assert!(std::env::var_os("SONIC_REQUIRE_ALL").is_none(), "{error}");
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The only test of this file: another would allocate meanwhile.
#[test]
fn frames_cost_no_memory() {
    for (rate, heard) in [
        (16_000u32, Heard::Signal),
        (44_100, Heard::Signal),
        (48_000, Heard::Signal),
        (48_000, Heard::Phones),
        (48_000, Heard::Network),
        (48_000, Heard::BuiltInNetwork),
    ] {
        let grid = FrameGrid::new(30_000, 1001).expect("a rate");
        let Some(mut animator) = heard.animator(rate, grid) else {
            continue;
        };
        // A minute of "mama", known beforehand.
        let phone = |n: u64| {
            let ipa = if n.is_multiple_of(2) { "m" } else { "ˈa" };
            Phone::new(ipa, n * 100, 100)
        };
        let mama: Vec<Phone> = (0..600).map(phone).collect();
        if matches!(heard, Heard::Phones) {
            animator.announce(0, 1_000, &mama);
        }
        let buffer: Vec<u8> = (0..rate / 100 * 2)
            .flat_map(|i| ((i * i % 7919) as i16).to_le_bytes())
            .collect();
        let mut frames = 0;
        let mut run = |buffers: u32| {
            for i in 0..buffers {
                if i % 300 < 200 {
                    animator.push_bytes(SampleFormat::S16, 2, &buffer);
                } else {
                    animator.push_silence(u64::from(rate) / 100);
                }
                while let Some(frame) = animator.next_frame() {
                    animator.show(grid.time(frame.index), frame.pose.get(Arkit::JawOpen));
                    frames += 1;
                }
                if i % 100 == 0 {
                    animator.lags();
                }
            }
        };
        run(1_000);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        run(7_000);
        let made = ALLOCATIONS.load(Ordering::Relaxed) - before;
        let allowed = match heard {
            // `ort` itself has lists of up to 6 inputs and 4 outputs on the stack; longer ones,
            // of a network with more states, it makes anew each run. A run is 20 ms.
            Heard::BuiltInNetwork => 10 * 70_000 / 20,
            _ => 0,
        };
        assert!(
            made <= allowed,
            "{made} allocations at {rate} Hz, {heard:?}"
        );
        assert!(frames > 2_300, "{frames} frames");
    }
    stretched_sound_costs_no_memory();
}

/// What is synchronised here.
struct Borrowed;

impl Material for Borrowed {
    type Pcm = &'static [u8];
    type Frame = u64;
    type Event = ();
    fn survives((): &()) -> bool {
        false
    }
}

/// A source that drifts by 300 ppm and shows a mouth, while it is resampled.
fn stretched_sound_costs_no_memory() {
    const MS: u64 = 1_000_000;
    static PIECE: [u8; 2 * 960] = [7; 2 * 960];
    let mut sync = Sync::<Borrowed>::new(Config {
        live: true,
        ..Config::default()
    });
    sync.set_sound(PcmFormat {
        rate: 48_000,
        channels: 1,
        encoding: Encoding::Signed,
        bytes: 2,
        depth: 16,
        big_endian: false,
    });
    sync.set_pictures(FrameGrid::new(25, 1).expect("a rate"));
    sync.start(0);
    let (mut block, mut parts, mut heard) = (vec![0; 4_000], Vec::new(), Vec::new());
    let mut events = Vec::new();
    let mut run = |pieces: std::ops::Range<u64>| {
        for i in pieces {
            let now = ((i + 1) as f64 * 20e6 / (1.0 + 300e-6)) as u64;
            sync.push_sound(Some(i * 20 * MS), &PIECE, None, Some(now));
            if i % 2 == 0 {
                sync.push_frame(Some(i * 20 * MS), Some(40 * MS), i, Some(now));
            }
            let due = |next| match next {
                Next::Send { at, frames } if at + 100 * MS <= now => Some(frames),
                _ => None,
            };
            while let Some(frames) = due(sync.next_sound()) {
                sync.send_sound(&mut block[..2 * frames], &mut parts, &mut heard);
                parts.clear();
            }
            while due(sync.next_picture()).is_some() {
                if let Some(slot) = sync.send_picture(&mut events) {
                    sync.show_mouth(slot.at, 0.1);
                }
            }
        }
        sync.levels().correction
    };
    assert!(run(0..10_000).is_some(), "it is at work");
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    run(10_000..12_000);
    let made = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert_eq!(made, 0, "in 40 s");
}
