//! libcpuid: its raw dumps (`cpuid_tool --save`), and the tests of its source tree, which hold a raw or an AIDA64 dump
//! above a line of dashes and what it expects to decode below.
//!
//! ```text
//! basic_cpuid[0]=0000000d 756e6547 6c65746e 49656e69
//! intel_fn4[1]=1c004122 01c0003f 0000003f 00000000
//! ```
//! Source: libcpuid, libcpuid/cpuid_main.c `cpuid_serialize_raw_data_internal`. Indexes are decimal.

use cpuid_probe::Registers;
use cpuid_probe::text::hex8;

use super::aida64::{self, is_rule};
use super::builder::Builder;
use super::line::{self, Line};
use super::{Input, Read, ReadError, Reader, has_registers};

pub(super) const READER: Reader =
    Reader { name: "libcpuid", about: "libcpuid raw dumps and .test files", recognise, read: Read::One(read) };

const RAW: &str = "`ARRAY[INDEX]=EAX EBX ECX EDX`, each 8 hex digits, an array of libcpuid's";

/// Its MSRs (`cpuid_tool --rdmsr-raw`, logs of CPU-X): it does not check whether a read succeeded, and reads some MSRs
/// twice. Source: libcpuid, libcpuid/rdmsr.c `msr_serialize_raw_data`.
const MSRS: &str = "MSRs of the file are not read: where libcpuid could not read one, it repeats the one before";

/// Its arrays: the leaf of index 0, and whether the index counts leaves (or subleaves).
const ARRAYS: &[(&str, u32, bool)] = &[
    ("basic_cpuid", 0, true),
    ("ext_cpuid", 0x8000_0000, true),
    ("intel_fn4", 0x4, false),
    ("intel_fn11", 0xb, false),
    ("intel_fn12h", 0x12, false),
    ("intel_fn14h", 0x14, false),
    ("amd_fn8000001dh", 0x8000_001d, false),
    ("amd_fn80000026h", 0x8000_0026, false),
];

fn recognise(text: &str) -> bool {
    is_raw(text)
        || aida64::names_cpuid(text)
            && line::lines(text).any(|(_, line)| is_rule(line))
            && line::any(text, aida64::leaf)
}

/// Registers of ARM CPUs are recognised so that the error can say what they are.
fn is_raw(text: &str) -> bool {
    ["basic_cpuid[", "BASIC_CPUID[", "arm_midr="].iter().any(|array| text.contains(array))
}

fn read(text: &str) -> Result<Input, ReadError> {
    if !is_raw(text) {
        return aida64::read_as(text, READER.name);
    }
    let mut builder = Builder::new(READER.name);
    builder.limits = [
        "libcpuid reads leaves 0 to 0x1f and 0x80000000 to 0x8000001f and subleaves of 4, 0xb, 0x12, 0x14, 0x8000001d \
         and 0x80000026, whatever the CPU's maxima are, and nothing else: no hypervisor leaves, no subleaves of 0xd",
    ]
    .map(str::to_string)
    .to_vec();
    let mut below = false;
    for (number, line) in line::lines(text) {
        below |= is_rule(line);
        if below {
            if has_registers(line) {
                return Err(ReadError::at(number, "registers below the line that ends the dump; keep one dump a file"));
            }
            continue;
        }
        if line::lower(line).starts_with("msr[") {
            builder.limit(MSRS);
        }
        if line.starts_with("arm_") {
            return Err(ReadError::at(number, "the registers of an ARM CPU; expected x86 CPUID"));
        }
        if is_list(line)
            && let Ok(Some(Line::Leaf(leaf, Some(0), registers))) = form(line)
            && builder.reread(leaf, registers)
        {
            builder
                .limit(&format!("libcpuid read leaf {leaf:#010x} twice, and not the same; the second reading is kept"));
        }
        line::add(&mut builder, number, line, form)?;
    }
    builder.finish(RAW).map(|dump| Input::Dump(Box::new(dump)))
}

/// Whether a line is of an array of one leaf's subleaves. Subleaf 0 is in `basic_cpuid` or `ext_cpuid` too, each read
/// for itself: on two CPUs, where the tool was moved in between.
fn is_list(line: &str) -> bool {
    let line = line::lower(line);
    ARRAYS.iter().any(|(name, _, counts_leaves)| !counts_leaves && line.starts_with(name))
}

fn form(line: &str) -> Result<Option<Line>, &'static str> {
    let line = &*line::lower(line);
    if line.starts_with("msr[") || line.starts_with("___") && line.contains("msr cpu #") {
        return Ok(Some(Line::Nothing));
    }
    if line.starts_with("___") {
        let number = line.trim_matches('_').trim().strip_prefix("logical cpu #").and_then(|n| n.parse().ok());
        return number.map(|n| Some(Line::Header(Some(n)))).ok_or("`___ Logical CPU #N ___`");
    }
    if !is_array(line) {
        return Ok(None);
    }
    leaf(line).map(Some).ok_or(RAW)
}

/// A line of an array, whole or damaged.
fn is_array(line: &str) -> bool {
    let begins =
        |(name, _, _): &(&str, u32, bool)| line.starts_with(name) || !line.is_empty() && name.starts_with(line);
    line.contains(['[', ']']) || ARRAYS.iter().any(begins)
}

