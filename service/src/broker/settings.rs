// SPDX-License-Identifier: MPL-2.0
//! Where the broker is, and how it is used.

use std::{fmt, ops::RangeInclusive, time::Duration};

use lapin::uri::AMQPUri;

use super::{BrokerError, Stage, stage::STAGES, turns::CLASSES};

/// The environment's name for the broker's address.
pub const URL: &str = "SONICD_AMQP_URL";
/// The environment's name for what names of queues begin with.
pub const PREFIX: &str = "SONICD_AMQP_PREFIX";
/// The environment's name for the broker's `consumer_timeout`, ms.
pub const CONSUMER_TIMEOUT: &str = "SONICD_AMQP_CONSUMER_TIMEOUT_MS";

const DEFAULT_URL: &str = "amqp://127.0.0.1:5672/%2f";
/// A side that hears nothing for twice as long takes the other for gone, s.
const HEARTBEAT_S: u16 = 20;
/// An attempt to reach the broker takes no longer, ms.
const CONNECTING_MS: u64 = 5000;
const WEIGHTS: RangeInclusive<u32> = 1..=1000;
/// What RabbitMQ 3.10 takes a message back after that nobody has acknowledged.
const DEFAULT_CONSUMER_TIMEOUT: Duration = Duration::from_millis(1_800_000);
/// The broker accepts no longer times to live.
const LONGEST_DELAY: Duration = Duration::from_millis(u32::MAX as u64);

/// The broker's address. What is shown of it has no password.
#[derive(Clone)]
pub struct Address(AMQPUri);

impl Address {
    /// Reads `amqp://user:password@host:port/vhost`, or `amqps://…`.
    ///
    /// # Errors
    /// It is none. The text is not repeated, for there may be a password in it.
    pub fn parse(text: &str) -> Result<Self, BrokerError> {
        let mut uri: AMQPUri = text.parse().map_err(|_| {
            BrokerError::Settings(format!(
                "{URL} is no address such as amqp://user:password@host:5672/%2f"
            ))
        })?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        uri.query.connection_timeout.get_or_insert(CONNECTING_MS);
        Ok(Self(uri))
    }

