// SPDX-License-Identifier: MPL-2.0
//! `sonicd queue`: what operators ask of the broker, and do to it.

use std::fmt::Write as _;

use lexopt::prelude::*;
use serde_json::{Value as Json, json};
use sonicd::{
    broker::{Broker, Dead, Depths, Settings},
    job::JobId,
};

/// Dead tickets that are shown if nothing else is said.
const SHOWN: usize = 100;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Shows how many wait, and where.
    Stats,
    /// Shows at most so many of the dead.
    Dead(usize),
    /// Gives the dead back to their queues: these, or all.
    Requeue(Option<Vec<JobId>>),
    /// Takes everything away that waits in a queue.
    Purge(String),
}

/// A command, and whether it answers in JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    command: Command,
    json: bool,
}

/// Reads what follows `queue`.
///
/// # Errors
/// What is wrong with it.
pub fn parse(parser: &mut lexopt::Parser) -> Result<Option<Queue>, lexopt::Error> {
    const COMMANDS: &str = "queue: stats, dead, requeue or purge? See --help";
    let (mut words, mut all, mut yes, mut json) = (Vec::new(), false, false, false);
    let mut most = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("json") => json = true,
            Long("all") => all = true,
            Long("yes") => yes = true,
            Long("most") => most = Some(parser.value()?.parse()?),
            Value(word) => words.push(word.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    let mut words = words.into_iter();
    let word = words.next().ok_or(COMMANDS)?;
    let rest: Vec<_> = words.collect();
    let command = match (word.as_str(), rest.as_slice()) {
        ("stats", []) => Command::Stats,
        ("dead", []) => Command::Dead(most.unwrap_or(SHOWN)),
        ("requeue", []) if all => Command::Requeue(None),
        ("requeue", [_, ..]) if !all => {
            let ids = rest.iter().map(|id| id.parse());
            let ids: Result<_, _> = ids.collect();
            Command::Requeue(Some(
                ids.map_err(|error| format!("queue requeue: {error}"))?,
            ))
        }
        ("requeue", _) => return Err("queue requeue: which jobs? Their names, or --all".into()),
        ("purge", [queue]) if yes => Command::Purge(queue.clone()),
        ("purge", [queue]) => {
            let why = format!("queue purge {queue}: what waits there is lost; add --yes to do it");
            return Err(why.into());
        }
        ("purge", _) => {
            return Err("queue purge: which queue? sonicd queue stats lists them".into());
        }
        _ => return Err(COMMANDS.into()),
    };
    let foreign = (all && !matches!(command, Command::Requeue(_)))
        || (yes && !matches!(command, Command::Purge(_)))
        || (most.is_some() && !matches!(command, Command::Dead(_)));
    if foreign {
        return Err(
            format!("queue {word} has no use for --all, --yes or --most; see --help").into(),
        );
    }
    Ok(Some(Queue { command, json }))
}

/// Does it; what is to be printed.
///
/// # Errors
/// A sentence.
pub fn run(queue: &Queue) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| format!("no thread can be started: {error}"))?;
    let done = async {
        let broker = Broker::connect(Settings::from_environment()?).await?;
        answer(&broker, queue).await
    };
    runtime.block_on(done).map_err(|error| error.to_string())
}

async fn answer(broker: &Broker, queue: &Queue) -> Result<String, sonicd::broker::BrokerError> {
    let (text, data) = match &queue.command {
        Command::Stats => stats(broker, &broker.depths().await?),
        Command::Dead(most) => dead(&broker.dead(*most).await?),
        Command::Requeue(ids) => {
            let wanted = |id: &JobId| ids.as_ref().is_none_or(|ids| ids.contains(id));
            let done = broker.requeue(wanted).await?;
            let text = format!("{} given back, {} left\n", done.back, done.left);
            (text, json!({"requeued": done.back, "left": done.left}))
        }
        Command::Purge(queue) => {
            let gone = broker.purge(queue).await?;
            (format!("{gone} taken away\n"), json!({"purged": gone}))
        }
    };
    Ok(if queue.json {
        format!("{data}\n")
    } else {
        text
    })
}

fn stats(broker: &Broker, depths: &Depths) -> (String, Json) {
    let names = broker.names();
    let jobs = depths
        .jobs
        .iter()
        .map(|(class, waiting)| (names.class(*class), *waiting));
    let delayed = depths
        .delayed
        .iter()
        .map(|(stage, waiting)| (names.stage(*stage), *waiting));
    let all: Vec<_> = jobs
        .chain(delayed)
        .chain([(names.dead(), depths.dead)])
        .collect();
    let width = all.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, waiting) in &all {
        let _ = writeln!(text, "{name:width$}  {waiting}");
    }
    let data: serde_json::Map<_, _> = all.into_iter().map(|(name, n)| (name, n.into())).collect();
    (text, Json::Object(data))
}

fn dead(dead: &[Dead]) -> (String, Json) {
    let mut text = String::new();
    let mut data = Vec::new();
    for Dead {
        ticket,
        reason,
        history,
    } in dead
    {
        // What comes from outside must not move the cursor of who reads it.
        let plain: String = reason
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        match ticket {
            Ok(ticket) => {
                let (id, owner, class) = (&ticket.id, &ticket.owner, ticket.class.name());
                let _ = writeln!(text, "{id}  {owner}  {class}  {plain}");
            }
            Err(what) => {
                let _ = writeln!(text, "(unreadable: {what})  {plain}");
            }
        }
        let unreadable = ticket.as_ref().err().map(ToString::to_string);
        data.push(json!({
            "ticket": ticket.as_ref().ok(),
            "unreadable": unreadable,
            "reason": reason,
            "history": history,
        }));
    }
    if dead.is_empty() {
        text.push_str("none\n");
    }
    (text, Json::Array(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Queue>, String> {
        let words = ["sonicd"].into_iter().chain(line.split_whitespace());
        let mut parser = lexopt::Parser::from_iter(words);
        parse(&mut parser).map_err(|error| error.to_string())
    }

    fn queue(command: Command, json: bool) -> Result<Option<Queue>, String> {
        Ok(Some(Queue { command, json }))
    }

    #[test]
    fn each_command_is_read() {
        let id = JobId::new(1, 1);
        assert_eq!(parsed("stats"), queue(Command::Stats, false));
        assert_eq!(parsed("--json stats"), queue(Command::Stats, true));
        assert_eq!(parsed("dead --most 7"), queue(Command::Dead(7), false));
        assert_eq!(
            parsed("requeue --all"),
            queue(Command::Requeue(None), false)
        );
        let one = Command::Requeue(Some(vec![id.clone()]));
        assert_eq!(parsed(&format!("requeue {id} --json")), queue(one, true));
        assert_eq!(
            parsed("purge bulk --yes"),
            queue(Command::Purge("bulk".to_owned()), false)
        );
        assert_eq!(parsed("stats --help"), Ok(None));
    }

    #[test]
    fn each_mistake_is_named() {
        for (line, word) in [
            ("", "stats, dead"),
            ("stat", "stats, dead"),
            ("stats now", "stats, dead"),
            ("requeue", "--all"),
            ("requeue 7", "28 hexadecimal"),
            ("requeue 7 --all", "--all"),
            ("purge", "which queue"),
            ("purge bulk", "--yes"),
            ("stats --yes", "no use"),
            ("stats --most 3", "no use"),
            ("dead --most some", "some"),
            ("dead --loud", "--loud"),
        ] {
            let error = parsed(line).expect_err(line);
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}