fn leaf(line: &str) -> Option<Line> {
    let (place, values) = line.split_once("]=")?;
    let (array, index) = place.split_once('[')?;
    let (_, base, counts_leaves) = ARRAYS.iter().find(|(name, _, _)| *name == array)?;
    let index: u32 = index.parse().ok()?;
    let mut values = values.split_ascii_whitespace().map(hex8);
    let registers = Registers::new(values.next()??, values.next()??, values.next()??, values.next()??);
    if values.next().is_some() {
        return None;
    }
    let (leaf, subleaf) = if *counts_leaves { (base.checked_add(index)?, 0) } else { (*base, index) };
    Some(Line::Leaf(leaf, Some(subleaf), registers))
}

#[cfg(test)]
mod tests {
    use cpuid_probe::LeafId;

    use super::*;

    #[test]
    fn leaves_and_subleaves_find_their_places() {
        let text = "version=0.7.0\n\n_________________ Logical CPU #0 _________________\n\
            basic_cpuid[0]=0000000d 756e6547 6c65746e 49656e69\nbasic_cpuid[13]=00000007 00000340 00000340 00000000\n\
            ext_cpuid[8]=00003024 00000000 00000000 00000000\nintel_fn4[0]=1c004121 01c0003f 0000003f 00000000\n\
            intel_fn4[1]=1c004122 01c0003f 0000003f 00000000\n\
            _________________ Logical CPU #1 _________________\n\
            basic_cpuid[0]=0000000d 756e6547 6c65746e 49656e69\n\
            ----------------------------------------\nx86\n[nonsense\n";
        assert!(recognise(text));
        let Ok(Input::Dump(dump)) = read(text) else { panic!() };
        assert_eq!(dump.vcpus.len(), 2);
        let ids: Vec<LeafId> = dump.vcpus[0].leaves().iter().map(|r| r.id).collect();
        let expected = [(0, 0), (4, 0), (4, 1), (13, 0), (0x8000_0008, 0)].map(|(leaf, sub)| LeafId::new(leaf, sub));
        assert_eq!(ids, expected);
        let Ok(Input::Dump(upper)) = read(&text.to_uppercase().replace("NONSENSE", "")) else { panic!() };
        assert_eq!(upper.vcpus, dump.vcpus);
        let moved = "basic_cpuid[0]=0000000b 756e6547 6c65746e 49656e69\nbasic_cpuid[11]=00000001 00000002 00000100 00000003\n\
                     intel_fn11[0]=00000001 00000002 00000100 00000005\nintel_fn11[1]=00000004 00000004 00000201 00000005\n";
        let Ok(Input::Dump(moved)) = read(moved) else { panic!() };
        assert_eq!(moved.vcpus[0].get(LeafId::new(0xb, 0)).unwrap().edx, 5);
        assert!(moved.provenance.imported.unwrap().limits.iter().any(|limit| limit.contains("0x0000000b twice")));
        let twice = "basic_cpuid[1]=0000000b 0 0 0\nbasic_cpuid[1]=0000000c 0 0 0\n".replace(" 0", " 00000000");
        assert_eq!(read(&twice).unwrap_err().line, Some(2));
        let two = "basic_cpuid[0]=0000000b 0 0 0\nbasic_cpuid[0]=0000000c 0 0 0\n".replace(" 0", " 00000000");
        assert!(matches!(read(&two), Ok(Input::Dump(dump)) if dump.vcpus.len() == 2));
        let again = format!("{text}basic_cpuid[0]=0000000d 756e6547 6c65746e 49656e69\n");
        assert_eq!(read(&again).unwrap_err().line, Some(again.lines().count()));
        let msrs = "libcpuid version 0.6.4\n______________ MSR CPU #0 ______________\n\
                    CPU is GenuineIntel, stock clock is 1000MHz.\nmsr[0x0000e7]=00 00 00 00 00 00 12 34 \n";
        let Ok(Input::Dump(with_msrs)) = read(&text.replacen("-----", &format!("\n{msrs}-----"), 1)) else { panic!() };
        assert_eq!(with_msrs.vcpus, dump.vcpus);
        assert_eq!(with_msrs.provenance.imported.unwrap().limits.last().unwrap(), MSRS);
        let arm = "____ Logical CPU #0 ____\narm_midr=00000000410fd030\n";
        assert!(recognise(arm) && read(arm).unwrap_err().message.contains("ARM"));
        let no_bracket = "basic_cpuid1]=0000000d 756e6547 6c65746e 49656e69";
        for damage in [
            "basic_cpuid[x]=0 0 0 0",
            "basic_cpuid[1]=0000000d 756e6547",
            "new_fn[0]=0000000d 0 0 0",
            no_bracket,
            &no_bracket.replace(']', "["),
            &no_bracket.replace("1]", "1"),
            "basic_cpuid",
            "ext_c",
        ] {
            let error = read(&format!("basic_cpuid[0]=0000000d 756e6547 6c65746e 49656e69\n{damage}")).unwrap_err();
            assert_eq!(error.line, Some(2), "{damage}");
        }
    }
}
