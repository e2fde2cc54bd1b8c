// SPDX-License-Identifier: MPL-2.0
//! What networks do with sound.

use crate::{
    articulator, babble, file, noise,
    tiny::{Oddity, network},
};
use proptest::prelude::*;
use sonic_engine::{
    animator::{Animator, Style},
    articulate::{
        Articulator, Mouth, Origin,
        network::{NetworkArticulator, NetworkOptions},
    },
    grid::FrameGrid,
    speech::Phone,
};

fn tiny(frames: Option<usize>, ms: usize, oddity: Oddity) -> Option<NetworkArticulator> {
    articulator(&file(&network(frames, &[ms], oddity)).options)
}

fn mouths(articulator: &impl Articulator, samples: usize) -> Vec<Mouth> {
    let at = |i| articulator.mouth_at(i as i64);
    (0..samples).step_by(53).map(at).collect()
}

/// The mouth that it tells for an instant is that of the sound there, however far it looks
/// ahead and however many frames it takes at a time.
#[test]
fn mouths_lie_where_their_sound_is() {
    let mut sound = vec![0.0; 8_000];
    sound.extend(noise(8_000).map(|s| 0.3 * s));
    sound.extend([0.0; 8_000]);
    for (frames, ms) in [(Some(1), 0), (Some(2), 60), (Some(7), 80), (None, 100)] {
        let Some(mut articulator) = tiny(frames, ms, Oddity::None) else {
            return;
        };
        articulator.push(&sound);
        articulator.drain();
        let jaw = |sample: i64| articulator.mouth_at(sample).jaw;
        let full = jaw(12_000);
        assert!(full > 0.2, "{full}");
        let crossing = |range: std::ops::Range<i64>, up: bool| {
            range
                .step_by(8)
                .find(|s| (jaw(*s) > full / 2.0) == up)
                .expect("it opens and closes")
        };
        // A window of 25 ms hears the onset some 10 ms early, since loudness is a logarithm.
        let (up, down) = (
            crossing(4_000..12_000, true),
            crossing(12_000..20_000, false),
        );
        assert!((-240..=0).contains(&(up - 8_000)), "{frames:?}: {up}");
        assert!((0..=240).contains(&(down - 16_000)), "{frames:?}: {down}");
    }
}

