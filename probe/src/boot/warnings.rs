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

/// How many warnings there are besides, and the features that they name: `; and 24 warnings, of pcid x2apic …`. Empty where
/// there are none.
pub fn count(stderr: &str) -> String {
    let warnings = parse(stderr);
    let features: Vec<&str> = warnings.iter().filter_map(|warning| warning.feature.as_deref()).collect();
    let more = if features.len() > NAMED { " …" } else { "" };
    let named = features.iter().take(NAMED).copied().collect::<Vec<_>>().join(" ");
    let of = if named.is_empty() { String::new() } else { format!(", of {}{more}", line(named)) };
    match warnings.len() {
        0 => String::new(),
        1 => format!("; and 1 warning{of}"),
        n => format!("; and {n} warnings{of}"),
    }
}

/// So many features that warnings name are named.
const NAMED: usize = 8;

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
        assert_eq!(count(&stderr), "; and 1 warning, of pcid");
        let many: String = (0..9).map(|n| line.replace("pcid", &format!("f{n}")) + "\n").collect();
        assert_eq!(count(&many), "; and 9 warnings, of f0 f1 f2 f3 f4 f5 f6 f7 …");
        assert_eq!(count("qemu: no such model\n"), "");
    }
}
