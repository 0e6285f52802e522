//! The rate of the time stamp counter that every input can give.

use super::Tsc;
use crate::list;
use crate::view::clock::Clocks;

/// What the inputs say of their time stamp counters.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    /// The slowest and the fastest that cannot give another rate.
    fixed: Option<[(u64, String); 2]>,
    /// One that can.
    scaling: Option<u64>,
    /// Inputs that do not say.
    silent: Vec<String>,
}

impl Clock {
    /// Takes what one input says.
    pub(super) fn add(&mut self, name: &str, tsc: Option<Tsc>) {
        match tsc {
            None => self.silent.push(name.to_string()),
            Some(Tsc { frequency, scaling: true }) => self.scaling = self.scaling.or(Some(frequency)),
            Some(Tsc { frequency, scaling: false }) => {
                let own = || (frequency, name.to_string());
                let [slow, fast] = self.fixed.get_or_insert_with(|| [own(), own()]);
                if frequency < slow.0 {
                    *slow = own();
                } else if frequency > fast.0 {
                    *fast = own();
                }
            }
        }
    }

    /// Some inputs that cannot give another rate have rates that differ.
    pub(super) fn differs(&self) -> bool {
        self.fixed.as_ref().is_some_and(|[slow, fast]| !Clocks::of(slow.0, fast.0).within_tolerance())
    }

    /// The rate in Hz to pin, or why there is none: within KVM's tolerance of each that cannot scale.
    pub(super) fn common(&self) -> Result<u64, String> {
        if let Some([slow, fast]) = self.fixed.as_ref().filter(|_| self.differs()) {
            #[allow(clippy::cast_precision_loss)]
            let mhz = |hz: u64| hz as f64 / 1e6;
            let apart = match Clocks::of(slow.0, fast.0).ppm() {
                few if few < 1e3 => format!("{few:.0} ppm"),
                many => format!("{:.1} %", many / 1e4),
            };
            return Err(format!(
                "no TSC frequency suits all inputs: {} has {:.3} MHz and {} {:.3} MHz, {apart} apart, and neither is said to \
                 scale it",
                slow.1,
                mhz(slow.0),
                fast.1,
                mhz(fast.0),
            ));
        }
        if !self.silent.is_empty() {
            return Err(format!(
                "{} {} not say at which frequency the TSC runs (virsh capabilities does: <counter name='tsc'>)",
                list::first(&self.silent, 8),
                if self.silent.len() == 1 { "does" } else { "do" }
            ));
        }
        let fixed = self.fixed.as_ref().map(|[slow, _]| slow.0);
        fixed.or(self.scaling).ok_or_else(|| "no input says at which frequency the TSC runs".to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(inputs: &[Option<(u64, bool)>]) -> Result<u64, String> {
        let mut clock = Clock::default();
        for (i, input) in inputs.iter().enumerate() {
            clock.add(&format!("n{i}"), input.map(|(frequency, scaling)| Tsc { frequency, scaling }));
        }
        clock.common()
    }

    #[test]
    fn a_rate_is_common_where_each_input_can_give_it() {
        let (slow, near, far) = (2_400_000_000, 2_400_500_000, 2_688_011_000);
        assert_eq!(common(&[Some((near, false)), Some((slow, false))]), Ok(slow), "208 ppm");
        assert!(common(&[Some((slow, false)), Some((far, false))]).is_err_and(|why| why.contains("10.7 %")));
        assert_eq!(common(&[Some((slow, false)), Some((far, true))]), Ok(slow));
        assert_eq!(common(&[Some((far, true)), Some((slow, true))]), Ok(far));
        assert!(common(&[Some((slow, false)), None]).is_err_and(|why| why.starts_with("n1 does not say")));
        // Two that are near a third, but not each other.
        let chain = [slow, 2_400_480_000, 2_400_960_000].map(|hz| Some((hz, false)));
        assert!(common(&chain).is_err());
        assert!(common(&[]).is_err());
    }
}
