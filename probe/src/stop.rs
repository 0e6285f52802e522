//! Being told to stop: SIGINT and SIGTERM, so that a watcher can end with its summary.
//!
//! Both are blocked and taken while the watcher sleeps. There is no handler, so nothing is interrupted half way.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ptr;
use std::time::{Duration, Instant};

use libc::{SIG_BLOCK, SIG_IGN, SIGINT, SIGTERM, c_int, sigset_t};

/// The signals.
pub struct Stop(sigset_t);

impl Stop {
    /// From here on they wait until [`Stop::within`] takes them. One that is ignored (a shell's background job, `nohup`)
    /// stays ignored.
    pub fn new() -> Self {
        let heeded: Vec<c_int> = [SIGINT, SIGTERM].into_iter().filter(|signal| !is_ignored(*signal)).collect();
        Self::of(&heeded)
    }

    /// The same with these signals.
    pub fn of(signals: &[c_int]) -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: fills in the set, and blocks the signals in it, of this thread and those that it starts.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in signals {
                libc::sigaddset(set.as_mut_ptr(), *signal);
            }
            libc::sigprocmask(SIG_BLOCK, set.as_ptr(), ptr::null_mut());
            Self(set.assume_init())
        }
    }

    /// Sleeps for `time`. `true` as soon as one of the signals is there.
    pub fn within(&self, time: Duration) -> bool {
        self.signal_within(time).is_some()
    }

    /// Sleeps for `time`, or until one of the signals is there: which.
    pub fn signal_within(&self, time: Duration) -> Option<c_int> {
        let start = Instant::now();
        loop {
            let left = time.saturating_sub(start.elapsed());
            let left = libc::timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            // SAFETY: reads the set and the time, and writes nothing.
            let signal = unsafe { libc::sigtimedwait(&self.0, ptr::null_mut(), &left) };
            if signal > 0 {
                return Some(signal);
            }
            // Another signal, such as the one that goes on after a stop, ends the sleep early.
            if start.elapsed() >= time {
                return None;
            }
        }
    }
}

/// Whether this process ignores `signal`.
fn is_ignored(signal: c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: writes the action in force; all zeros are a valid value.
    unsafe {
        libc::sigaction(signal, ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction == SIG_IGN
    }
}
