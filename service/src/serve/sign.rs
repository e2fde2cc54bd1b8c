// SPDX-License-Identifier: MPL-2.0
//! Signatures: of links that a player without a token may follow until they expire, and of
//! callbacks.

use ring::hmac;

use crate::job::Owner;

/// Signs, and knows its own signatures again.
#[derive(Clone)]
pub struct Signer {
    links: hmac::Key,
    callbacks: hmac::Key,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() {
        return None;
    }
    let pair = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

impl Signer {
    /// One whose keys come from a secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        // What is signed for one purpose is no signature for another.
        let key = |purpose: &[u8]| {
            let derived = hmac::sign(&root, purpose);
            hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
        };
        Self {
            links: key(b"links"),
            callbacks: key(b"callbacks"),
        }
    }

    /// What is asked for behind a path, so that it is served until then, s since 1970.
    #[must_use]
    pub fn query(&self, path: &str, expires: u64) -> String {
        let tag = hmac::sign(&self.links, link(path, expires).as_bytes());
        format!("expires={expires}&signature={}", hex(tag.as_ref()))
    }

    /// Whether a path was signed, and still holds at `now`, s since 1970.
    #[must_use]
    pub fn holds(&self, path: &str, expires: u64, signature: &str, now: u64) -> bool {
        let Some(tag) = unhex(signature) else {
            return false;
        };
        now < expires && hmac::verify(&self.links, link(path, expires).as_bytes(), &tag).is_ok()
    }

    /// The secret by which an owner knows callbacks of this service.
    #[must_use]
    pub fn callback_secret(&self, owner: &Owner) -> String {
        hex(hmac::sign(&self.callbacks, owner.as_str().as_bytes()).as_ref())
    }

    /// The header of a callback: `t=` when, s since 1970, and `v1=` HMAC-SHA256 over that, a dot and
    /// the body, by the owner's secret.
    #[must_use]
    pub fn callback(&self, owner: &Owner, at: u64, body: &[u8]) -> String {
        let secret = self.callback_secret(owner);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let mut signed = format!("{at}.").into_bytes();
        signed.extend(body);
        format!("t={at},v1={}", hex(hmac::sign(&key, &signed).as_ref()))
    }
}

fn link(path: &str, expires: u64) -> String {
    format!("{path}\n{expires}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_holds_for_its_path_and_its_time() {
        let signer = Signer::new(b"one secret");
        let query = signer.query("/v1/results/a/1.mp4", 100);
        let signature = query.split_once("signature=").expect("signed").1;
        let holds = |path, expires, now| signer.holds(path, expires, signature, now);
        assert!(holds("/v1/results/a/1.mp4", 100, 99));
        assert!(!holds("/v1/results/a/1.mp4", 100, 100), "it is over");
        assert!(!holds("/v1/results/a/1.mp4", 101, 99), "another time");
        assert!(!holds("/v1/results/b/1.mp4", 100, 99), "another's");
        let other = Signer::new(b"another secret");
        assert!(!other.holds("/v1/results/a/1.mp4", 100, signature, 99));
        for wrong in ["", "0", "zz", "é", &signature[1..]] {
            assert!(
                !signer.holds("/v1/results/a/1.mp4", 100, wrong, 99),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_callback_is_signed_for_its_owner() {
        let signer = Signer::new(b"one secret");
        let (a, b) = (Owner::local(), "b".parse().expect("a name"));
        assert_eq!(signer.callback(&a, 5, b"{}"), signer.callback(&a, 5, b"{}"));
        assert_ne!(signer.callback(&a, 5, b"{}"), signer.callback(&b, 5, b"{}"));
        assert_ne!(signer.callback(&a, 5, b"{}"), signer.callback(&a, 6, b"{}"));
        // RFC 4231, case 2, shows that the tag is what others make of it.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let tag = hmac::sign(&key, b"what do ya want for nothing?");
        assert!(hex(tag.as_ref()).starts_with("5bdcc146bf60754e6a042426089575c7"));
    }
}
