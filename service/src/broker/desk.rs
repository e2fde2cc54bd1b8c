// SPDX-License-Identifier: MPL-2.0
//! The broker as the rest of the service sees it.

use std::sync::Weak;

use tokio::sync::mpsc;

use super::{Broker, BrokerError, Inner, Stage, Taken};
use crate::{
    job::{Report, Ticket},
    post::Post,
    work::{self, Source, Verdict},
};

impl Post for Broker {
    type Error = BrokerError;

    async fn publish(&self, ticket: &Ticket) -> Result<(), BrokerError> {
        Broker::publish(self, ticket).await
    }

    fn tell(&self, report: Report) {
        // Who tells faster than the broker takes is not heard in full.
        let _ = self.inner.to_tell.try_send(report);
    }

    async fn lives(&self, worker: &str) -> bool {
        self.is_present(worker).await.unwrap_or(true)
    }
}

/// Tells one report after the other, so that they arrive in order.
pub(super) async fn tell_all(mut to_tell: mpsc::Receiver<Report>, broker: Weak<Inner>) {
    while let Some(report) = to_tell.recv().await {
        let Some(inner) = broker.upgrade() else {
            return;
        };
        Broker { inner }.tell(&report).await;
    }
}

impl Source for Broker {
    type Taken = Taken;

    async fn take(&self) -> Result<Option<Taken>, String> {
        Broker::take(self).await.map_err(|error| error.to_string())
    }
}

impl work::Taken for Taken {
    fn ticket(&self) -> Result<Ticket, String> {
        self.ticket.clone().map_err(|what| what.to_string())
    }

    async fn settle(self, verdict: Verdict) {
        let tried = self.ticket.as_ref().map_or(0, |ticket| ticket.tried);
        let settled = match verdict {
            Verdict::Done => self.done().await,
            Verdict::Dead(reason) => self.dead(&reason).await,
            Verdict::Retry(reason) => match Stage::after(tried) {
                Some(stage) => self.retry(stage, &reason).await,
                None => self.dead(&reason).await,
            },
        };
        if let Err(error) = settled {
            tracing::warn!("a ticket comes again: {error}");
        }
    }

    async fn back(self) {
        if let Err(error) = Taken::back(self).await {
            tracing::warn!("a ticket comes again: {error}");
        }
    }
}
