//! What a log says of features that a guest was to get and did not: QEMU's warnings, libvirt's refusals.
//!
//! People paste them in many wrappings: with a time in front (`/var/log/libvirt/qemu/NAME.log`, the journal), several on a
//! line, or inside a JSON string with `\\n` for line breaks. A line that has the words of such a message and is not
//! understood is kept: with it, nobody can say that the log does not mention a feature.
//!
//! # Source
//! libvirt 9.0 src/qemu/qemu_process.c (`guest CPU doesn't match specification: missing features: a,b`),
//! src/cpu/cpu_x86.c (`Host CPU does not provide required features: a, b`).

use cpuid_probe::dump::Dump;
use cpuid_probe::place::Query;
use cpuid_probe::printable::{MOST, printable};
use cpuid_probe::warning::{Warning, says_so};

use crate::cpu_map::{CpuMap, FeatureId};
use crate::list;

/// What a log says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Every feature that it names as missing, each once, in its order.
    pub announcements: Vec<Announcement>,
    /// Lines that look like such a message and are not understood, each once.
    pub odd: Vec<String>,
}

/// One message about one feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The message, without what surrounds it.
    pub line: String,
    /// The feature's name in QEMU or libvirt.
    pub name: Option<String>,
    /// The bit, of QEMU's warnings. Older QEMUs do not print the subleaf.
    at: Option<Query>,
}

impl Announcement {
    /// The name and the place that it gives.
    #[must_use]
    pub fn asked(&self) -> (Option<&str>, Option<Query>) {
        (self.name.as_deref(), self.at)
    }

    /// Whether it is about this feature.
    #[must_use]
    pub fn is_about(&self, map: &CpuMap, id: FeatureId) -> bool {
        let Some(feature) = map.features.get(id) else { return false };
        let by_name = self.name.as_ref().is_none_or(|name| map.feature(name) == Some(id));
        by_name && (self.name.is_some() || self.at.is_some()) && self.at.is_none_or(|at| at.holds(feature.place))
    }

    /// The feature it is about, where the map knows it.
    #[must_use]
    pub fn feature(&self, map: &CpuMap) -> Option<FeatureId> {
        let named = self.name.as_ref().and_then(|name| map.feature(name));
        let at = |place| self.name.is_none() && self.at.is_some_and(|at| at.holds(place));
        named.or_else(|| map.features.iter().position(|f| at(f.place)))
    }
}

impl Log {
    /// Reads a log.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut log = Self::default();
        for line in text.lines() {
            // A line break inside a string of JSON, which may itself be inside one.
            for piece in line.replace("\\\\n", "\\n").replace("\\r", "").replace("\\u0027", "'").split("\\n") {
                log.piece(piece.trim());
            }
        }
        log
    }

    /// What a throw-away guest's QEMU said.
    #[must_use]
    pub fn of_boot(dump: &Dump) -> Option<Self> {
        let boot = dump.provenance.boot.as_ref()?;
        let lines: Vec<&str> = boot.warnings.iter().map(|w| w.text.as_str()).collect();
        Some(Self::read(&lines.join("\n")))
    }

    /// What is to be said of lines that are not understood.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let (n, shown) = (self.odd.len(), list::first(&self.odd, 3));
        let (lines, look) = if n == 1 { ("line", "looks") } else { ("lines", "look") };
        (n > 0).then(|| {
            format!(
                "{n} {lines} of the log {look} like a warning about a feature and could not be understood, so nothing is \
                 called \"not announced\": {shown}"
            )
        })
    }

    fn piece(&mut self, piece: &str) {
        let mut rest = piece;
        while let Some(end) = rest.find("[bit ").and_then(|at| Some(at + rest[at..].find(']')? + 1)) {
            let (message, after) = rest.split_at(end);
            match Warning::read(message) {
                Some(Warning { name, at }) => self.put(bare(message), name, Some(at)),
                None if says_so(message) => self.odd(message),
                None => {}
            }
            rest = after;
        }
        for words in MISSING {
            let Some((_, names)) = rest.split_once(words) else { continue };
            let names = names_in(names);
            if names.is_empty() {
                self.odd(rest);
            }
            for name in names {
                self.put(bare(rest), Some(name), None);
            }
            return;
        }
        // QEMU's last word under `enforce` names nothing.
        let bare_refusal = rest.contains("support requested features") && !rest.contains("requested features:");
        if says_so(rest) && !bare_refusal || rest.contains(MISMATCH) && !rest.contains("extra features: ") {
            self.odd(rest);
        }
    }

    fn put(&mut self, line: &str, name: Option<&str>, at: Option<Query>) {
        let new = Announcement { line: printable(line, MOST), name: name.map(str::to_string), at };
        // A guest with several vCPUs warns for each; so does one that was started again.
        if !self.announcements.iter().any(|known| known.at == new.at && known.name == new.name) {
            self.announcements.push(new);
        }
    }

    fn odd(&mut self, line: &str) {
        let line = printable(line.trim(), MOST);
        if !self.odd.contains(&line) {
            self.odd.push(line);
        }
    }
}

