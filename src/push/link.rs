// SPDX-License-Identifier: MPL-2.0
//! [`Link`]: when to connect, when to give a connection up, and when to try again.

use std::time::Duration;

/// Each wait may be so much longer than the one before: a server that is back is then waited for no
/// longer than it was away, and one that stays away is hardly bothered.
const GROWTH: f64 = 1.5;

/// What went wrong with a connection, as far as it matters to what is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Nobody listens there, or the network does not reach it.
    Unreachable,
    /// The host's name is not known.
    UnknownHost,
    /// No answer in time.
    TimedOut,
    /// The server closed the connection.
    Closed,
    /// Somebody publishes under that key already; often our own connection that the server has
    /// not yet missed.
    NameTaken,
    /// The server accepts data no more without closing.
    Stalled,
    /// The server refused the key or the application.
    NotAuthorized,
    /// The address cannot be used at all.
    BadAddress,
    /// An element of our own failed.
    Internal,
}

impl Failure {
    /// Whether trying again cannot help.
    pub fn is_permanent(self) -> bool {
        matches!(self, Failure::NotAuthorized | Failure::BadAddress)
    }

    /// As a word for messages and statistics.
    pub fn nick(self) -> &'static str {
        match self {
            Failure::Unreachable => "unreachable",
            Failure::UnknownHost => "unknown-host",
            Failure::TimedOut => "timed-out",
            Failure::Closed => "closed",
            Failure::NameTaken => "name-taken",
            Failure::Stalled => "stalled",
            Failure::NotAuthorized => "not-authorized",
            Failure::BadAddress => "bad-address",
            Failure::Internal => "internal",
        }
    }
}

/// How persistent a link is.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The longest wait before the first new try; half as long again for each further one.
    pub base: Duration,
    /// No wait is longer.
    pub cap: Duration,
    /// How often a stream that was never accepted is tried again; `None` is for ever.
    pub max_retries: Option<u32>,
    /// How long a stream that has been live is tried for; `None` is for ever.
    pub give_up_after: Option<Duration>,
    /// A connection counts as accepted when it has lasted that long: servers say yes first and
    /// look at the key afterwards.
    pub settle: Duration,
    /// How long a server may take to let us publish.
    pub connect_timeout: Duration,
    /// With data waiting and none accepted for so long, the connection is given up.
    pub stall_timeout: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(30),
            max_retries: Some(3),
            give_up_after: None,
            settle: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(10),
        }
    }
}

/// What a link is doing, as users are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// Not asked to do anything.
    #[default]
    Idle,
    /// On its way to being accepted for the first time.
    Connecting,
    /// The server takes what is sent.
    Live,
    /// It was live and is going to be again.
    Reconnecting,
    /// Given up.
    Failed,
}

impl State {
    /// As a word for messages and properties.
    pub fn nick(self) -> &'static str {
        match self {
            State::Idle => "idle",
            State::Connecting => "connecting",
            State::Live => "live",
            State::Reconnecting => "reconnecting",
            State::Failed => "failed",
        }
    }
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Open a connection to the address of that number.
    Connect {
        /// 0 is the first address, 1 the backup.
        target: usize,
    },
    /// Close the connection, which counts as failed in that way; [`Link::failed`] need not be
    /// told.
    Disconnect(Failure),
    /// All is lost.
    GiveUp(Failure),
}

enum Phase {
    Idle,
    /// Being opened since.
    Opening(Duration),
    /// Publishing since; the bytes that went out, and when that last grew.
    Publishing {
        since: Duration,
        bytes: u64,
        grown: Duration,
    },
    /// Nothing is open until then.
    Waiting(Duration),
    GivenUp,
}

/// The state machine. Times are those of any one clock that does not jump.
pub struct Link {
    policy: Policy,
    targets: usize,
    target: usize,
    phase: Phase,
    /// Some connection to the present target has lasted.
    has_settled: bool,
    /// When it was last live.
    last_live: Option<Duration>,
    /// Failures in a row.
    failures: u32,
    connections: u64,
    random: u64,
}

impl Link {
    /// For that many addresses, at least one, of which a later one is used when the one before
    /// has failed for good. `seed` makes the waits differ between sinks that fail together.
    pub fn new(policy: Policy, targets: usize, seed: u64) -> Self {
        Self {
            policy,
            targets: targets.max(1),
            target: 0,
            phase: Phase::Idle,
            has_settled: false,
            last_live: None,
            failures: 0,
            connections: 0,
            random: seed,
        }
    }

