//! Time (`zx_time_t`, `zx_duration_t`, `zx_ticks_t`): signed 64-bit nanoseconds and counter ticks.

/// A deadline that never comes.
pub const INFINITE: i64 = i64::MAX;
/// A deadline that has always passed.
pub const INFINITE_PAST: i64 = i64::MIN;
/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Clock ids of `zx_clock_get` and friends.
pub mod clock {
    /// Nanoseconds since boot, without time spent suspended.
    pub const MONOTONIC: u32 = 0;
    /// Nanoseconds since boot.
    pub const BOOT: u32 = 1;
}

/// Converts between the counter's ticks and nanoseconds by one multiplication each.
///
/// Kernel and vDSO hold the same [`TickScale`], so a deadline read from one clock is honoured on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickScale {
    /// Ticks in a second: `CNTFRQ_EL0`, checked to be at least 1 kHz.
    pub ticks_per_second: u64,
    /// Nanoseconds in a tick, times 2^32.
    pub nanos_per_tick_q32: u64,
}

impl TickScale {
    /// The scale for a counter, or `None` below 1 kHz, where a wait would lose its meaning.
    pub const fn new(ticks_per_second: u64) -> Option<Self> {
        if ticks_per_second < 1000 {
            return None;
        }
        let nanos_per_tick_q32 = (NANOS_PER_SECOND << 32) / ticks_per_second;
        Some(Self { ticks_per_second, nanos_per_tick_q32 })
    }

    /// Ticks since boot as nanoseconds, rounded down; saturates at [`INFINITE`].
    pub const fn nanos(self, ticks: u64) -> i64 {
        let nanos = (ticks as u128 * self.nanos_per_tick_q32 as u128) >> 32;
        if nanos > INFINITE as u128 { INFINITE } else { nanos as i64 }
    }

    /// The first tick at which `nanos` have passed; `None` if that is beyond the counter.
    pub const fn ticks_at(self, nanos: i64) -> Option<u64> {
        if nanos <= 0 {
            return Some(0);
        }
        // Rounded up by the same scale that `nanos` rounds down with: the clock never reads less than the deadline. It is
        // (nanos * 2^32) / scale, some bits at a time: 1 kHz is a scale of less than 2^52, so that a remainder times
        // 2^12 still is one word, and nothing has to divide words of 128 bits.
        let scale = self.nanos_per_tick_q32;
        let (mut ticks, mut rest) = (nanos as u64 / scale, nanos as u64 % scale);
        if ticks >> 32 != 0 {
            return None;
        }
        let mut bits = 32;
        while bits > 0 {
            let step = if bits < 12 { bits } else { 12 };
            let digit = rest << step;
            (ticks, rest, bits) = ((ticks << step) | (digit / scale), digit % scale, bits - step);
        }
        ticks.checked_add((rest != 0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_has_passed_when_its_tick_comes() {
        for frequency in [1_000, 19_200_000, 24_000_000, 54_000_000, 62_500_000, 1_000_000_000] {
            let scale = TickScale::new(frequency).unwrap();
            for nanos in [0, 1, 15, 16, 17, 999_999_999, 1_000_000_000, 86_400_000_000_000_000] {
                let tick = scale.ticks_at(nanos).unwrap();
                assert!(scale.nanos(tick) >= nanos, "{nanos} ns at {frequency} Hz");
                assert!(tick == 0 || scale.nanos(tick - 1) < nanos, "{nanos} ns at {frequency} Hz");
            }
        }
    }

    #[test]
    fn ticks_are_what_the_division_says() {
        for frequency in [1_000, 1_001, 32_768, 999_999, 19_200_000, 62_500_000, 1_000_000_000, 4_000_000_000]
        {
            let scale = TickScale::new(frequency).unwrap();
            let mut nanos = 1_i64;
            while nanos < i64::MAX / 3 {
                nanos = nanos * 3 + i64::from(nanos as u8 & 1);
                let divided = (u128::from(nanos as u64) << 32).div_ceil(u128::from(scale.nanos_per_tick_q32));
                assert_eq!(
                    scale.ticks_at(nanos),
                    u64::try_from(divided).ok(),
                    "{nanos} ns at {frequency} Hz"
                );
            }
            let divided = (i64::MAX as u128) << 32;
            let divided = divided.div_ceil(u128::from(scale.nanos_per_tick_q32));
            assert_eq!(scale.ticks_at(i64::MAX), u64::try_from(divided).ok());
        }
    }

    #[test]
    fn a_virt_tick_is_sixteen_nanoseconds() {
        let scale = TickScale::new(62_500_000).unwrap();
        assert_eq!(scale.nanos(62_500_000), 1_000_000_000);
        assert_eq!(scale.nanos(u64::MAX), INFINITE);
        assert_eq!(TickScale::new(999), None);
    }
}
