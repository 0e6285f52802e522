//! Features that libvirt once counted as part of a CPU model and has since removed from it.
//!
//! Where a guest with such a model does not list the feature, libvirt disables it: `-cpu EPYC,monitor=off`.
//!
//! # Source
//! src/cpu_map/x86_*.xml of libvirt 9.0.0 and 11.3.0 (`<feature name='…' removed='yes'/>`).

use std::borrow::ToOwned;
use std::string::String;
use std::vec::Vec;

use super::xml::{self, XmlError};

/// A model and what was removed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedRow {
    /// The model.
    pub model: &'static str,
    /// The features, as libvirt 11.3 has them.
    pub features: &'static [&'static str],
    /// The oldest libvirt known to have all of them removed.
    pub since: &'static str,
}

const fn row(model: &'static str, features: &'static [&'static str], since: &'static str) -> RemovedRow {
    RemovedRow { model, features, since }
}

/// Every model that lost features.
#[rustfmt::skip]
pub const REMOVED: &[RemovedRow] = &[
    row("Cascadelake-Server", &["mpx"], "11.3"),
    row("Cascadelake-Server-noTSX", &["mpx"], "11.3"),
    row("Dhyana", &["monitor"], "9.0"),
    row("EPYC", &["monitor"], "9.0"),
    row("EPYC-IBPB", &["monitor"], "9.0"),
    row("Icelake-Client", &["intel-pt"], "9.0"),
    row("Icelake-Client-noTSX", &["intel-pt"], "9.0"),
    row("Icelake-Server", &["intel-pt", "mpx"], "11.3"),
    row("Icelake-Server-noTSX", &["intel-pt", "mpx"], "11.3"),
    row("Opteron_G3", &["monitor"], "9.0"),
    row("Skylake-Client", &["mpx"], "11.3"),
    row("Skylake-Client-IBRS", &["mpx"], "11.3"),
    row("Skylake-Client-noTSX-IBRS", &["mpx"], "11.3"),
    row("Skylake-Server", &["mpx"], "11.3"),
    row("Skylake-Server-IBRS", &["mpx"], "11.3"),
    row("Skylake-Server-noTSX-IBRS", &["mpx"], "11.3"),
];

/// What the newest known libvirt has removed from `model`.
#[must_use]
pub fn removed_features(model: &str) -> Vec<String> {
    let row = REMOVED.iter().find(|row| row.model == model);
    row.map_or(&[][..], |row| row.features).iter().map(|name| (*name).to_owned()).collect()
}

/// What a libvirt has removed from a model, as its own file of the model says (`/usr/share/libvirt/cpu_map/x86_*.xml`).
///
/// # Errors
/// The text is not well-formed XML, or not a CPU model.
pub fn read_removed_features(map_file: &str) -> Result<Vec<String>, XmlError> {
    xml::parse(map_file, |documents| {
        let model = documents.iter().find_map(|document| document.at(&["model"]));
        let Some(model) = model else { return Err(xml::nothing("no CPU model of libvirt's CPU map")) };
        let removed = model.all("feature").filter(|feature| feature.attribute("removed") == Some("yes"));
        removed.map(|feature| feature.required("name").map(ToOwned::to_owned)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted() {
        assert!(REMOVED.windows(2).all(|w| w[0].model < w[1].model));
        assert_eq!(removed_features("EPYC"), ["monitor"]);
        assert!(removed_features("Haswell").is_empty());
    }

    #[test]
    fn a_map_file() {
        let text =
            "<cpus><model name='EPYC'><feature name='aes'/><feature name='monitor' removed='yes'/></model></cpus>";
        assert_eq!(read_removed_features(text).as_deref(), Ok(&["monitor".to_owned()][..]));
        assert!(read_removed_features("<cpus/>").is_err());
    }
}
