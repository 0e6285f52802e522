//! The shape of the rows in [`super::models`].

/// For which CPUs libvirt may choose a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decode {
    /// Hosts and guests.
    Both,
    /// Hosts (`virsh capabilities`).
    Host,
    /// Neither: the model exists for old definitions only.
    Never,
}

/// A CPU model of libvirt's map. Lists are names separated by blanks; in a list of changes `-NAME` takes one out.
#[derive(Clone, Copy, Debug)]
pub(super) struct ModelRow {
    pub name: &'static str,
    /// libvirt's word for its vendor, or nothing.
    pub vendor: &'static str,
    pub decode: Decode,
    /// `family:model` or `family:model:steppings`, decimal.
    pub signatures: &'static str,
    /// The model whose features this one's changes apply to.
    pub like: &'static str,
    pub features: &'static str,
    /// The model whose `added` features this one's changes apply to.
    pub added_like: &'static str,
    /// What QEMU's model also has and libvirt added later: not promised.
    pub added: &'static str,
    /// What libvirt once promised and QEMU's model no longer has: not promised.
    pub removed: &'static str,
    /// In libvirt 9.0 too, where these features, now `removed`, were a promise.
    pub in_9_0: Option<&'static str>,
}

pub(super) const fn model(
    name: &'static str,
    vendor: &'static str,
    decode: Decode,
    signatures: &'static str,
) -> ModelRow {
    ModelRow {
        name,
        vendor,
        decode,
        signatures,
        like: "",
        features: "",
        added_like: "",
        added: "",
        removed: "",
        in_9_0: None,
    }
}

impl ModelRow {
    pub const fn like(self, like: &'static str) -> Self {
        Self { like, ..self }
    }

    pub const fn features(self, features: &'static str) -> Self {
        Self { features, ..self }
    }

    pub const fn added_like(self, added_like: &'static str) -> Self {
        Self { added_like, ..self }
    }

    pub const fn added(self, added: &'static str) -> Self {
        Self { added, ..self }
    }

    pub const fn removed(self, removed: &'static str) -> Self {
        Self { removed, ..self }
    }

    pub const fn in_9_0(self, promised: &'static str) -> Self {
        Self { in_9_0: Some(promised), ..self }
    }
}
