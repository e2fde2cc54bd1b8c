// SPDX-License-Identifier: MPL-2.0
//! Reports of jobs: told to everybody who listens, and kept by nobody.

use futures_util::{Stream, stream};
use lapin::{BasicProperties, options::BasicPublishOptions};
use tokio::sync::broadcast::error::RecvError;

use super::{
    Broker, BrokerError,
    keeper::{State, Wish},
    message,
};
use crate::job::Report;

impl Broker {
    /// Tells a report, if the broker is there just now. It is not known whether anybody hears it.
    pub async fn tell(&self, report: &Report) {
        let link = match &*self.inner.state.borrow() {
            State::Up(link) if link.is_up() => link.clone(),
            _ => return,
        };
        let told = async {
            let hand = link.hand().await?;
            let key = format!("{}.{}", report.owner, report.id).into();
            let (options, none) = (BasicPublishOptions::default(), BasicProperties::default());
            let body = message::json(report);
            let news = self.names().news().into();
            let sent = hand
                .channel()
                .basic_publish(news, key, options, &body, none)
                .await?;
            sent.await?;
            hand.back();
            Ok::<_, BrokerError>(())
        };
        if let Err(error) = self.limited(told).await {
            tracing::debug!(job = %report.id, "not told: {error}");
        }
    }

    /// What is told from now on, by whomever. Reports are missed while the broker is away, or if
    /// they are not taken from the stream for long: who must know looks at the records.
    pub async fn listen(&self) -> impl Stream<Item = Report> + Send + Unpin + use<> {
        let heard = self.inner.reports.subscribe();
        if let Err(error) = self.wish(Wish::Listen).await {
            tracing::warn!("reports will be heard later: {error}");
        }
        Box::pin(stream::unfold(heard, |mut heard| async move {
            loop {
                match heard.recv().await {
                    Ok(report) => return Some((report, heard)),
                    Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "reports were missed"),
                    Err(RecvError::Closed) => return None,
                }
            }
        }))
    }
}
