// SPDX-License-Identifier: MPL-2.0
//! One connection to the broker, and the channels on it.

use std::sync::{Arc, Mutex, PoisonError};

use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties,
    options::{
        BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    protocol::AMQPSoftError,
    types::FieldTable,
};
use tokio::sync::Notify;

use super::{BrokerError, Settings, error, topology};

/// Channels that are kept open though nobody uses them.
const MOST_IDLE: usize = 64;

/// A connection, until it breaks; then it is replaced by another one.
pub(super) struct Link {
    connection: Connection,
    idle: Mutex<Vec<Channel>>,
    /// Somebody has noticed that a queue is missing.
    pub missing: Notify,
}

/// A channel that one caller has for itself. Given back when all went well; otherwise closed, and
/// what was taken with it goes back to its queue.
pub(super) struct Hand {
    link: Arc<Link>,
    channel: Channel,
}

impl Link {
    /// Connects, and declares what must be there.
    pub async fn open(settings: &Settings) -> Result<Arc<Self>, BrokerError> {
        let name = settings.name.as_str().into();
        let properties = ConnectionProperties::default().with_connection_name(name);
        let connection = Connection::connect_uri(settings.address.uri(), properties).await;
        let link = Arc::new(Self {
            connection: connection.map_err(error::of_connecting)?,
            idle: Mutex::default(),
            missing: Notify::new(),
        });
        link.declare(settings).await?;
        Ok(link)
    }

    /// Declares everything that stays, as far as it is not there.
    pub async fn declare(self: &Arc<Self>, settings: &Settings) -> Result<(), BrokerError> {
        let hand = self.hand().await?;
        declare(&hand.channel, settings).await?;
        hand.back();
        Ok(())
    }

    /// Whether it can be used, as far as is known.
    pub fn is_up(&self) -> bool {
        self.connection.status().connected()
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A channel that confirms what is published.
    pub async fn hand(self: &Arc<Self>) -> Result<Hand, BrokerError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let channel = match idle {
            Some(channel) if channel.status().connected() => channel,
            _ => {
                let channel = self.connection.create_channel().await?;
                channel
                    .confirm_select(ConfirmSelectOptions::default())
                    .await?;
                channel
            }
        };
        let link = self.clone();
        Ok(Hand { link, channel })
    }
}

impl Hand {
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// It may be used for something else.
    pub fn back(self) {
        let mut idle = self
            .link
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE && self.channel.status().connected() {
            idle.push(self.channel.clone());
        }
    }

    /// Sends something; it is there, on disk, when this returns.
    pub async fn publish(
        &self,
        exchange: &str,
        key: &str,
        body: &[u8],
        headers: FieldTable,
    ) -> Result<(), BrokerError> {
        const PERSISTENT: u8 = 2;
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(PERSISTENT)
            .with_headers(headers);
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let (to, by) = (exchange.into(), key.into());
        let sent = self
            .channel
            .basic_publish(to, by, options, body, properties);
        // A channel has one message under way, so that what comes back is that one.
        match sent.await?.await? {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Nack(None) => Err(BrokerError::Full(key.to_owned())),
            Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => {
                self.link.missing.notify_one();
                Err(BrokerError::Unroutable(key.to_owned()))
            }
            Confirmation::NotRequested => Err(BrokerError::Unavailable(
                "it does not confirm what it gets".to_owned(),
            )),
        }
    }

    /// Says what an error means; one that names a missing queue has it declared anew.
    pub fn explain(&self, error: lapin::Error) -> BrokerError {
        if error::is_soft(&error, AMQPSoftError::NOTFOUND) {
            self.link.missing.notify_one();
        }
        error.into()
    }
}

async fn declare(channel: &Channel, settings: &Settings) -> Result<(), BrokerError> {
    let names = topology::Names::new(settings);
    for exchange in topology::exchanges(&names) {
        let options = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let name = exchange.name.as_str();
        let made = channel.exchange_declare(
            name.into(),
            exchange.kind.clone(),
            options,
            FieldTable::default(),
        );
        made.await
            .map_err(|error| error::of_declaring(name, error))?;
    }
    for queue in topology::queues(settings) {
        let options = QueueDeclareOptions::durable();
        let name = queue.name.as_str();
        let made = channel.queue_declare(name.into(), options, queue.arguments);
        made.await
            .map_err(|error| error::of_declaring(name, error))?;
        if let Some((exchange, key)) = queue.bound {
            let (options, none) = (QueueBindOptions::default(), FieldTable::default());
            let exchange = exchange.as_str().into();
            channel
                .queue_bind(name.into(), exchange, key.into(), options, none)
                .await?;
        }
    }
    Ok(())
}
