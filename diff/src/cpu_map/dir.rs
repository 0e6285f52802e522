//! A site's own CPU map: the directory `cpu_map` of its libvirt (`/usr/share/libvirt/cpu_map`).
//!
//! # Source
//! libvirt 9.0.0 and 11.3.0 src/cpu/cpu_map.c (`cpuMapLoad`) and src/cpu/cpu_x86.c (`x86VendorParse`,
//! `x86FeatureParse`, `x86ModelParse`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use cpuid_probe::msr::place_of_msr_bit;
use cpuid_probe::{Place, Register};
use roxmltree::{Document, Node};

use super::{CpuMap, Feature, FeatureId, Features, Model, SignatureRange, Vendor, stepping_range, vendor};
use crate::knowledge::Knowledge;

/// The file that a CPU map begins with.
pub const INDEX: &str = "index.xml";

/// Why a CPU map was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapError {
    /// The file, in the map's directory.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// What was found and what was expected.
    pub message: String,
}

/// `x86_features.xml:7: message`.
impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for MapError {}

/// Reads a map from its files: `file` gives the text of the one it is asked for, [`INDEX`] first. `origin` names the
/// map in messages.
///
/// # Errors
/// A file that cannot be read or is not XML; an element without what libvirt needs, or with something that libvirt does
/// not know.
pub fn read(origin: String, mut file: impl FnMut(&str) -> Result<String, String>) -> Result<CpuMap, MapError> {
    let mut reader = Reader::default();
    reader.file(INDEX, &mut file, 0)?;
    let Reader { vendors, features, models, .. } = reader;
    if features.is_empty() || models.is_empty() {
        let message = "no x86 features and models, expected libvirt's cpu_map".to_string();
        return Err(MapError { file: INDEX.to_string(), line: None, message });
    }
    Ok(CpuMap::new(origin, vendors, features, models))
}

/// Names are leaked: the program reads one map.
fn keep(name: &str) -> &'static str {
    Box::leak(name.to_string().into_boxed_str())
}

#[derive(Default)]
struct Reader {
    vendors: Vec<Vendor>,
    features: Vec<Feature>,
    models: Vec<Model>,
    ids: BTreeMap<&'static str, FeatureId>,
    read: BTreeSet<String>,
}

/// An element and the file it is in.
#[derive(Clone, Copy)]
struct At<'a, 'i> {
    file: &'a str,
    node: Node<'a, 'i>,
}

impl<'a, 'i> At<'a, 'i> {
    fn error(self, message: impl Into<String>) -> MapError {
        let line = self.node.document().text_pos_at(self.node.range().start).row;
        MapError { file: self.file.to_string(), line: Some(line), message: message.into() }
    }

    fn children(self) -> impl Iterator<Item = Self> {
        self.node.children().filter(Node::is_element).map(move |node| At { file: self.file, node })
    }

    fn named(self, name: &'static str) -> impl Iterator<Item = Self> {
        self.children().filter(move |child| child.node.has_tag_name(name))
    }

    fn required(self, attribute: &str) -> Result<&'a str, MapError> {
        let missing = || self.error(format!("<{}> has no {attribute}= attribute", self.node.tag_name().name()));
        self.node.attribute(attribute).ok_or_else(missing)
    }

    fn is_yes(self, attribute: &str) -> bool {
        self.node.attribute(attribute) == Some("yes")
    }

    /// A number in C's notation; 0 where the attribute is not there.
    fn number(self, attribute: &str) -> Result<u32, MapError> {
        let Some(text) = self.node.attribute(attribute) else { return Ok(0) };
        let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number.map_err(|_| self.error(format!("{attribute}='{text}', expected a 32-bit number")))
    }
}

impl Reader {
    fn file(
        &mut self,
        name: &str,
        file: &mut dyn FnMut(&str) -> Result<String, String>,
        depth: u8,
    ) -> Result<(), MapError> {
        let fail = |message: String| MapError { file: name.to_string(), line: None, message };
        let plain = !name.contains(['/', '\\']) && !name.starts_with('.');
        if !plain || depth > 4 || !self.read.insert(name.to_string()) {
            return Err(fail("included twice, or not a plain file name".to_string()));
        }
        let text = file(name).map_err(fail)?;
        let document = Document::parse(&text).map_err(|e| fail(format!("not well-formed XML: {e}")))?;
        let root = At { file: name, node: document.root_element() };
        if !root.node.has_tag_name("cpus") {
            return Err(root.error("expected <cpus>, the root of libvirt's CPU map"));
        }
        for child in root.children() {
            match child.node.tag_name().name() {
                "arch" if child.node.attribute("name") != Some("x86") => {}
                _ => self.element(child, file, depth)?,
            }
        }
        Ok(())
    }

