// SPDX-License-Identifier: MPL-2.0
//! Voices speak, and say truly when each sound happens.

mod espeak;
mod flite;
mod sound;
mod speaker;

use sonic_engine::voice::VoiceError;

/// What a library gives, or `None` where it is not installed: then a test is skipped, and says
/// so.
fn installed<T>(found: Result<T, VoiceError>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(error @ VoiceError::Missing { .. }) => {
            assert!(std::env::var_os("SONIC_REQUIRE_ALL").is_none(), "{error}");
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}
