// SPDX-License-Identifier: MPL-2.0
//! Once it runs, the animator asks for no memory.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU64, Ordering},
};

use sonic_engine::{
    animator::{Animator, Style},
    audio::pcm::SampleFormat,
    grid::FrameGrid,
    speech::Phone,
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

/// The only test of this file: another would allocate meanwhile.
#[test]
fn frames_cost_no_memory() {
    for (rate, phones) in [
        (16_000u32, false),
        (44_100, false),
        (48_000, false),
        (48_000, true),
    ] {
        let grid = FrameGrid::new(30_000, 1001).expect("a rate");
        let mut animator = if phones {
            Animator::with_phones(rate, grid, 0, Style::default(), true)
        } else {
            Animator::new(rate, grid, 0, Style::default())
        };
        // A minute of "mama", known beforehand.
        let phone = |n: u64| {
            let ipa = if n.is_multiple_of(2) { "m" } else { "ˈa" };
            Phone::new(ipa, n * 100, 100)
        };
        let mama: Vec<Phone> = (0..600).map(phone).collect();
        animator.announce(0, 1_000, &mama);
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
                while animator.next_frame().is_some() {
                    frames += 1;
                }
            }
        };
        run(1_000);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        run(7_000);
        let made = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert_eq!(made, 0, "{made} allocations at {rate} Hz");
        assert!(frames > 2_300, "{frames} frames");
    }
}
