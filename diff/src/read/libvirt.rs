//! `<cpudata>`: CPUID (and MSRs) as libvirt's own test cases and tools record them.
//!
//! ```xml
//! <cpudata arch='x86'>
//!   <cpuid eax_in='0x00000007' ecx_in='0x00' eax='0x00000000' ebx='0x029c6fbf' ecx='0x00000000' edx='0x00000000'/>
//!   <msr index='0x10a' edx='0x00000000' eax='0x00000048'/>
//! </cpudata>
//! ```
//! Source: libvirt src/cpu/cpu_x86.c `virCPUx86DataParse`. Before libvirt 1.2.17, `function` stood for `eax_in`.

use cpuid_probe::Registers;
use cpuid_probe::dump::MsrRecord;
use roxmltree::{Document, Node, ParsingOptions};

use super::builder::Builder;
use super::{Input, Read, ReadError, Reader};

pub(super) const READER: Reader =
    Reader { name: "libvirt", about: "libvirt <cpudata> XML", recognise, read: Read::One(read) };

const LIMITS: [&str; 2] = ["<cpudata> holds one CPU", "libvirt leaves out leaves that are all zero"];

/// At most this many elements and attributes; a dump has a few hundred.
const MAX_NODES: u32 = 1_000_000;

fn recognise(text: &str) -> bool {
    text.contains("<cpudata")
}

fn read(text: &str) -> Result<Input, ReadError> {
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let xml = Document::parse_with_options(text, options).map_err(|e| {
        let at = e.pos();
        ReadError::in_column(at.row as usize, at.col as usize, without_position(&e))
    })?;
    let error = |node: Node, message: String| {
        let at = xml.text_pos_at(node.range().start);
        ReadError::in_column(at.row as usize, at.col as usize, message)
    };
    let mut all = xml.descendants().filter(|n| n.has_tag_name("cpudata"));
    let data = all.next().ok_or_else(|| ReadError::whole("no <cpudata> element"))?;
    if let Some(second) = all.next() {
        return Err(error(second, "a second <cpudata>; keep one dump a file".to_string()));
    }
    match data.attribute("arch") {
        None | Some("x86") => {}
        Some(other) => return Err(error(data, format!("arch='{other}', expected arch='x86'"))),
    }
    let mut builder = Builder::new(READER.name);
    builder.limits = LIMITS.map(str::to_string).to_vec();
    for node in data.children().filter(Node::is_element) {
        let line = xml.text_pos_at(node.range().start).row as usize;
        let value = |name: &str| match node.attribute(name) {
            Some(text) => {
                number(text).ok_or_else(|| error(node, format!("{name}='{text}', expected 0x and 1 to 8 hex digits")))
            }
            None => Err(error(node, format!("<{}> without {name}='0x…'", node.tag_name().name()))),
        };
        match node.tag_name().name() {
            "cpuid" => {
                let leaf = value(if node.has_attribute("eax_in") { "eax_in" } else { "function" })?;
                let subleaf = if node.has_attribute("ecx_in") { Some(value("ecx_in")?) } else { None };
                let registers = Registers::new(value("eax")?, value("ebx")?, value("ecx")?, value("edx")?);
                builder.leaf(line, leaf, subleaf, registers)?;
            }
            "msr" => {
                let value64 = u64::from(value("edx")?) << 32 | u64::from(value("eax")?);
                builder.msr(line, MsrRecord { index: value("index")?, value: Some(value64) })?;
            }
            other => return Err(error(node, format!("<{other}>, expected <cpuid> or <msr>"))),
        }
    }
    builder
        .finish("<cpuid eax_in='0x…' ecx_in='0x…' eax='0x…' ebx='0x…' ecx='0x…' edx='0x…'/>")
        .map(|dump| Input::Dump(Box::new(dump)))
}

/// What the parser says, without the "at LINE:COLUMN" of its end.
fn without_position(e: &roxmltree::Error) -> String {
    let whole = e.to_string();
    whole.rsplit_once(" at ").map_or(whole.as_str(), |(message, _)| message).to_string()
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => super::line::short_hex(hex),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use cpuid_probe::LeafId;

    use super::*;

    const TEXT: &str = "<!-- a CPU -->\n<cpudata arch='x86'>\n\
        <cpuid eax_in='0x00000007' ecx_in='0x01' eax='0x00000001' ebx='0x00000002' ecx='0x00000003' edx='0x00000004'/>\n\
        <msr index='0x10a' edx='0x00000001' eax='0x00000048'/>\n</cpudata>\n";

    #[test]
    fn leaves_and_msrs() {
        assert!(recognise(TEXT));
        let Ok(Input::Dump(dump)) = read(TEXT) else { panic!() };
        assert_eq!(dump.vcpus[0].get(LeafId::new(7, 1)), Some(Registers::new(1, 2, 3, 4)));
        assert_eq!(dump.vcpus[0].msr(0x10a), Some(Some(0x1_0000_0048)));
    }

    #[test]
    fn errors_name_line_and_column() {
        for (from, to, position) in [
            ("ebx='0x00000002' ", "", "3:1"),
            ("0x00000003", "0x123456789", "3:1"),
            ("<msr ", "<mrs ", "4:1"),
            ("arch='x86'", "arch='ppc64'", "2:1"),
            ("</cpudata>", "", "1:1"),
        ] {
            let error = read(&TEXT.replace(from, to)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{position}: ")), "{to}: {error}");
        }
    }
}