#[test]
fn the_look_ahead_suffices_and_is_constant() {
    let sound = babble(24_000);
    for (frames, ms) in [(Some(1), 10), (Some(3), 60), (None, 40)] {
        let Some(mut live) = tiny(frames, ms, Oddity::None) else {
            return;
        };
        let mut whole = tiny(frames, ms, Oddity::None).expect("as before");
        whole.push(&sound);
        let look_ahead = live.look_ahead() as usize;
        for (i, sample) in sound.iter().enumerate() {
            live.push(std::slice::from_ref(sample));
            if let Some(known) = (i + 1).checked_sub(look_ahead) {
                let known = known as i64;
                assert_eq!(live.mouth_at(known), whole.mouth_at(known), "{known}");
            }
        }
        assert_eq!(live.look_ahead() as usize, look_ahead);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_cut_of_the_sound_does_not_matter(
        frames in prop::sample::select(vec![None, Some(1), Some(2), Some(5)]),
        cuts in prop::collection::vec(1usize..4_000, 3..14),
    ) {
        let sound = babble(cuts.iter().sum());
        let Some(mut whole) = tiny(frames, 60, Oddity::None) else {
            return Ok(());
        };
        whole.push(&sound);
        whole.drain();
        let mut cut = tiny(frames, 60, Oddity::None).expect("as before");
        let mut rest = sound.as_slice();
        for length in cuts {
            let (now, later) = rest.split_at(length);
            cut.push(now);
            rest = later;
        }
        cut.drain();
        prop_assert_eq!(mouths(&cut, sound.len()), mouths(&whole, sound.len()));
    }
}

/// A long silence is had at once, and is what pushed zeros are; what comes after it as well.
#[test]
fn silence_rests_and_costs_nothing() {
    let Some(mut pushed) = tiny(Some(3), 60, Oddity::None) else {
        return;
    };
    let mut told = tiny(Some(3), 60, Oddity::None).expect("as before");
    let sound = babble(20_011);
    let silence = 16_000 * 9 + 77;
    for (articulator, tells) in [(&mut pushed, false), (&mut told, true)] {
        articulator.push(&sound);
        match tells {
            true => articulator.push_silence(silence),
            false => articulator.push(&vec![0.0; silence as usize]),
        }
        articulator.push(&sound);
        articulator.drain();
    }
    let samples = 2 * sound.len() + silence as usize;
    assert_eq!(mouths(&told, samples), mouths(&pushed, samples));
    let pause = sound.len() + 16_000..sound.len() + silence as usize - 4_000;
    for sample in pause.step_by(801) {
        assert_eq!(told.mouth_at(sample as i64), Mouth::REST, "{sample}");
    }
    // A year, and what follows is heard.
    told.reset();
    told.push_silence(16_000 * 3_600 * 24 * 365);
    told.push(&sound);
    told.drain();
    let later = 16_000 * 3_600 * 24 * 365;
    let jaws = (0..sound.len())
        .step_by(160)
        .map(|s| told.mouth_at(later + s as i64).jaw);
    assert!(jaws.fold(0.0, f32::max) > 0.2);
}

/// The built-in network rests in silence and in a quiet room, however long, and comes back.
#[test]
fn the_built_in_network_rests_in_silence() {
    let Some(mut network) = articulator(&NetworkOptions::default()) else {
        return;
    };
    // Also where a stream begins with it.
    for _ in 0..2 {
        network.push(&[0.0; 16_000]);
        let mut opened = (0..12_000).step_by(40).map(|s| network.mouth_at(s));
        assert!(opened.all(|m| m.aperture() < 0.01));
        network.reset();
    }
    let speech = babble(32_000);
    let room: Vec<f32> = noise(48_000).map(|s| 0.0005 * s).collect();
    network.push(&speech);
    network.push(&room);
    network.push_silence(16_000 * 3_600);
    network.push(&room);
    network.drain();
    let end = 32_000 + 2 * 48_000 + 16_000 * 3_600;
    let quiet = (32_000 + 12_800..72_000).chain(end - 40_000..end - 1_000);
    for sample in quiet.step_by(160) {
        let aperture = network.mouth_at(sample).aperture();
        assert!(aperture < 0.03, "{aperture} at {sample}");
    }
    for sample in (200_000..end - 60_000).step_by(900_001) {
        assert_eq!(network.mouth_at(sample), Mouth::REST, "{sample}");
    }
}

#[test]
fn after_a_reset_it_begins_anew_but_knows_the_voice() {
    let Some(mut articulator) = tiny(Some(2), 60, Oddity::None) else {
        return;
    };
    let sound = babble(64_000);
    // Twice: by then the voice is known as well as it will be.
    articulator.push(&sound);
    articulator.reset();
    articulator.push(&sound);
    articulator.drain();
    let before = mouths(&articulator, sound.len());
    articulator.reset();
    assert_eq!(articulator.mouth_at(4_000), Mouth::REST);
    articulator.push(&sound);
    articulator.drain();
    let after = mouths(&articulator, sound.len());
    let off = before
        .iter()
        .zip(&after)
        .map(|(a, b)| (a.jaw - b.jaw).abs());
    let mean = off.sum::<f32>() / before.len() as f32;
    assert!(mean < 0.04, "{mean}");
}

/// Jumps of the track that no jaw makes: a quarter of its way in 5 ms.
fn jumps(articulator: &impl Articulator, within: std::ops::Range<i64>) -> Vec<i64> {
    let jaw = |s| articulator.mouth_at(s).jaw;
    let jumps = |s: &i64| (jaw(s + 80) - jaw(*s)).abs() > 0.25;
    within.step_by(80).filter(jumps).collect()
}

/// It is told once, and the mouth goes on.
#[test]
fn after_a_failure_the_signal_goes_on() {
    let sound = babble(64_000);
    // 2 frames a run: after 1 s of silence when it is loaded, and 2 s.
    let Some(mut articulator) = tiny(Some(2), 60, Oddity::Fails(150)) else {
        return;
    };
    let look_ahead = articulator.look_ahead();
    for piece in sound.chunks(701) {
        articulator.push(piece);
    }
    articulator.drain();
    let problem = articulator.take_problem().expect("it is told");
    assert!(
        problem.contains("tiny") && problem.contains("signal"),
        "{problem}"
    );
    assert_eq!(articulator.take_problem(), None);
    assert_eq!(articulator.look_ahead(), look_ahead);
    assert_eq!(articulator.origin_at(16_000), Origin::Network);
    assert_eq!(articulator.origin_at(40_000), Origin::Signal);
    // What the network told last is of some 100 ms before.
    let around = 29_600..36_000;
    assert_eq!(jumps(&articulator, around), Vec::<i64>::new());
    // It moves on either side of the failure, and soon after it.
    let most = |range: std::ops::Range<i64>| {
        let jaws = range.step_by(80).map(|s| articulator.mouth_at(s).jaw);
        jaws.fold(0.0, f32::max)
    };
    for second in [0..32_000, 32_000..48_000, 48_000..64_000] {
        assert!(most(second.clone()) > 0.1, "{second:?}");
    }
    articulator.reset();
    articulator.push(&sound);
    articulator.drain();
    assert_eq!(articulator.take_problem(), None, "once is enough");
    assert_eq!(articulator.origin_at(3_000), Origin::Signal);
    let moved = (0..64_000)
        .step_by(80)
        .any(|s| articulator.mouth_at(s).jaw > 0.1);
    assert!(moved);
}

/// In the middle of a silence that is announced, too.
#[test]
fn a_failure_in_silence_does_no_harm() {
    let Some(mut articulator) = tiny(Some(2), 60, Oddity::Fails(60)) else {
        return;
    };
    articulator.push_silence(16_000 * 60);
    articulator.push(&babble(32_000));
    articulator.drain();
    assert!(articulator.take_problem().is_some());
    let at = |ms: i64| articulator.mouth_at(16_000 * 60 + ms * 16);
    assert_eq!(at(-3_000), Mouth::REST);
    assert!((0..2_000).step_by(5).any(|ms| at(ms).jaw > 0.1));
}

/// Numbers that are none, as of a division by nought, never reach the face.
#[test]
fn nonsense_is_rest() {
    let Some(mut articulator) = tiny(Some(2), 60, Oddity::Senseless) else {
        return;
    };
    articulator.push(&babble(16_000));
    articulator.drain();
    assert!(
        mouths(&articulator, 16_000)
            .iter()
            .all(|m| *m == Mouth::REST)
    );
}

/// Where phones are known they move the mouth, else the network does.
#[test]
fn phones_come_before_the_network() {
    let Some(network) = tiny(Some(2), 60, Oddity::None) else {
        return;
    };
    let grid = FrameGrid::new(25, 1).expect("a rate");
    let look_ahead = network.look_ahead() * 62_500;
    let mut animator =
        Animator::with_phones(16_000, grid, 0, Style::default(), Some(Box::new(network)));
    // 40 ms for contacts while a frame is shown.
    assert_eq!(animator.look_ahead(), look_ahead + 40_000_000);
    let phones: Vec<Phone> = (0..10)
        .map(|i| Phone::new(if i % 2 == 0 { "m" } else { "ˈa" }, i * 1_600, 1_600))
        .collect();
    animator.announce(2_000_000_000, 16_000, &phones);
    let loud: Vec<f32> = noise(64_000).map(|s| 0.2 * s).collect();
    animator.push(&loud);
    animator.finish();
    let origins: Vec<Origin> = std::iter::from_fn(|| animator.next_frame())
        .map(|frame| frame.origin)
        .collect();
    assert!(origins[10..45].iter().all(|o| *o == Origin::Network));
    assert!(origins[52..72].iter().all(|o| *o == Origin::Phones));
    assert!(origins[85..].iter().all(|o| *o == Origin::Network));
}
