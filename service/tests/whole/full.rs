// SPDX-License-Identifier: MPL-2.0
//! What becomes of jobs while a disk is full: disks of the test's own, of a few megabytes.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    parts::{LONG, RABBIT, Whole, run},
    servers::left_out,
};

/// Disks in memory that only those see who are within; they go when this goes, however it does.
struct Disks {
    keeper: Child,
}

impl Disks {
    /// One of so many kilobytes at each folder; `None`, with a printed line, where nobody may.
    fn mount(disks: &[(&Path, u32)]) -> Option<Self> {
        let mut script = "set -e".to_owned();
        for (folder, kilobytes) in disks {
            let folder = folder.display();
            script += &format!("; mount -t tmpfs -o size={kilobytes}k disk {folder}");
        }
        // What it reads ends with this process.
        script += "; echo ready; cat";
        let mut keeper = Command::new("unshare")
            .args(["--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut said = String::new();
        let answers = keeper.stdout.take().expect("a pipe");
        BufReader::new(answers).read_line(&mut said).expect("read");
        let disks = Self { keeper };
        if said != "ready\n" {
            left_out("disks of a test's own need root, and unshare and mount");
            return None;
        }
        Some(disks)
    }

    /// A folder there as this process sees it.
    fn seen(&self, folder: &Path) -> PathBuf {
        let pid = self.keeper.id();
        format!("/proc/{pid}/root{}", folder.display()).into()
    }

    /// Fills a disk, but for so many kilobytes.
    fn fill(&self, folder: &Path, but_kilobytes: usize) {
        let kilobyte = [0; 1024];
        let (filler, left) = (
            self.seen(folder).join("filler"),
            self.seen(folder).join("left"),
        );
        fs::write(&left, vec![0; but_kilobytes * 1024]).expect("there is room");
        let mut file = fs::File::create(filler).expect("a file");
        while file.write_all(&kilobyte).is_ok() {}
        fs::remove_file(left).expect("it was there");
    }

    /// Makes room again.
    fn empty(&self, folder: &Path) {
        fs::remove_file(self.seen(folder).join("filler")).expect("it was there");
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        // Its input ends first.
        let _ = self.keeper.wait();
    }
}

fn log(file: &Path) -> String {
    let mut text = String::new();
    let mut log = fs::File::open(file).expect("a log");
    log.read_to_string(&mut text).expect("text");
    text
}

#[test]
fn a_full_disk_is_told_and_jobs_are_done_once_there_is_room() {
    let Some(rabbit) = RABBIT.as_ref() else {
        return;
    };
    run(|folder| async move {
        let (scratch, store) = (folder.join("scratch"), folder.join("store"));
        for disk in [&scratch, &store] {
            fs::create_dir(disk).expect("a folder");
        }
        let Some(disks) = Disks::mount(&[(&scratch, 4096), (&store, 4096)]) else {
            return;
        };
        let rabbit = rabbit.read().await;
        let mut whole = Whole::new(&rabbit, &folder);
        whole.within = Some(disks.keeper.id());
        let api = whole.api();
        whole.set("SONICD_SCRATCH", &scratch.display().to_string());
        let mut worker = whole.worker();
        whole.ready().await;
        let job = whole.submit("All is well.").await;
        whole.done(&job).await;

        // Where the worker puts its files there is no room.
        disks.fill(&scratch, 0);
        let job = whole.submit("There is no room to work.").await;
        let told = whole.until(&job, &["retrying", "failed", "done"]).await;
        assert_eq!(told["state"], "retrying", "{told}");
        let reason = told["reason"].as_str().expect("a reason");
        assert!(reason.contains("No space left"), "{reason}");
        assert!(!reason.contains('/'), "no names of folders: {reason}");
        disks.empty(&scratch);
        whole.done(&job).await;

        // There is room for records, and none for a result.
        let job = whole.submit(&LONG.repeat(8)).await;
        whole.until(&job, &["rendering"]).await;
        disks.fill(&store, 8);
        while !log(&worker.log).contains("No space left") {
            whole.wait("the result cannot be stored").await;
        }
        disks.empty(&store);
        whole.done(&job).await;

        // There is none at all: nothing is taken on that could be lost.
        disks.fill(&store, 0);
        let refused = whole.give("There is no room for me.").await;
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key("retry-after"));
        let problem = refused.text().await.expect("all of it");
        assert!(problem.contains("disk is full"), "{problem}");
        disks.empty(&store);
        let job = whole.submit("Now there is.").await;
        whole.done(&job).await;
        assert!(worker.lives());
        worker.end();
        api.end();
    });
}
