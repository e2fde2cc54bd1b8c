// SPDX-License-Identifier: MPL-2.0
//! Looks for the face in a picture before a job is given: in a process that can do no harm.

use std::{ffi::OsString, path::Path, time::Duration};

use super::{
    App,
    problem::{Fault, Problem},
    sniff::Kind,
    submit::Known,
    upload,
};
use crate::{
    face::Seen,
    job::{Digest, Owner},
    leftovers,
    work::{Child, Ended, Limits},
};

/// Processes at once.
pub const AT_ONCE: usize = 2;
/// How long a turn is waited for.
const TURN: Duration = Duration::from_secs(10);
/// What looking may take. The predictor alone is 100 MB, a picture of 50 megapixels four times its
/// 200 MB while it is put upright and searched.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(10),
    memory: 1 << 30,
};

impl App {
    /// What is seen in a picture that has come in.
    ///
    /// # Errors
    /// It cannot be looked at; `field` is where it came from.
    pub async fn look(&self, picture: &Path, field: &str) -> Result<Seen, Problem> {
        let (limits, file) = (self.settings.limits.clone(), picture.to_owned());
        let name = field.to_owned();
        let sized = tokio::task::spawn_blocking(move || upload::check_size(&file, &name, &limits));
        sized
            .await
            .unwrap_or_else(|_| Err(unreadable(field, "save it anew")))?;
        let turn = tokio::time::timeout(TURN, self.lookers.acquire()).await;
        let _turn =
            turn.map_err(|_| Problem::unavailable("many pictures are being looked at; try again"))?;
        let folder = self.looking_folder()?;
        let child = Child {
            program: self.settings.program.clone(),
            arguments: vec!["look".into(), "--portrait".into(), OsString::from(picture)],
            folder: folder.path().to_owned(),
            environment: vec![leftovers::landmarks_kept(&self.settings.scratch)],
            group: None,
            limits: LIMITS,
        };
        let ended = child.ask(|_| {}, std::future::pending()).await;
        let ended = ended.map_err(|error| away(&error.to_string()))?;
        told(ended, field)
    }

    /// What is seen in an upload.
    ///
    /// # Errors
    /// There is none, or it cannot be looked at.
    pub async fn look_at_upload(
        &self,
        owner: &Owner,
        digest: &Digest,
        field: &str,
    ) -> Result<Seen, Problem> {
        let folder = self.looking_folder()?;
        let file = folder.path().join("portrait");
        let mut known = Known::new();
        self.look_up(owner, digest, Kind::Picture, field, &mut known)
            .await?;
        if !self.store.fetch_blob(owner, digest, &file).await? {
            // It has just gone.
            return Err(Problem::not_found("upload"));
        }
        self.look(&file, field).await
    }

    fn looking_folder(&self) -> Result<tempfile::TempDir, Problem> {
        tempfile::Builder::new()
            .prefix(leftovers::FACE)
            .tempdir_in(&self.settings.scratch)
            .map_err(upload::no_room)
    }
}

fn unreadable(field: &str, cure: &str) -> Problem {
    let what = format!("the picture cannot be looked at; {cure}");
    Problem::faults(vec![Fault::new(field, what)])
}

fn away(what: &str) -> Problem {
    tracing::error!(what, "nobody looks for faces");
    Problem::unavailable("faces cannot be looked for at the moment; try again in a while")
}

fn told(ended: Ended<Seen>, field: &str) -> Result<Seen, Problem> {
    match ended {
        Ended::Done(seen) => Ok(seen),
        Ended::Failed {
            reason,
            passing: false,
        } => Err(Problem::faults(vec![Fault::new(field, reason)])),
        Ended::Failed {
            reason,
            passing: true,
        } => Err(away(&reason)),
        // A machine with much to do may be to blame, and the picture as well.
        Ended::TooLong => Err(Problem::unavailable(
            "to look at the picture took too long; try again, or scale it down",
        )),
        Ended::TooMuchMemory => Err(unreadable(field, "scale it down")),
        Ended::Cancelled => Err(away("it was cancelled")),
        Ended::Crashed { by, complaints } => {
            tracing::error!(by, complaints, "who looked at a picture crashed");
            Err(unreadable(field, "save it anew"))
        }
    }
}
