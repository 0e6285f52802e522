//! What QEMU writes to its standard error.

use std::collections::HashSet;

use cpuid_probe::dump::BootWarning;
use cpuid_probe::warning::Warning;

use crate::say::line;

/// QEMU's warnings.
pub fn parse(stderr: &str) -> Vec<BootWarning> {
    let warning = |line: &str| BootWarning { text: line.to_string(), feature: feature(line) };
    unique(stderr).into_iter().filter(|line| is_warning(line)).map(warning).collect()
}

/// What QEMU says that is not a warning.
pub fn errors(stderr: &str) -> String {
    shown(&unique(stderr).into_iter().filter(|line| !is_warning(line)).collect::<Vec<_>>())
}

/// Everything that QEMU says.
pub fn lines(stderr: &str) -> String {
    shown(&unique(stderr))
}

/// So many lines of QEMU's are shown; the first say most.
const SHOWN: usize = 20;

fn shown(lines: &[&str]) -> String {
    let mut shown: Vec<String> = lines.iter().take(SHOWN).map(line).collect();
    if lines.len() > SHOWN {
        shown.push(format!("… and {} more lines", lines.len() - SHOWN));
    }
    shown.join("\n")
}

/// Each line once, in the order in which they first came: QEMU repeats its warnings for every vCPU.
fn unique(stderr: &str) -> Vec<&str> {
    let mut known = HashSet::new();
    stderr.lines().map(str::trim).filter(|line| !line.is_empty() && known.insert(*line)).collect()
}

fn is_warning(line: &str) -> bool {
    line.contains("warning: ")
}

/// The feature that could not be given to the guest, by QEMU's name.
fn feature(line: &str) -> Option<String> {
    Warning::read(line)?.name.map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_named_as_qemu_names_them() {
        for (line, name) in [
            ("q: warning: TCG doesn't support requested feature: CPUID.01H:EDX.ds [bit 21]", Some("ds")),
            ("warning: host doesn't support requested feature: CPUID.01H:ECX.sse4.1 [bit 19]", Some("sse4.1")),
            ("warning: host doesn't support requested feature: MSR(10AH).rdctl-no [bit 0]", Some("rdctl-no")),
            ("warning: host doesn't support requested feature: CPUID.0DH:EAX [bit 9]", None),
            ("warning: host doesn't support requested feature: MSR(480H) [bit 55]", None),
            ("q: warning: TCG doesn't support requested feature: CPUID[eax=01h].EDX.ds [bit 21]", Some("ds")),
            ("warning: host doesn't support requested feature: CPUID[eax=01h].ECX.sse4.1 [bit 19]", Some("sse4.1")),
            ("warning: host doesn't support requested feature: CPUID[eax=0Dh,ecx=01h].EAX.xfd [bit 4]", Some("xfd")),
            ("warning: host doesn't support requested feature: CPUID[eax=07h,ecx=00h].EBX [bit 12]", None),
            ("warning: host doesn't support requested feature: MSR(10Ah).rdctl-no [bit 0]", Some("rdctl-no")),
            ("warning: host doesn't support requested feature: MSR(48Ch) [bit 14]", None),
            ("warning: 'isapc' is deprecated", None),
        ] {
            assert_eq!(feature(line).as_deref(), name, "{line}");
        }
    }

    #[test]
    fn a_warning_of_every_vcpu_is_one_warning() {
        let line = "qemu: warning: TCG doesn't support requested feature: CPUID.01H:ECX.pcid [bit 17]";
        let stderr = format!("{line}\r\n{line}\nqemu: no such model\n");
        assert_eq!(parse(&stderr), [BootWarning { text: line.to_string(), feature: Some("pcid".to_string()) }]);
        assert_eq!(errors(&stderr), "qemu: no such model");
    }
}
