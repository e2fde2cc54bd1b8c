// SPDX-License-Identifier: MPL-2.0
//! What a process that reads strangers' files may still do: little. It is called first of all,
//! while there is one thread.

use std::{collections::BTreeMap, path::PathBuf};

use rustix::{
    process::{Resource, Rlimit, Signal},
    thread::{CpuSet, sched_setaffinity},
};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// `EPERM`, as a refused call tells it.
const REFUSED: u32 = 1;
/// The family of sockets within the machine, which libraries use for what is not the network.
const AF_UNIX: u64 = 1;
/// System calls of x86-64 and of 64-bit ARM: `socket`, and the ways around it.
#[cfg(target_arch = "x86_64")]
mod call {
    pub const SOCKET: i64 = 41;
    pub const PTRACE: i64 = 101;
}
#[cfg(target_arch = "aarch64")]
mod call {
    pub const SOCKET: i64 = 198;
    pub const PTRACE: i64 = 117;
}
/// The same on both.
const IO_URING_SETUP: i64 = 425;

/// Within what a process has to stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The process that started this one; without it, what follows is left alone.
    pub parent: Option<u32>,
    /// The cores that it may use; none is all.
    pub cores: Vec<usize>,
    /// The control group that it enters, whose limits were set before.
    pub group: Option<PathBuf>,
}

impl Bounds {
    /// Lets this process use its cores only; and, if it is somebody's child, die with the parent,
    /// reach no network, gain no rights and leave no picture of its memory.
    ///
    /// # Errors
    /// One of it cannot be done here, or the parent is another one: a sentence.
    pub fn confine(&self) -> Result<(), String> {
        if let Some(group) = &self.group {
            // 0 is whoever writes.
            std::fs::write(group.join("cgroup.procs"), "0")
                .map_err(|error| format!("--cgroup {}: {error}", group.display()))?;
        }
        if !self.cores.is_empty() {
            let mut set = CpuSet::new();
            let known = self.cores.iter().filter(|core| **core < CpuSet::MAX_CPU);
            known.for_each(|core| set.set(*core));
            sched_setaffinity(None, &set)
                .map_err(|error| format!("--cores {:?}: {error}", self.cores))?;
        }
        self.parent.map_or(Ok(()), serve)
    }
}

fn serve(parent: u32) -> Result<(), String> {
    let refused = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| refused("to die with the parent", &error))?;
    // It may have died before.
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if now.and_then(|pid| u32::try_from(pid).ok()) != Some(parent) {
        return Err(format!("--child-of {parent}: that is not the parent"));
    }
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none)
        .map_err(|error| refused("to leave no core dump", &error))?;
    no_network().map_err(|error| refused("to have no network", &error))
}

/// Sockets of other families are refused from now on, in threads and children as well. Rights
/// cannot be gained either: the filter asks for that.
fn no_network() -> Result<(), Box<dyn std::error::Error>> {
    let elsewhere = SeccompRule::new(vec![SeccompCondition::new(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::Ne,
        AF_UNIX,
    )?])?;
    let rules = BTreeMap::from([
        (call::SOCKET, vec![elsewhere]),
        (IO_URING_SETUP, Vec::new()),
        (call::PTRACE, Vec::new()),
    ]);
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(REFUSED),
        std::env::consts::ARCH.try_into()?,
    )?;
    let program: seccompiler::BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}

#[cfg(test)]
mod tests {
    use std::{
        io::ErrorKind,
        net::{TcpListener, TcpStream, UdpSocket},
        os::unix::net::UnixStream,
        process::Command,
    };

    use super::*;

    #[test]
    fn the_network_is_out_of_reach_and_sockets_of_the_machine_are_not() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        // The filter is the thread's own.
        let confined = std::thread::spawn(move || {
            no_network().expect("a kernel with seccomp");
            let refused = |error: std::io::Error| error.kind() == ErrorKind::PermissionDenied;
            assert!(TcpStream::connect(address).is_err_and(refused));
            assert!(UdpSocket::bind("127.0.0.1:0").is_err_and(refused));
            UnixStream::pair().expect("a pair");
            // Children are no better off.
            let script = format!("exec 3<>/dev/tcp/127.0.0.1/{}", address.port());
            let child = Command::new("bash")
                .args(["-c", &script])
                .output()
                .expect("it runs");
            assert!(!child.status.success());
        });
        confined.join().expect("it holds");
        TcpStream::connect(address).expect("others still reach it");
    }

    #[test]
    fn it_enters_its_group_or_does_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let within = |group: PathBuf| Bounds {
            group: Some(group),
            ..Bounds::default()
        };
        let group = folder.path().to_owned();
        assert_eq!(within(group).confine(), Ok(()));
        let entered = std::fs::read_to_string(folder.path().join("cgroup.procs"));
        assert_eq!(entered.expect("written"), "0");
        let error = within(folder.path().join("none")).confine();
        assert!(error.expect_err("no group").contains("--cgroup"));
    }

    #[test]
    fn it_only_serves_its_parent() {
        let stranger = std::process::id();
        let confined = std::thread::spawn(move || serve(stranger))
            .join()
            .expect("no panic");
        let error = confined.expect_err("it is not its own parent");
        assert!(error.contains("not the parent"), "{error}");
    }
}