    /// The user wants it more or less persistent: counts from the next failure on, and at once
    /// for what is being waited for.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// For users.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Idle => State::Idle,
            Phase::GivenUp => State::Failed,
            Phase::Publishing { .. } => State::Live,
            Phase::Opening(_) | Phase::Waiting(_) if self.has_settled => State::Reconnecting,
            Phase::Opening(_) | Phase::Waiting(_) => State::Connecting,
        }
    }

    /// The address in use.
    pub fn target(&self) -> usize {
        self.target
    }

    /// Connections after the first that a server let publish.
    pub fn reconnects(&self) -> u64 {
        self.connections.saturating_sub(1)
    }

    /// Begins.
    pub fn start(&mut self, now: Duration) -> Order {
        self.target = 0;
        self.failures = 0;
        self.has_settled = false;
        self.last_live = None;
        self.connections = 0;
        self.open(now)
    }

    /// Ends.
    pub fn stop(&mut self) {
        self.phase = Phase::Idle;
    }

    fn open(&mut self, now: Duration) -> Order {
        self.phase = Phase::Opening(now);
        Order::Connect {
            target: self.target,
        }
    }

    /// The connection is opened anew by our own will, which is no failure.
    pub fn reopen(&mut self, now: Duration) -> Order {
        self.settle(now);
        self.open(now)
    }

    /// The server lets us publish.
    pub fn published(&mut self, now: Duration) {
        if let Phase::Opening(_) = self.phase {
            self.connections += 1;
            self.phase = Phase::Publishing {
                since: now,
                bytes: 0,
                grown: now,
            };
        }
    }

    /// How many bytes have gone out over this connection, and whether more wait to.
    pub fn progress(&mut self, now: Duration, sent: u64, waits: bool) {
        if let Phase::Publishing { bytes, grown, .. } = &mut self.phase
            && (sent != *bytes || !waits)
        {
            (*bytes, *grown) = (sent, now);
        }
    }

    /// The connection has failed. What to do now, if anything.
    pub fn failed(&mut self, now: Duration, failure: Failure) -> Option<Order> {
        if matches!(self.phase, Phase::Idle | Phase::GivenUp | Phase::Waiting(_)) {
            return None;
        }
        self.settle(now);
        if failure.is_permanent() || self.is_exhausted(now) {
            return Some(self.next_target(now, failure));
        }
        let wait = self.wait();
        self.failures += 1;
        self.phase = Phase::Waiting(now + wait);
        None
    }

    /// Whether no further try is due. What has been live is tried for ever, or for so long.
    fn is_exhausted(&self, now: Duration) -> bool {
        match self.last_live {
            Some(live) if self.has_settled => {
                let limit = self.policy.give_up_after;
                limit.is_some_and(|limit| now.saturating_sub(live) >= limit)
            }
            _ => self
                .policy
                .max_retries
                .is_some_and(|most| self.failures >= most),
        }
    }

    fn next_target(&mut self, now: Duration, failure: Failure) -> Order {
        if self.target + 1 >= self.targets {
            self.phase = Phase::GivenUp;
            return Order::GiveUp(failure);
        }
        self.target += 1;
        self.failures = 0;
        self.has_settled = false;
        self.last_live = None;
        self.open(now)
    }

    /// Half of what the policy allows, and a random part of the other half (exponential back-off
    /// with "equal jitter"): many sinks that lost one server do not come back at once.
    fn wait(&mut self) -> Duration {
        // Beyond that many every wait is the longest.
        let growth = GROWTH.powi(self.failures.min(64) as i32);
        let most = self.policy.base.as_secs_f64() * growth;
        let most = Duration::from_secs_f64(most.min(self.policy.cap.as_secs_f64()));
        // Knuth's 64-bit linear congruential generator (MMIX).
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let share = (self.random >> 40) as f64 / (1u64 << 24) as f64;
        most.mul_f64(0.5 + 0.5 * share)
    }

    /// A connection that has lasted wipes out the failures before it.
    fn settle(&mut self, now: Duration) {
        if let Phase::Publishing { since, .. } = self.phase {
            if now.saturating_sub(since) >= self.policy.settle {
                self.has_settled = true;
                self.failures = 0;
            }
            self.last_live = Some(now);
        }
    }

    /// What is due by now. To be asked at [`wake_at`](Self::wake_at) or more often.
    pub fn due(&mut self, now: Duration) -> Option<Order> {
        self.settle(now);
        let failure = match self.phase {
            Phase::Waiting(until) if now >= until => return Some(self.open(now)),
            Phase::Opening(since) if now >= since + self.policy.connect_timeout => {
                Failure::TimedOut
            }
            Phase::Publishing { grown, .. } if now >= grown + self.policy.stall_timeout => {
                Failure::Stalled
            }
            _ => return None,
        };
        // Who gave up or turned to the backup has no connection to close.
        match self.failed(now, failure) {
            None => Some(Order::Disconnect(failure)),
            order => order,
        }
    }

    /// When something will be due if nothing happens before.
    pub fn wake_at(&self) -> Option<Duration> {
        match self.phase {
            Phase::Idle | Phase::GivenUp => None,
            Phase::Waiting(until) => Some(until),
            Phase::Opening(since) => Some(since + self.policy.connect_timeout),
            Phase::Publishing { grown, .. } => Some(grown + self.policy.stall_timeout),
        }
    }
}

#[cfg(test)]
mod tests;
