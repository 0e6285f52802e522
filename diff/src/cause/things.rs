//! The things that differ between two captures, and what each is linked to.

use cpuid_probe::dump::{Boot, Source};
use cpuid_probe::place::Number;
use cpuid_probe::{Place, Register};

use super::definition::Definition;
use super::properties::{OF_MODEL, On, PROPERTIES, Property, VENDOR};
use super::{CauseOf, SIDES, compat, more_in};
use crate::cpu_map::CpuMap;
use crate::finding::{Finding, Subject};
use crate::judge::notes::is_tcg;
use crate::knowledge::{Asked, CauseKind, Knowledge, Layer, Offer, Row, RuleKind, Version, copy_of};
use crate::list;
use crate::view::DumpView;
use crate::view::vintage::{machine_version, qemu_version};

/// The link is to this very place.
const EXACT: u8 = 2;
/// The link is to much besides.
const WIDE: u8 = 1;

/// So many names are written out.
const NAMES: usize = 12;

type Links<'a> = Box<dyn Fn(&Finding) -> Option<u8> + 'a>;
/// What it is, how it explains what it does, and what to do about it.
type Describe<'a> = Box<dyn Fn(&[&Finding]) -> (String, String, String) + 'a>;

/// Something that differs.
pub(super) struct Thing<'a> {
    /// What kind of thing.
    pub of: CauseOf,
    /// Its link to a finding is what a layer can do, not what it is known to do.
    pub inferred: bool,
    /// How closely it is linked to a finding; `None` if it is not.
    pub links: Links<'a>,
    /// Its words.
    pub describe: Describe<'a>,
}

/// Everything that differs between two captures, the most telling first.
pub(super) fn things<'a>(sides: [&'a DumpView<'a>; 2], knowledge: &'a Knowledge, map: &'a CpuMap) -> Vec<Thing<'a>> {
    let mut things = Vec::new();
    let boots = sides.map(|side| side.dump.provenance.boot.as_ref());
    if let [Some(a), Some(b)] = boots {
        let boots = [a, b];
        things.extend(machine(boots, knowledge));
        things.extend(version(boots, knowledge, sides.iter().all(|side| is_tcg(side.dump))));
        things.extend(definition(boots, knowledge, map));
        things.extend(accelerator(boots));
    }
    things.extend(vcpus(sides));
    things.extend(vendor(sides));
    things.extend(host(sides, knowledge));
    things
}

fn row_of(f: &Finding, knowledge: &Knowledge) -> Option<Row> {
    Some(knowledge.row(f.place()?))
}

/// What a name that is set stands for, looked up once.
#[derive(Clone, Debug)]
enum Named {
    /// A property with places of its own.
    Property(&'static Property),
    /// Hyper-V's leaves, and any hypervisor's beside them.
    Hypervisor,
    /// A feature: the places of its name.
    Feature(Vec<Place>),
}

impl Named {
    fn of(name: &str, knowledge: &Knowledge) -> Self {
        match PROPERTIES.iter().find(|property| property.name == name) {
            Some(property) => Self::Property(property),
            None if name.starts_with("hv-") => Self::Hypervisor,
            None => Self::Feature(knowledge.by_name(name).iter().map(|found| found.place).collect()),
        }
    }

    /// Whether it, on in `on` and off on the other side, is linked to a finding.
    fn is_linked(&self, on: Option<usize>, f: &Finding) -> bool {
        let Some(place) = f.place() else { return false };
        match self {
            Self::Property(property) => {
                let direction = match (property.on, on, more_in(f)) {
                    (On::Changes, ..) | (_, None, _) | (_, _, None) => true,
                    (On::Shows, Some(on), Some(more)) => more == on,
                    (On::Clears, Some(on), Some(more)) => more != on,
                };
                direction && property.at.iter().any(|at| at.holds(place))
            }
            Self::Hypervisor => place.signature().is_some(),
            Self::Feature(places) => places.contains(&place) && f.is_one_bit() && (on.is_none() || more_in(f) == on),
        }
    }

    /// What it does, in a few words; empty where its name says it.
    const fn what(&self) -> &'static str {
        match self {
            Self::Property(property) => property.what,
            Self::Hypervisor | Self::Feature(_) => "",
        }
    }
}

/// A property that two definitions, or two machine types, set to different values, or that one alone sets.
#[derive(Clone)]
struct Setting {
    name: String,
    named: Named,
    values: [Option<String>; 2],
}

