// SPDX-License-Identifier: MPL-2.0
//! The broker as the rest of the service sees it.

use std::sync::Weak;

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::BoxStream};
use tokio::sync::mpsc;

use super::{Broker, Inner, Stage, Taken};
use crate::{
    job::{Report, Ticket},
    post::{Away, Depths, Post},
    work::{self, Source, Verdict},
};

impl Post for Broker {
    fn publish<'a>(&'a self, ticket: &'a Ticket) -> BoxFuture<'a, Result<(), Away>> {
        let publish = Broker::publish(self, ticket);
        async move { publish.await.map_err(|error| error.to_string()) }.boxed()
    }

    fn tell(&self, report: Report) {
        // Who tells faster than the broker takes is not heard in full.
        let _ = self.inner.to_tell.try_send(report);
    }

    fn lives<'a>(&'a self, worker: &'a str) -> BoxFuture<'a, bool> {
        async move { self.is_present(worker).await.unwrap_or(true) }.boxed()
    }

    fn listen(&self) -> BoxFuture<'_, Result<BoxStream<'static, Report>, Away>> {
        async move { Ok(Broker::listen(self).await.boxed()) }.boxed()
    }

    fn depths(&self) -> BoxFuture<'_, Result<Depths, Away>> {
        async move {
            let depths = Broker::depths(self).await;
            let depths = depths.map_err(|error| error.to_string())?;
            Ok(Depths {
                of: depths.jobs.into_iter().collect(),
                delayed: depths.delayed.iter().map(|(_, tickets)| tickets).sum(),
                dead: depths.dead,
            })
        }
        .boxed()
    }
}

/// Tells one report after the other, so that they arrive in order.
pub(super) async fn tell_all(mut to_tell: mpsc::Receiver<Report>, broker: Weak<Inner>) {
    while let Some(report) = to_tell.recv().await {
        let Some(inner) = broker.upgrade() else {
            return;
        };
        Broker::tell(&Broker { inner }, &report).await;
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
                Some(stage) => {
                    self.tell_of_retry(stage, &reason);
                    self.retry(stage, &reason).await
                }
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
