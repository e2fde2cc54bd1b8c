// SPDX-License-Identifier: MPL-2.0
//! RabbitMQ, as the API uses it.

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::BoxStream};

use super::post::{Away, Depths, Post};
use crate::{
    broker::Broker,
    job::{Report, Ticket},
};

impl Post for Broker {
    fn publish<'a>(&'a self, ticket: &'a Ticket) -> BoxFuture<'a, Result<(), Away>> {
        let publish = self.publish(ticket);
        async move { publish.await.map_err(|error| error.to_string()) }.boxed()
    }

    fn tell<'a>(&'a self, report: &'a Report) -> BoxFuture<'a, Result<(), Away>> {
        let tell = self.tell(report);
        async move {
            tell.await;
            Ok(())
        }
        .boxed()
    }

    fn listen(&self) -> BoxFuture<'_, Result<BoxStream<'static, Report>, Away>> {
        let listen = self.listen();
        async move { Ok(listen.await.boxed()) }.boxed()
    }

    fn depths(&self) -> BoxFuture<'_, Result<Depths, Away>> {
        let depths = self.depths();
        async move {
            let depths = depths.await.map_err(|error| error.to_string())?;
            Ok(Depths {
                of: depths.jobs.into_iter().collect(),
                delayed: depths.delayed.iter().map(|(_, tickets)| tickets).sum(),
            })
        }
        .boxed()
    }
}