    pub(super) fn uri(&self) -> AMQPUri {
        self.0.clone()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = &self.0;
        let (host, port) = (&uri.authority.host, uri.authority.port);
        write!(f, "{}://{host}:{port} ({})", uri.scheme, uri.vhost)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How the broker is used.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is.
    pub address: Address,
    /// What the names of queues and exchanges begin with: 1 to 64 of a–z, 0–9, `-` and `_`.
    pub prefix: String,
    /// Who this is, in histories and in the broker's list of connections.
    pub name: String,
    /// Shares of the classes, in the order of [`crate::job::Class::ALL`]: 1 to 1000 each.
    pub weights: [u32; CLASSES],
    /// How long each [`Stage`] is: 1 ms to 49 days.
    pub delays: [Duration; STAGES],
    /// No call waits longer for the broker.
    pub limit: Duration,
    /// The broker takes a message back that nobody has acknowledged for so long. It does not tell,
    /// so this must be what its configuration says under `consumer_timeout`.
    pub consumer_timeout: Duration,
}

impl Settings {
    /// The defaults, for a broker at this address.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            prefix: "sonic".to_owned(),
            name: format!("sonicd-{}", std::process::id()),
            weights: [8, 4, 1],
            delays: [10, 60, 600].map(Duration::from_secs),
            limit: Duration::from_secs(5),
            consumer_timeout: DEFAULT_CONSUMER_TIMEOUT,
        }
    }

    /// What the environment says, and else the defaults.
    ///
    /// # Errors
    /// What it says is of no use.
    pub fn from_environment() -> Result<Self, BrokerError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, BrokerError> {
        let url = variable(URL).unwrap_or_else(|| DEFAULT_URL.to_owned());
        let mut settings = Self::new(Address::parse(&url)?);
        if let Some(prefix) = variable(PREFIX) {
            settings.prefix = prefix;
        }
        if let Some(text) = variable(CONSUMER_TIMEOUT) {
            let ms = text.parse().ok().filter(|ms| *ms > 0);
            let ms = ms.ok_or_else(|| {
                BrokerError::Settings(format!("{CONSUMER_TIMEOUT}: expected whole milliseconds"))
            })?;
            settings.consumer_timeout = Duration::from_millis(ms);
        }
        settings.check()?;
        Ok(settings)
    }

    /// # Errors
    /// Which setting is out of its range.
    pub fn check(&self) -> Result<(), BrokerError> {
        let refuse = |what: &str| Err(BrokerError::Settings(what.to_owned()));
        let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !(1..=64).contains(&self.prefix.len()) || !self.prefix.bytes().all(plain) {
            return refuse("the prefix of the queues must be 1 to 64 of a-z, 0-9, - and _");
        }
        if !self.weights.iter().all(|weight| WEIGHTS.contains(weight)) {
            return refuse("the weight of a class must be from 1 to 1000");
        }
        let whole = |delay: &Duration| delay.as_millis() > 0 && *delay <= LONGEST_DELAY;
        if !self.delays.iter().all(whole) {
            return refuse("the delays of retries must be from 1 ms to 49 days");
        }
        if self.delays.windows(2).any(|pair| pair[0] >= pair[1]) {
            return refuse("each delay of retries must be longer than the one before");
        }
        if self.limit.is_zero() {
            return refuse("the time that the broker is waited for must be more than 0");
        }
        Ok(())
    }

    /// How long a stage is.
    #[must_use]
    pub fn delay(&self, stage: Stage) -> Duration {
        self.delays[stage as usize]
    }

    /// After so many milliseconds the broker takes back what nobody has acknowledged.
    #[must_use]
    pub fn consumer_timeout_ms(&self) -> u64 {
        u64::try_from(self.consumer_timeout.as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether the broker leaves a job to its worker for as long as it may take.
    ///
    /// # Errors
    /// It does not: a job would be given to a second worker while the first one renders it.
    pub fn check_job_limit(&self, longest: Duration) -> Result<(), BrokerError> {
        if longest < self.consumer_timeout {
            return Ok(());
        }
        let (job, timeout) = (longest.as_secs(), self.consumer_timeout.as_secs());
        Err(BrokerError::Settings(format!(
            "a job may take {job} s, but the broker takes it back after {timeout} s: allow jobs \
             less, or raise consumer_timeout in rabbitmq.conf and say so in {CONSUMER_TIMEOUT}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Settings {
        Settings::new(Address::parse(url).expect("an address"))
    }

    #[test]
    fn a_password_is_never_shown() {
        let settings = settings("amqp://somebody:hunter2@example.org:5673/%2f");
        let shown = format!("{settings:?} {settings:#?} {}", settings.address);
        assert!(shown.contains("example.org:5673"), "{shown}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("somebody"),
            "{shown}"
        );
        let error = Address::parse("amqp//me:hunter2@example.org").expect_err("no address");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn the_environment_is_read() {
        let read = |known: &[(&str, &str)]| {
            let known = known.to_owned();
            let find = |name: &str| known.iter().find(|(n, _)| *n == name);
            Settings::from_variables(|name| find(name).map(|(_, value)| (*value).to_owned()))
        };
        let settings = read(&[]).expect("the defaults");
        assert_eq!(settings.address.to_string(), "amqp://127.0.0.1:5672 (/)");
        assert_eq!(settings.consumer_timeout_ms(), 1_800_000);
        let settings = read(&[
            (URL, "amqps://h/v"),
            (PREFIX, "a"),
            (CONSUMER_TIMEOUT, "5000"),
        ]);
        let settings = settings.expect("good ones");
        assert_eq!(settings.address.to_string(), "amqps://h:5671 (v)");
        assert_eq!(
            (settings.prefix.as_str(), settings.consumer_timeout_ms()),
            ("a", 5000)
        );
        for (name, value) in [
            (URL, "http://example.org"),
            (PREFIX, "a.b"),
            (PREFIX, ""),
            (CONSUMER_TIMEOUT, "0"),
            (CONSUMER_TIMEOUT, "30 min"),
        ] {
            assert!(read(&[(name, value)]).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn each_bad_setting_is_refused() {
        let good = settings(DEFAULT_URL);
        assert_eq!(good.check(), Ok(()));
        let ms = Duration::from_millis;
        let bad = |change: fn(&mut Settings)| {
            let mut settings = good.clone();
            change(&mut settings);
            settings.check().expect_err("it is bad").to_string()
        };
        assert!(bad(|s| s.weights = [8, 0, 1]).contains("weight"));
        assert!(bad(|s| s.limit = Duration::ZERO).contains("more than 0"));
        assert!(bad(|s| s.delays[0] = Duration::from_micros(10)).contains("1 ms"));
        assert!(bad(|s| s.delays = [Duration::from_secs(9); 3]).contains("longer"));
        assert_eq!(good.delay(Stage::Middle), ms(60_000));
    }

    #[test]
    fn a_job_that_outlasts_the_brokers_patience_is_refused() {
        let settings = settings(DEFAULT_URL);
        assert_eq!(settings.check_job_limit(Duration::from_secs(1799)), Ok(()));
        let error = settings.check_job_limit(Duration::from_secs(1800));
        let error = error.expect_err("too long").to_string();
        assert!(
            error.contains("1800 s") && error.contains("consumer_timeout"),
            "{error}"
        );
    }
}
