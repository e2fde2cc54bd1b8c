// SPDX-License-Identifier: MPL-2.0
//! A job's memory, held by the kernel: a control group (version 2) for each, where the worker's own
//! group was given to it to divide, as systemd does by `Delegate=memory`.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

/// Where the worker itself goes: a group that is divided holds no processes.
const OWN: &str = "worker";
/// How often a group of before is tried to be taken away whose processes are ending, and how long
/// lies between.
const TRIES: (u32, Duration) = (50, Duration::from_millis(20));

/// The worker's group, divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    folder: PathBuf,
}

impl Groups {
    /// Divides this process's group, if it may; the log says why it may not.
    pub fn begin() -> Option<Self> {
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        let found = folder(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"));
        let begun = found
            .ok_or_else(|| "there are no control groups of version 2".to_owned())
            .and_then(|folder| Self::divide(folder, std::process::id()));
        match begun {
            Ok(groups) => {
                tracing::info!(folder = %groups.folder.display(), "control groups hold the memory");
                Some(groups)
            }
            Err(why) => {
                tracing::info!(why, "memory is watched, not held: no control groups");
                None
            }
        }
    }

    fn divide(folder: PathBuf, process: u32) -> Result<Self, String> {
        let read = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
        if !read("cgroup.controllers")
            .split_whitespace()
            .any(|name| name == "memory")
        {
            return Err("the group was given no memory to divide".to_owned());
        }
        // Whoever else is in it is not ours to move.
        if read("cgroup.procs")
            .lines()
            .any(|line| line != process.to_string())
        {
            return Err("the group holds other processes".to_owned());
        }
        let divided = || {
            let own = folder.join(OWN);
            if !own.is_dir() {
                fs::create_dir(&own)?;
            }
            fs::write(own.join("cgroup.procs"), process.to_string())?;
            fs::write(folder.join("cgroup.subtree_control"), "+memory")
        };
        divided().map_err(|error: io::Error| error.to_string())?;
        Ok(Self { folder })
    }

    /// Where the group of a slot's job is, one at a time.
    pub fn of_slot(&self, slot: usize) -> PathBuf {
        self.folder.join(format!("slot-{slot}"))
    }
}

/// Where the group of a process lies, from its files in `/proc`.
fn folder(groups: &str, mounts: &str) -> Option<PathBuf> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    // Root and place of the mount are the fourth and the fifth, the kind follows a dash.
    let (root, place) = mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut words = mount.split(' ').skip(3);
        let is_it = kind.split(' ').next() == Some("cgroup2");
        is_it.then_some((words.next()?, words.next()?))
    })?;
    let below = own.strip_prefix(root.trim_end_matches('/'))?;
    Some(Path::new(place).join(below.trim_start_matches('/')))
}

/// The group of one job. What is in it ends with it.
#[derive(Debug)]
pub struct Group {
    folder: PathBuf,
}

impl Group {
    /// Makes one anew, which holds what enters it to so many bytes.
    ///
    /// # Errors
    /// The kernel does not let it: what it says.
    pub async fn make(folder: &Path, memory: u64) -> io::Result<Self> {
        let mut left = TRIES.0;
        while let Err(error) = remove(folder) {
            if left == 0 {
                return Err(error);
            }
            left -= 1;
            tokio::time::sleep(TRIES.1).await;
        }
        fs::create_dir(folder)?;
        let group = Self {
            folder: folder.to_owned(),
        };
        group.set("memory.max", &memory.to_string())?;
        // All of them end together, not the one that asked last.
        group.set("memory.oom.group", "1")?;
        // Where the kernel keeps no account of swap there is no such file.
        let _ = group.set("memory.swap.max", "0");
        Ok(group)
    }

    fn set(&self, name: &str, value: &str) -> io::Result<()> {
        fs::write(self.folder.join(name), value)
    }