/// libvirt's words before the names of what a guest or a host lacks.
const MISSING: [&str; 2] = ["missing features:", "not provide required features:"];

/// What libvirt says of a guest that differs from its definition.
const MISMATCH: &str = "doesn't match specification";

/// The names of a list with commas: up to the first word that no comma joins to it.
fn names_in(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for part in text.split(',') {
        let part = part.trim_start();
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).unwrap_or(part.len());
        let name = part[..end].trim_end_matches('.');
        if name.is_empty() {
            break;
        }
        names.push(name);
        if end < part.len() {
            break;
        }
    }
    names
}

/// A message without the record of JSON around it: from the word before `warning:` on.
fn bare(message: &str) -> &str {
    let message = message.trim();
    let Some(at) =
        message.rfind("warning: ").filter(|_| message.contains("\":") || message.matches("[bit ").count() > 1)
    else {
        return message;
    };
    let start = message[..at].trim_end().rfind([' ', '\'', '"']).map_or(0, |space| space + 1);
    &message[start..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;

    const LOG: &str = "\
2026-01-01 00:00:00.000+0000: starting up libvirt version: 9.0.0\n\
qemu-system-x86_64: warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 21]\r\n\
2026-01-01T00:00:00.000000Z qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EDX.arch-capabilities [bit 29]\n\
qemu-kvm: warning: TCG doesn't support requested feature: MSR(10AH).rdctl-no [bit 0]\n\
qemu-kvm: warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 21]\n\
qemu-kvm: warning: host doesn't support requested feature: CPUID[eax=07h,ecx=01h].EAX.avx-vnni [bit 4]\n\
qemu-kvm: warning: This feature depends on other features that were not requested: CPUID.80000001H:ECX.svm [bit 2]\n\
qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EBX [bit 12]\n\
qemu-kvm: warning: something else: CPUID.01H:EDX.ds [bit 99]\n\
qemu-kvm: terminating on signal 15\n";

    fn announcements(text: &str) -> Vec<Announcement> {
        Log::read(text).announcements
    }

    fn names(text: &str) -> Vec<String> {
        announcements(text).into_iter().filter_map(|a| a.name).collect()
    }

    #[test]
    fn warnings_are_read_in_every_wrapping() {
        let hle = "warning: host doesn't support requested feature: CPUID.07H:EBX.hle [bit 4]";
        let rtm = "warning: host doesn't support requested feature : CPUID.07H:EBX.rtm [bit 11]";
        for text in [
            format!("2020-06-16T21:00:57.287355Z qemu-kvm: {hle}\n2020-06-16T21:00:57Z qemu-kvm: {rtm}\r\n"),
            format!("Jun 16 21:00:57 host1 virtqemud[812]: internal error: qemu-kvm: {hle}\nJun 16 x: {rtm}\n"),
            format!(r#"{{"level":"error","reason":"Message='2020Z qemu-kvm: {hle}\n2020Z qemu-kvm: {rtm}\n"}}"#),
            format!(r#"{{"log":"{{\"reason\":\"qemu-kvm: {hle}\\nqemu-kvm: {rtm}\\n\"}}\n"}}"#),
            format!("qemu-kvm: {hle} qemu-kvm: {rtm}"),
            format!("libvirtError: qemu: {}qemu: {}", hle.replace('\'', "\\u0027"), rtm),
            "guest CPU doesn't match specification: extra features: vmx, missing features: hle,rtm".to_string(),
            "error: the CPU is incompatible with host CPU: Host CPU does not provide required features: hle, rtm"
                .to_string(),
            "'guest CPU doesn't match specification: missing features: hle,rtm' (code 9)".to_string(),
        ] {
            assert_eq!((names(&text), Log::read(&text).odd.len()), (vec!["hle".into(), "rtm".into()], 0), "{text}");
        }
    }

    #[test]
    fn the_message_is_shown_without_the_record_around_it() {
        let text = r#"{"msg":"monitor: 2020Z qemu-kvm: warning: TCG doesn't support requested feature: CPUID.07H:EBX.hle [bit 4]\n"}"#;
        let line = &announcements(text)[0].line;
        assert_eq!(line, "qemu-kvm: warning: TCG doesn't support requested feature: CPUID.07H:EBX.hle [bit 4]");
    }

    #[test]
    fn what_is_not_understood_is_kept() {
        for odd in [
            "qemu: warning: host doesn't support requested feature: CPUID.07H:EB",
            "qemu: warning: host doesn't support requested feature: CPUID.07H:EBX.hle [bit 77]",
            "qemu: warning: host doesn't support requested feature: AVX512 (leaf 7)",
            "warning: This feature depends on other features that were not requested: XYZ.avx2 [bit 5]",
            "guest CPU doesn't match specification: more of it later",
            "Host CPU does not provide required features: ",
        ] {
            let log = Log::read(odd);
            assert_eq!((log.odd, log.announcements), (vec![odd.trim().to_string()], vec![]), "{odd}");
        }
        let quiet = "qemu: Host doesn't support requested features\nqemu: warning: 'isapc' is deprecated\n\
                     guest CPU doesn't match specification: extra features: vmx\n";
        assert_eq!(Log::read(quiet), Log::default());
    }

    #[test]
    fn every_grammar_of_qemu_is_read_and_each_warning_once() {
        let map = CpuMap::of(Knowledge::builtin());
        let found = announcements(LOG);
        let names: Vec<_> = found.iter().map(|a| a.feature(&map).map(|id| map.features[id].name)).collect();
        let expected = ["ds", "arch-capabilities", "rdctl-no", "avx-vnni", "svm", "cmt"].map(Some);
        assert_eq!(names, expected);
        let ds = map.feature("ds").expect("known");
        assert!(found[0].is_about(&map, ds) && !found[1].is_about(&map, ds));
        assert!(found[0].line.ends_with("CPUID.01H:EDX.ds [bit 21]"));
    }

    #[test]
    fn a_vmx_control_is_a_bit_of_the_upper_half() {
        let map = CpuMap::of(Knowledge::builtin());
        let odd = announcements("warning: host doesn't support requested feature: MSR(48BH).vmx-vpid [bit 5]");
        assert!(odd[0].is_about(&map, map.feature("vmx-vpid").expect("known")));
    }

    #[test]
    fn a_name_at_another_bit_is_not_the_feature() {
        let map = CpuMap::of(Knowledge::builtin());
        let odd = announcements("warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 20]");
        assert!(!odd[0].is_about(&map, map.feature("ds").expect("known")));
    }
}
