// SPDX-License-Identifier: MPL-2.0
//! A portrait that shows its teeth, and the lips that hide them: measured on drawn pixels.

use super::{
    tests_mouth::{Studio, closed},
    *,
};
use crate::face::{LoadOptions, PortraitSource};

/// A photograph of a smile with teeth, where the environment names it; see
/// `scripts/test_media.sh`.
fn smile() -> Option<Portrait> {
    let Some(picture) = std::env::var_os("SONIC_TEST_ASTRONAUT") else {
        println!("skipped: SONIC_TEST_ASTRONAUT is not set");
        return None;
    };
    let source = PortraitSource {
        picture: Some(picture.into()),
        ..PortraitSource::default()
    };
    let options = LoadOptions {
        cache: None,
        predictor: None,
    };
    match Portrait::load_with(&source, &options) {
        Ok(portrait) => Some(portrait),
        Err(error) => {
            assert!(std::env::var_os("SONIC_REQUIRE_ALL").is_none(), "{error}");
            println!("skipped: {error}");
            None
        }
    }
}

/// Teeth are nearly colourless and as bright as they are at rest; the way into a mouth is dark.
/// Closed lips show neither.
#[test]
fn p_hides_the_teeth_of_a_smile() {
    let Some(portrait) = smile() else { return };
    let mut studio = Studio::new(&portrait);
    // Luma and redness around the seam, from near one corner to near the other.
    let seam = |studio: &Studio, slit: &Slit| -> Vec<(f32, f32)> {
        let (from, to) = slit.upper.span();
        let columns = (4..=12).map(|i| from + (to - from) * i as f32 / 16.0);
        let rows = |u: f32| {
            let line = (slit.upper.at(u) + slit.lower.at(u)) * 0.5;
            (-8..=8).map(move |k| V2::new(u, line + k as f32 * 0.0025))
        };
        let seen = columns.flat_map(rows).map(|p| studio.colour(p));
        seen.map(|[r, g, b]| {
            let red = (r - 0.5 * (g + b)) / (r + g + b).max(1.0);
            (luma([r, g, b]), red)
        })
        .collect()
    };
    let median = |seen: &[(f32, f32)]| {
        let mut lumas: Vec<f32> = seen.iter().map(|s| s.0).collect();
        lumas.sort_by(f32::total_cmp);
        lumas[lumas.len() / 2]
    };
    studio.draw(&FacePose::REST);
    let rest = studio.rig.pose(&FacePose::REST);
    let rest = seam(&studio, &rest.slit);
    let white = 0.85 * median(&rest);
    let teeth = |seen: &[(f32, f32)]| {
        let count = seen
            .iter()
            .filter(|(luma, red)| *luma > white && *red < 0.05);
        count.count() as f32 / seen.len() as f32
    };
    assert!(teeth(&rest) > 0.5, "the smile shows {}", teeth(&rest));
    for jaw in [0.0, 0.25, 0.5] {
        let pose = closed(jaw);
        assert!(studio.draw(&pose) < 1e-3, "jaw {jaw}");
        let posed = studio.rig.pose(&pose);
        let seen = seam(&studio, &posed.slit);
        let darkest = seen.iter().map(|s| s.0).fold(f32::MAX, f32::min);
        println!(
            "jaw {jaw}: {} teeth, {darkest} of {}",
            teeth(&seen),
            median(&seen)
        );
        // The highlight of a moist lip is white, too: 1.3 % were seen.
        assert!(teeth(&seen) < 0.05, "jaw {jaw}: {}", teeth(&seen));
        assert!(darkest > 0.55 * median(&seen), "jaw {jaw}: {darkest}");
    }
    studio.draw(&FacePose::REST.with(Arkit::JawOpen, 0.5));
    let open = studio.rig.pose(&FacePose::REST.with(Arkit::JawOpen, 0.5));
    let open = seam(&studio, &open.slit);
    let darkest = open.iter().map(|s| s.0).fold(f32::MAX, f32::min);
    assert!(darkest < 0.55 * median(&rest), "open: {darkest}");
}