    /// Whether it was ended for the memory that it took.
    pub fn ran_out(&self) -> bool {
        let events = fs::read_to_string(self.folder.join("memory.events"));
        events.is_ok_and(|events| killed(&events) > 0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What is still ending is taken away before the slot's next job.
        let _ = remove(&self.folder);
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    // Older kernels have no such file; the job's processes were ended by their group anyway.
    let kill = fs::OpenOptions::new()
        .write(true)
        .open(folder.join("cgroup.kill"));
    let _ = kill.and_then(|mut kill| kill.write_all(b"1"));
    fs::remove_dir(folder)
}

/// Processes that were ended for want of memory, by `memory.events`.
fn killed(events: &str) -> u64 {
    let of = |line: &str| line.strip_prefix("oom_kill ")?.trim().parse().ok();
    events.lines().find_map(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A group as the kernel shows it.
    fn invented(controllers: &str, processes: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("cgroup.controllers"), controllers).expect("written");
        fs::write(folder.path().join("cgroup.procs"), processes).expect("written");
        folder
    }

    #[test]
    fn the_own_group_is_found_wherever_it_is_mounted() {
        let unit = "0::/system.slice/sonicd-work.service\n";
        let mounts = "22 1 0:20 / /proc rw - proc proc rw\n\
                      30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
        let place = Path::new("/sys/fs/cgroup/system.slice/sonicd-work.service");
        assert_eq!(folder(unit, mounts).as_deref(), Some(place));
        // Beside version 1, and within a container.
        let both = "4:memory:/x\n0::/box/a\n";
        let within = "30 23 0:26 /box /sys/fs/cgroup/unified rw - cgroup2 none rw\n";
        let place = Path::new("/sys/fs/cgroup/unified/a");
        assert_eq!(folder(both, within).as_deref(), Some(place));
        assert_eq!(folder("4:memory:/x\n", mounts), None);
        assert_eq!(folder(unit, "22 1 0:20 / /proc rw - proc proc rw\n"), None);
        assert_eq!(folder(unit, within), None, "it lies outside");
    }

    #[test]
    fn a_group_is_divided_only_if_it_is_all_ours() {
        let whole = invented("cpu memory pids\n", "7\n");
        let groups = Groups::divide(whole.path().to_owned(), 7).expect("ours");
        let read = |name: &str| fs::read_to_string(whole.path().join(name)).expect(name);
        assert_eq!(read("worker/cgroup.procs"), "7");
        assert_eq!(read("cgroup.subtree_control"), "+memory");
        assert_eq!(groups.of_slot(2), whole.path().join("slot-2"));
        // A worker that is started anew in the same place finds its folder there.
        Groups::divide(whole.path().to_owned(), 7).expect("again");
        for (controllers, processes, word) in [
            ("cpu pids", "7\n", "no memory"),
            ("memory", "7\n1\n", "other processes"),
        ] {
            let other = invented(controllers, processes);
            let why = Groups::divide(other.path().to_owned(), 7).expect_err(word);
            assert!(why.contains(word), "{why}");
            assert!(!other.path().join("cgroup.subtree_control").exists());
        }
        let gone = Groups::divide("/nowhere".into(), 7);
        assert!(gone.is_err());
    }

    #[tokio::test]
    async fn a_job_has_its_limits_before_anything_enters() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("slot-0");
        let group = Group::make(&folder, 1000).await.expect("made");
        let read = |name: &str| fs::read_to_string(folder.join(name)).expect(name);
        assert_eq!(read("memory.max"), "1000");
        assert_eq!(read("memory.swap.max"), "0");
        assert_eq!(read("memory.oom.group"), "1");
        assert!(!folder.join("cgroup.procs").exists());
        assert!(!group.ran_out());
        let events = "low 0\nhigh 0\nmax 31\noom 1\noom_kill 4\noom_group_kill 1\n";
        fs::write(folder.join("memory.events"), events).expect("written");
        assert!(group.ran_out());
        // The kernel's folders go though there are files in them; these do not.
        for name in [
            "memory.max",
            "memory.swap.max",
            "memory.oom.group",
            "memory.events",
        ] {
            fs::remove_file(folder.join(name)).expect(name);
        }
        fs::write(folder.join("cgroup.kill"), "").expect("written");
        drop(group);
        assert_eq!(
            fs::read_to_string(folder.join("cgroup.kill")).expect("told"),
            "1"
        );
        fs::remove_file(folder.join("cgroup.kill")).expect("there");
        // What the last job left behind is taken away for the next one.
        Group::make(&folder, 2000).await.expect("made anew");
    }

    #[tokio::test]
    async fn where_no_group_can_be_made_it_says_so() {
        let error = Group::make(Path::new("/proc/none/slot-0"), 1).await;
        assert!(error.is_err());
    }
}
