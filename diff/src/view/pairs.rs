//! Which vCPU of one dump is compared with which of the other.

use cpuid_probe::dump::Dump;

/// Indexes into both dumps' vCPUs, and the vCPU number to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VcpuMatch {
    /// Index into the first dump's vCPUs.
    pub a: usize,
    /// Index into the second dump's vCPUs.
    pub b: usize,
    /// The number of the vCPU this pair is about.
    pub vcpu: u32,
}

/// vCPU n against vCPU n; one without partner against the other dump's first, so that a capture on vCPU 0 compares
/// with one on vCPU 3 of the same guest. Each pair once.
#[must_use]
pub fn pairs(a: &Dump, b: &Dump) -> Vec<VcpuMatch> {
    if a.vcpus.is_empty() || b.vcpus.is_empty() {
        return Vec::new();
    }
    let mut pairs: Vec<VcpuMatch> = Vec::with_capacity(a.vcpus.len());
    for (i, v) in a.vcpus.iter().enumerate() {
        let partner = b.vcpus.binary_search_by_key(&v.vcpu, |w| w.vcpu).unwrap_or(0);
        pairs.push(VcpuMatch { a: i, b: partner, vcpu: v.vcpu });
    }
    for (j, w) in b.vcpus.iter().enumerate() {
        let pair = VcpuMatch { a: 0, b: j, vcpu: w.vcpu };
        let alone = a.vcpus.binary_search_by_key(&w.vcpu, |v| v.vcpu).is_err();
        if alone && !pairs.iter().any(|p| (p.a, p.b) == (pair.a, pair.b)) {
            pairs.push(pair);
        }
    }
    pairs
}

/// How many vCPUs two guests have, where both dumps say it and the numbers differ, however many they hold.
#[must_use]
pub fn unlike_counts(a: &Dump, b: &Dump) -> Option<[u32; 2]> {
    let counts = [a.provenance.vcpus_online?, b.provenance.vcpus_online?];
    (counts[0] != counts[1]).then_some(counts)
}

/// Whether the numbers of vCPUs may differ without a word: the dumps hold different numbers, and not both say how many
/// there are.
#[must_use]
pub fn may_differ_in_count(a: &Dump, b: &Dump) -> bool {
    let says = |dump: &Dump| dump.provenance.vcpus_online.is_some();
    a.vcpus.len() != b.vcpus.len() && !(says(a) && says(b))
}

/// A dump that holds every vCPU that was online, as far as it says.
#[must_use]
pub fn has_all_vcpus(dump: &Dump) -> bool {
    dump.provenance.vcpus_online.is_some_and(|n| usize::try_from(n) == Ok(dump.vcpus.len()))
}
