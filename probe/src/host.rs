//! What a dump says of the system it is made on.

use std::fs;
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

/// The values of `key` in /proc/cpuinfo, one a CPU; none where there is no /proc.
pub fn cpuinfo(key: &str) -> impl Iterator<Item = String> {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let values = text.lines().filter_map(|line| line.split_once(':')).filter(|(name, _)| name.trim_end() == key);
    values.map(|(_, value)| value.trim().to_string()).collect::<Vec<_>>().into_iter()
}
