//! Advice for guests that QEMU emulates: neither KVM nor the host's CPU affects what they show.
//!
//! # Source
//! QEMU 7.2 and 10.2 target/i386/cpu.c (`x86_cpu_get_supported_feature_word`: under TCG the words' own masks, under KVM
//! what KVM offers).

use super::{Advice, Asked, Layer, general, layers, remedies};
use crate::knowledge::Row;

/// What runs the guests, as far as their dumps say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accel {
    /// A hypervisor on real CPUs, or no dump says.
    #[default]
    Host,
    /// QEMU's emulation.
    Tcg,
    /// One guest is emulated, another is not.
    Mixed,
}

const TCG: &str = "QEMU's emulation (TCG) takes nothing from the host's CPU or from KVM: a guest has what its CPU \
                   definition and machine type name and its version of QEMU emulates.";
const MIXED: &str = "One guest is emulated by QEMU (TCG), the other is not: one shows what its QEMU emulates, the \
                     other what its host and hypervisor give.";
const ONE_ACCEL: &str =
    "Compare guests that use the same accelerator: an emulated guest says nothing about what a host gives.";

impl Advice {
    /// The same advice for guests run by `accel`: KVM and firmware are not causes in an emulated guest.
    #[must_use]
    pub fn under(mut self, accel: Accel, row: &Row, asked: Asked) -> Self {
        let by_host = |layer: &Layer| matches!(layer, Layer::Cpu | Layer::Firmware | Layer::Kernel);
        if accel == Accel::Host || !self.layers.iter().any(|l| matches!(l, Layer::Firmware | Layer::Kernel)) {
            return self;
        }
        let said = if accel == Accel::Mixed { MIXED } else { TCG };
        self.cause = [said.to_string()].into_iter().chain(layers::by_qemu(row)).collect::<Vec<_>>().join(" ");
        self.remedy = match (accel, asked) {
            (_, Asked::Extra) => general::extra(row),
            (Accel::Mixed, _) => ONE_ACCEL.to_string(),
            (_, Asked::Missing) => remedies::filled(
                "An emulated guest does not show what a host gives: check one that KVM runs (`--accel kvm`). Where \
                 emulation is meant, take the promise out: {disable}.",
                row,
                asked,
            ),
            // A note about a number (a width, a rate) speaks of the definition, which counts under emulation too.
            _ if self.specific && row.migratable.is_none() => self.remedy,
            _ => remedies::filled(
                "Start both guests from one CPU definition and machine type with one version of QEMU; {disable} takes \
                 it from both.",
                row,
                asked,
            ),
        };
        if accel == Accel::Tcg {
            self.layers.retain(|layer| !by_host(layer));
        }
        self
    }
}
