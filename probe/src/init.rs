//! Running as the first program of a guest: an initramfs that holds nothing but this one file, as `/init`.

use std::io;

use rustix::fs::{FileType, fstat, major, minor};
use rustix::system::{RebootCommand, reboot};
use rustix::termios::tcdrain;

/// Whether this process is the machine's own PID 1, not merely a container's: the kernel starts that one with
/// /dev/console (character device 5:1) as its standard output.
pub fn is_init() -> bool {
    let is_console = |s: rustix::fs::Stat| {
        FileType::from_raw_mode(s.st_mode) == FileType::CharacterDevice
            && (major(s.st_rdev), minor(s.st_rdev)) == (5, 1)
    };
    rustix::process::getpid().is_init() && fstat(io::stdout()).is_ok_and(is_console)
}

/// Switches the machine off once the console has everything. Comes back only where the kernel refuses.
pub fn power_off() {
    let _ = tcdrain(io::stdout());
    for command in [RebootCommand::PowerOff, RebootCommand::Restart] {
        if let Err(e) = reboot(command) {
            eprintln!("cpuid-probe: cannot switch the machine off: {e}");
        }
    }
}