    fn element(
        &mut self,
        at: At<'_, '_>,
        file: &mut dyn FnMut(&str) -> Result<String, String>,
        depth: u8,
    ) -> Result<(), MapError> {
        match at.node.tag_name().name() {
            "arch" | "group" => {
                for child in at.children() {
                    self.element(child, file, depth)?;
                }
            }
            "include" => self.file(at.required("filename")?, file, depth + 1)?,
            "vendor" => {
                let (name, text) = (at.required("name")?, at.required("string")?);
                let vendor = vendor(keep(name), text)
                    .ok_or_else(|| at.error(format!("string='{text}', expected the 12 characters of leaf 0")))?;
                self.vendors.push(vendor);
            }
            "feature" => self.feature(at)?,
            "model" => self.model(at)?,
            other => return Err(at.error(format!("<{other}> is not known in a CPU map"))),
        }
        Ok(())
    }

    fn feature(&mut self, at: At<'_, '_>) -> Result<(), MapError> {
        let name = keep(at.required("name")?);
        let mut places = Vec::new();
        for child in at.children() {
            match child.node.tag_name().name() {
                "cpuid" => {
                    let (leaf, subleaf) = (child.number("eax_in")?, child.number("ecx_in")?);
                    for register in Register::ALL {
                        let mask = u64::from(child.number(register.name())?);
                        places.extend(bits(mask).map(|bit| Place::bit(leaf, subleaf, register, bit)));
                    }
                }
                "msr" => {
                    let index = child.number("index")?;
                    let mask = u64::from(child.number("edx")?) << 32 | u64::from(child.number("eax")?);
                    places.extend(bits(mask).map(|bit| place_of_msr_bit(index, bit)));
                }
                _ => {}
            }
        }
        let [place] = places[..] else {
            return Err(at.error(format!("feature '{name}' has {} bits, expected one", places.len())));
        };
        // QEMU's property is in libvirt's code, not in its map.
        let known = Some(Knowledge::builtin().row(place)).filter(|row| row.names.libvirt == Some(name));
        let also = at.named("alias").filter_map(|alias| alias.node.attribute("name")).map(keep);
        let feature = Feature {
            name,
            place,
            migratable: at.node.attribute("migratable") != Some("no"),
            qemu: known.map_or(Some(name), |row| row.names.qemu.filter(|_| row.listed)),
            also: also.filter(|also| known.is_none_or(|row| row.names.qemu != Some(also))).collect(),
        };
        if self.ids.insert(name, self.features.len()).is_some() {
            return Err(at.error(format!("feature '{name}' is defined twice")));
        }
        self.features.push(feature);
        Ok(())
    }

    fn model(&mut self, at: At<'_, '_>) -> Result<(), MapError> {
        let name = keep(at.required("name")?);
        if self.models.iter().any(|m| m.name == name) {
            return Err(at.error(format!("model '{name}' is defined twice")));
        }
        // A model that begins with another one inherits its features, signatures and vendor, but not `decode` or
        // `check`.
        let ancestor = match at.named("model").next() {
            None => None,
            Some(parent) => {
                let parent_name = parent.required("name")?;
                let found = self.models.iter().find(|m| m.name == parent_name);
                Some(
                    found
                        .ok_or_else(|| parent.error(format!("model '{parent_name}' is not defined before this one")))?,
                )
            }
        };
        let mut model = Model {
            name,
            vendor: ancestor.and_then(|m| m.vendor),
            decode_host: true,
            decode_guest: true,
            signatures: ancestor.map(|m| m.signatures.clone()).unwrap_or_default(),
            features: ancestor.map(|m| m.features.clone()).unwrap_or_default(),
            removed: Features::new(),
            added: Features::new(),
        };
        // A name that an ancestor lists as `removed` is not a feature of the ancestor.
        if let Some(decode) = at.named("decode").next() {
            model.decode_host = decode.node.attribute("host") == Some("on");
            model.decode_guest = decode.node.attribute("guest") == Some("on");
        }
        if let Some(child) = at.named("vendor").next() {
            let word = child.required("name")?;
            let vendor = self.vendors.iter().copied().find(|v| v.name == word);
            model.vendor = Some(vendor.ok_or_else(|| child.error(format!("vendor '{word}' is not defined")))?);
        }
        let own = at.named("signature").map(signature).collect::<Result<Vec<_>, _>>()?;
        if !own.is_empty() {
            model.signatures = own;
        }
        for child in at.named("feature") {
            let word = child.required("name")?;
            let id = self.ids.get(word).ok_or_else(|| child.error(format!("feature '{word}' is not defined")))?;
            if child.is_yes("removed") {
                model.removed.insert(*id);
                model.features.remove(id);
            } else if child.is_yes("added") {
                model.added.insert(*id);
            } else {
                model.features.insert(*id);
            }
        }
        self.models.push(model);
        Ok(())
    }
}

fn signature(at: At<'_, '_>) -> Result<SignatureRange, MapError> {
    let (family, model) = (at.number("family")?, at.number("model")?);
    let steppings = match at.node.attribute("stepping") {
        None => (0, 15),
        Some(range) => stepping_range(range)
            .ok_or_else(|| at.error(format!("stepping='{range}', expected a number or a range")))?,
    };
    Ok(SignatureRange { family, model, steppings })
}

/// The set bits of a mask.
fn bits(mask: u64) -> impl Iterator<Item = u8> {
    (0..64).filter(move |bit| mask >> bit & 1 == 1)
}