impl Setting {
    fn is_linked(&self, f: &Finding) -> bool {
        self.named.is_linked(on_side(self.values.each_ref().map(Option::as_deref)), f)
    }
}

/// The side on which a property with these two values is on; `None` where it is no switch.
fn on_side(values: [Option<&str>; 2]) -> Option<usize> {
    match values {
        [Some("on"), _] | [_, Some("off")] => Some(0),
        [_, Some("on")] | [Some("off"), _] => Some(1),
        _ => None,
    }
}

fn machine<'a>(boots: [&'a Boot; 2], knowledge: &'a Knowledge) -> Option<Thing<'a>> {
    let [a, b] = boots;
    if a.machine == b.machine {
        return None;
    }
    let set: Vec<Setting> = compat::differing(boots)
        .into_iter()
        .map(|(name, values)| Setting {
            name: name.to_string(),
            named: Named::of(name, knowledge),
            values: values.map(|value| value.map(str::to_string)),
        })
        .collect();
    let shown = set.clone();
    let links: Links<'a> = Box::new(move |f| set.iter().any(|setting| setting.is_linked(f)).then_some(EXACT));
    let describe: Describe<'a> = Box::new(move |claimed| {
        let used = shown.iter().filter(|setting| claimed.iter().any(|f| setting.is_linked(f)));
        let said: Vec<String> = used
            .map(|setting| match setting.named.what() {
                "" => format!("`{}`", setting.name),
                what => format!("`{}` ({what})", setting.name),
            })
            .collect();
        let what = format!("machine type: {} in A, {} in B", a.machine, b.machine);
        let fix = match boots.map(|boot| machine_version(&boot.machine)) {
            [Some((of_a, va)), Some((of_b, vb))] if of_a == of_b => {
                format!("give both the machine type `{}`", boots[usize::from(vb < va)].machine)
            }
            _ => "give both one machine type".to_string(),
        };
        (what, format!("the machine types set these QEMU properties differently: {}", said.join(", ")), fix)
    });
    Some(Thing { of: CauseOf::Machine, inferred: false, links, describe })
}

/// The releases of QEMU that the rows were read from.
const READ: [Version; 3] = [Version::new(7, 2), Version::new(10, 2), Version::new(11, 1)];

/// Whether a change that was first seen in `since` can lie between two versions: after the release that the rows were read
/// from before it, up to `since` itself.
fn lies_between(since: Option<Version>, old: Version, new: Version) -> bool {
    let Some(since) = since else { return false };
    let before = READ.iter().rev().find(|read| **read < since);
    before.is_some_and(|before| *before < new) && old < since
}

fn version<'a>(boots: [&'a Boot; 2], knowledge: &'a Knowledge, tcg: bool) -> Option<Thing<'a>> {
    let [a, b] = boots;
    let (va, vb) = (qemu_version(&a.qemu)?, qemu_version(&b.qemu)?);
    if va == vb {
        return None;
    }
    let newer = usize::from(vb > va);
    let (old, new) = (va.min(vb), va.max(vb));
    let links: Links<'a> = Box::new(move |f| {
        let row = row_of(f, knowledge)?;
        let known = lies_between(row.qemu_since, old, new);
        let emulated = tcg && lies_between(row.tcg_since, old, new);
        (more_in(f) == Some(newer) && f.is_one_bit() && (known || emulated)).then_some(EXACT)
    });
    let describe: Describe<'a> = Box::new(move |_| {
        let does = if tcg { "emulates" } else { "knows" };
        let what = format!("QEMU version: {va} in A, {vb} in B");
        let why = format!("QEMU {new} {does} these, QEMU {old} does not");
        (what, why, "switch these off on both, or run one version of QEMU on both".to_string())
    });
    Some(Thing { of: CauseOf::Version, inferred: false, links, describe })
}

