// SPDX-License-Identifier: MPL-2.0
//! Addresses that a callback may go to: of the public net only, so that nobody makes the service
//! knock at doors that it alone can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Characters of an address at most.
const LONGEST: usize = 2048;

/// Whether an address belongs to the public net.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => v6
            .to_ipv4_mapped()
            .map_or_else(|| is_public_v6(v6), is_public_v4),
    }
}

/// By IANA's registry of special addresses.
fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let special = a == 0
        || a >= 224
        || v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_documentation()
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

/// Of 2000::/3, what does not stand for an address of another kind.
fn is_public_v6(v6: Ipv6Addr) -> bool {
    let s = v6.segments();
    let global = s[0] & 0xe000 == 0x2000;
    let teredo_and_the_like = s[0] == 0x2001 && s[1] < 0x200;
    let documentation = (s[0] == 0x2001 && s[1] == 0x0db8) || s[0] == 0x3fff;
    let six_to_four = s[0] == 0x2002;
    global && !teredo_and_the_like && !documentation && !six_to_four
}

/// The address of a callback; `private` allows also http, and any host.
///
/// # Errors
/// A sentence that says what it should be.
pub fn callback(text: &str, private: bool) -> Result<Url, String> {
    let what = if private {
        "an address that begins with https:// or http://"
    } else {
        "an address that begins with https://"
    };
    if text.len() > LONGEST {
        return Err(format!("expected at most {LONGEST} characters"));
    }
    let url = Url::parse(text).map_err(|_| format!("expected {what}"))?;
    match url.scheme() {
        "https" => {}
        "http" if private => {}
        _ => return Err(format!("expected {what}")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("expected an address without a name and a password in it".to_owned());
    }
    let literal = match url.host() {
        None => return Err(format!("expected {what}")),
        Some(Host::Domain(_)) => None,
        Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
        Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
    };
    if !private && literal.is_some_and(|address| !is_public(address)) {
        return Err("expected an address of the public net".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_net_is_called() {
        for (text, public) in [
            ("93.184.216.34", true),
            ("8.8.8.8", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.0.0.8", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700::1111", true),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("64:ff9b::7f00:1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("2002:7f00:1::", false),
            ("fc00::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ] {
            let address = text.parse().expect("an address");
            assert_eq!(is_public(address), public, "{text}");
        }
    }

    #[test]
    fn what_hides_a_private_address_is_seen() {
        for text in [
            "http://example.org/",
            "https://user:word@example.org/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://[::ffff:10.0.0.1]/",
            "file:///etc/passwd",
            "https://",
            "example.org",
            &format!("https://example.org/{}", "a".repeat(3000)),
        ] {
            assert!(callback(text, false).is_err(), "{text}");
        }
        assert!(callback("https://example.org/hook?x=1", false).is_ok());
        assert!(callback("http://127.0.0.1:9/hook", true).is_ok());
        assert!(callback("ftp://127.0.0.1/", true).is_err());
    }
}
