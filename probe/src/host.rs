//! What a dump says about the system it is made on.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::SystemTime;

use cpuid_probe::dump::Provenance;

/// Fills in tool, label, time, kernel and microcode.
pub fn stamp(provenance: &mut Provenance, label: Option<&String>) {
    provenance.tool = Some(concat!("cpuid-probe ", env!("CARGO_PKG_VERSION")).to_string());
    provenance.label = label.cloned();
    provenance.captured_at = Some(humantime::format_rfc3339_seconds(SystemTime::now()).to_string());
    provenance.kernel = Some(rustix::system::uname().release().to_string_lossy().into_owned());
    provenance.microcode = cpuinfo("microcode").next();
}

/// The values of `key` in /proc/cpuinfo, one for each CPU; empty where /proc is missing. Reads only as far as the
/// iterator is advanced.
pub fn cpuinfo(key: &str) -> impl Iterator<Item = String> {
    // The kernel generates the text as it is read, about one CPU at a time.
    let text = |file| BufReader::with_capacity(1024, file);
    let lines = File::open("/proc/cpuinfo").into_iter().flat_map(move |file| text(file).lines().map_while(Result::ok));
    lines.filter_map(move |line| {
        let (name, value) = line.split_once(':')?;
        (name.trim_end() == key).then(|| value.trim().to_string())
    })
}