fn definition<'a>(boots: [&'a Boot; 2], knowledge: &'a Knowledge, map: &'a CpuMap) -> Option<Thing<'a>> {
    let cpus = boots.map(|boot| Definition::of(&boot.cpu));
    if cpus[0] == cpus[1] {
        return None;
    }
    let [a, b] = &cpus;
    let models = (a.model != b.model).then(|| [a.model, b.model].map(str::to_string));
    let features = cpus.clone().map(|cpu| cpu.of_model(map));
    // What is set differently, or on one side only.
    let mut names_set: Vec<String> = a.names().into_iter().map(str::to_string).collect();
    names_set.extend(b.names().iter().filter(|name| a.setting(name).is_none()).map(ToString::to_string));
    let set: Vec<Setting> = names_set
        .into_iter()
        .filter(|name| a.setting(name) != b.setting(name))
        .map(|name| {
            let values = [a.setting(&name), b.setting(&name)].map(|value| value.map(str::to_string));
            Setting { named: Named::of(&name, knowledge), name, values }
        })
        .collect();
    let all_there_is = [a.is_all_there_is(), b.is_all_there_is()];
    let (shown_set, shown_models) = (set.clone(), models.clone());
    let links: Links<'a> = Box::new(move |f| {
        if set.iter().any(|setting| setting.is_linked(f)) {
            return Some(EXACT);
        }
        models.as_ref()?;
        let place = f.place()?;
        if OF_MODEL.iter().any(|at| at.holds(place)) {
            return Some(WIDE);
        }
        let more = more_in(f).filter(|_| f.is_one_bit())?;
        let id = map.feature_at(place)?;
        let has = |side: usize| features[side].as_ref().map_or(all_there_is[side], |features| features.contains(&id));
        (has(more) && (!has(1 - more) || all_there_is[1 - more])).then_some(EXACT)
    });
    let describe: Describe<'a> = Box::new(move |claimed| {
        let used = shown_set.iter().filter(|setting| claimed.iter().any(|f| setting.is_linked(f)));
        let mut said: Vec<String> = Vec::new();
        if let Some([x, y]) = &shown_models {
            said.push(format!("the model is `{x}` in A, `{y}` in B"));
        }
        for Setting { name, values, .. } in used {
            let words = |side: usize| match values[side].as_deref() {
                Some(value) => format!("`{name}={value}` in {}", SIDES[side]),
                None => format!("not set in {}", SIDES[side]),
            };
            said.push(if values[0].is_some() {
                format!("{}, {}", words(0), words(1))
            } else {
                format!("{}, {}", words(1), words(0))
            });
        }
        let what = format!("CPU definition: {}", list::first(&said, NAMES));
        (what, String::new(), "start both from one definition".to_string())
    });
    Some(Thing { of: CauseOf::Definition, inferred: false, links, describe })
}

fn accelerator<'a>(boots: [&'a Boot; 2]) -> Option<Thing<'a>> {
    let [a, b] = boots;
    if a.accel == b.accel {
        return None;
    }
    let links: Links<'a> = Box::new(move |f| {
        let hypervisor = f.place().is_some_and(|place| place.signature().is_some());
        (hypervisor || f.is_one_bit()).then_some(WIDE)
    });
    let describe: Describe<'a> = Box::new(move |_| {
        let what = format!("accelerator: {} in A, {} in B", a.accel, b.accel);
        (what, String::new(), "compare guests that one accelerator runs".to_string())
    });
    Some(Thing { of: CauseOf::Accelerator, inferred: false, links, describe })
}

/// `-smp`, and how many vCPUs there are.
fn vcpus<'a>(sides: [&'a DumpView<'a>; 2]) -> Option<Thing<'a>> {
    let counts = sides.map(|side| side.dump.vcpus.len());
    let smp = sides.map(|side| side.dump.provenance.boot.as_ref().and_then(Boot::smp));
    let booted = sides.iter().all(|side| side.dump.provenance.boot.is_some());
    if counts[0] == counts[1] && !(booted && smp[0] != smp[1]) {
        return None;
    }
    let links: Links<'a> = Box::new(move |f| {
        let by_rule = matches!(f.rule, crate::finding::Rule::Row(RuleKind::Topology | RuleKind::PerVcpu));
        let count = f.subject == Subject::from(Number::VcpuCount);
        (by_rule || count || LAYOUT.iter().any(|at| f.place().is_some_and(|place| at.holds(place)))).then_some(EXACT)
    });
    let describe: Describe<'a> = Box::new(move |_| {
        let says = |side: usize| smp[side].map_or_else(|| counts[side].to_string(), |smp| format!("-smp {smp}"));
        let what = format!("vCPUs: {} in A, {} in B", says(0), says(1));
        (what, String::new(), "start both with the same number of vCPUs and the same topology".to_string())
    });
    Some(Thing { of: CauseOf::Vcpus, inferred: false, links, describe })
}

/// Features that QEMU sets where a guest has more than one thread or core.
///
/// # Source
/// QEMU 7.2 target/i386/cpu.c (`cpu_x86_cpuid`, leaves 1 and 0x80000001).
const LAYOUT: &[cpuid_probe::place::Query] =
    &[super::properties::bits(1, Register::Edx, 28, 28), super::properties::bits(0x8000_0001, Register::Ecx, 1, 1)];

