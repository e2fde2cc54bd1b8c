// SPDX-License-Identifier: MPL-2.0
//! How often an owner may ask: a bucket that fills at a steady rate. Knows no clock.

use std::{collections::HashMap, time::Duration};

use crate::job::Owner;

/// Owners that are remembered: who is not has a full bucket.
const MOST: usize = 10_000;

struct Bucket {
    left: f64,
    at: Duration,
}

/// The buckets of all owners.
pub struct Buckets {
    rate: f64,
    burst: f64,
    of: HashMap<Owner, Bucket>,
}

impl Buckets {
    /// So many requests a second, and `burst` at once.
    #[must_use]
    pub fn new(rate: f64, burst: f64) -> Self {
        Self {
            rate: rate.max(f64::MIN_POSITIVE),
            burst: burst.max(1.0),
            of: HashMap::new(),
        }
    }

    /// Takes `cost` requests at the time `now`, which counts from any moment and never runs back.
    ///
    /// # Errors
    /// There are not so many left: after that time there will be, or as many as there can be.
    pub fn take(&mut self, owner: &Owner, cost: f64, now: Duration) -> Result<(), Duration> {
        if self.of.len() >= MOST {
            let (rate, burst) = (self.rate, self.burst);
            self.of
                .retain(|_, b| b.left + rate * now.saturating_sub(b.at).as_secs_f64() < burst);
        }
        let bucket = self.of.entry(owner.clone()).or_insert(Bucket {
            left: self.burst,
            at: now,
        });
        let filled = self.rate * now.saturating_sub(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + filled).min(self.burst);
        bucket.at = now;
        // What could never be had goes when the bucket is full.
        let cost = cost.min(self.burst);
        if bucket.left >= cost {
            bucket.left -= cost;
            return Ok(());
        }
        let wait = (cost - bucket.left) / self.rate;
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_so_many_a_second() {
        let mut buckets = Buckets::new(2.0, 5.0);
        let (a, b) = (Owner::local(), "b".parse().expect("a name"));
        let s = Duration::from_secs_f64;
        let passed = |buckets: &mut Buckets, now| {
            (0..20)
                .take_while(|_| buckets.take(&a, 1.0, s(now)).is_ok())
                .count()
        };
        assert_eq!(passed(&mut buckets, 0.0), 5);
        assert_eq!(buckets.take(&a, 1.0, s(0.0)), Err(s(0.5)));
        assert_eq!(passed(&mut buckets, 0.5), 1);
        assert_eq!(passed(&mut buckets, 2.5), 4);
        assert_eq!(passed(&mut buckets, 1000.0), 5);
        assert_eq!(buckets.take(&b, 1.0, s(0.0)), Ok(()), "another's is full");
    }

    #[test]
    fn what_costs_more_than_there_can_be_waits_for_a_full_bucket() {
        let mut buckets = Buckets::new(1.0, 10.0);
        let a = Owner::local();
        assert_eq!(buckets.take(&a, 500.0, Duration::ZERO), Ok(()));
        let wait = buckets.take(&a, 500.0, Duration::ZERO);
        assert_eq!(wait, Err(Duration::from_secs(10)));
    }
}