fn vendor<'a>(sides: [&'a DumpView<'a>; 2]) -> Option<Thing<'a>> {
    let text = |side: usize| sides[side].dump.vcpus.first()?.vendor().map(|vendor| vendor.to_string());
    let (a, b) = (text(0)?, text(1)?);
    if a == b {
        return None;
    }
    let links: Links<'a> = Box::new(move |f| {
        let place = f.place()?;
        (copy_of(place).is_some() || VENDOR.iter().any(|at| at.holds(place))).then_some(EXACT)
    });
    let describe: Describe<'a> = Box::new(move |claimed| {
        let repeats = claimed.iter().any(|f| f.place().and_then(copy_of).is_some());
        let why = if repeats { "AMD's CPUs repeat a part of leaf 1 in 0x80000001, and Intel's do not" } else { "" };
        let fix = "none: a guest does not move between vendors";
        (format!("vendor: {a} in A, {b} in B"), why.to_string(), fix.to_string())
    });
    Some(Thing { of: CauseOf::Vendor, inferred: false, links, describe })
}

/// What the hosts themselves differ in. A kernel, or a microcode, that a guest reports is the guest's own.
fn host<'a>(sides: [&'a DumpView<'a>; 2], knowledge: &'a Knowledge) -> Vec<Thing<'a>> {
    let of_host = |side: &DumpView<'_>| {
        let provenance = &side.dump.provenance;
        provenance.source == Source::Kvm || provenance.boot.as_ref().is_some_and(|boot| boot.accel == "kvm")
    };
    if !sides.iter().all(|side| of_host(side)) {
        return Vec::new();
    }
    let on_amd = sides.iter().all(|side| side.is_amd());
    let decides = move |f: &Finding, layer: Layer| -> Option<Row> {
        let (place, row) = (f.place()?, row_of(f, knowledge)?);
        let advice = knowledge.advice(place, &row, Asked::Explain, on_amd);
        (advice.specific && advice.layers.contains(&layer)).then_some(row)
    };
    let mut things = Vec::new();
    let mut add = |name: &'static str, values: [Option<String>; 2], fix: &'static str, links: Links<'a>| {
        let [Some(a), Some(b)] = values else { return };
        if a != b {
            let describe: Describe<'a> =
                Box::new(move |_| (format!("{name}: {a} in A, {b} in B"), String::new(), fix.to_string()));
            things.push(Thing { of: CauseOf::Host, inferred: true, links, describe });
        }
    };
    let provenances = sides.map(|side| &side.dump.provenance);
    add(
        "host kernel",
        provenances.map(|p| p.kernel.clone()),
        "run one kernel on both hosts",
        Box::new(move |f| {
            let conditional = f.is_one_bit() && row_of(f, knowledge)?.kvm == Offer::Conditional;
            (conditional || decides(f, Layer::Kernel).is_some()).then_some(EXACT)
        }),
    );
    add(
        "microcode",
        provenances.map(|p| p.microcode.clone()),
        "run one microcode revision on both hosts",
        Box::new(move |f| {
            let firmware = row_of(f, knowledge)?.cause_kind == Some(CauseKind::Firmware);
            (firmware || decides(f, Layer::Firmware).is_some()).then_some(EXACT)
        }),
    );
    // Only a guest that takes its host's CPU shows its generation.
    let shows_host = |side: &DumpView<'_>| {
        side.dump.provenance.boot.as_ref().is_none_or(|boot| Definition::of(&boot.cpu).is_all_there_is())
    };
    if sides.iter().all(|side| shows_host(side)) {
        let signature = |side: &DumpView<'_>| {
            let eax = side.dump.vcpus.first()?.get(cpuid_probe::LeafId::new(1, 0))?.eax;
            let is = crate::cpu_map::Signature::of(eax);
            Some(format!("family {}, model {}", is.family, is.model))
        };
        add(
            "CPU generation",
            sides.map(signature),
            "take a named CPU model that both hosts can give",
            Box::new(move |f| {
                let row = row_of(f, knowledge)?;
                let identity = OF_MODEL.iter().any(|at| f.place().is_some_and(|place| at.holds(place)));
                (identity || f.is_one_bit() && row.kvm == Offer::IfHost || decides(f, Layer::Cpu).is_some())
                    .then_some(EXACT)
            }),
        );
    }
    things
}
