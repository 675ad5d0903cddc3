//! From seconds to a date.
use core::fmt;

const DAY: u64 = 86_400;
/// Days in 400 years of the Gregorian calendar, after which it repeats.
const DAYS_IN_ERA: u64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: u64 = 719_468;

/// A date and a time of day in UTC, without leap seconds. Prints as `2026-11-22 20:31:17 UTC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime {
    /// The year.
    pub year: u64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl DateTime {
    /// The moment this many seconds after the beginning of 1970.
    ///
    /// Years are counted from 1 March, so that the leap day is the last of its year, and in eras of 400 years.
    /// Then the day of the year is a sum of month lengths that (153 * month + 2) / 5 gives exactly.
    pub fn from_unix(seconds: u64) -> Self {
        let days = seconds / DAY + DAYS_TO_1970;
        let (era, day_of_era) = (days / DAYS_IN_ERA, days % DAYS_IN_ERA);
        // Every 4th year has a day more, every 100th not, the 400th again.
        let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / (DAYS_IN_ERA - 1);
        let year_of_era = (day_of_era - leap_days) / 365;
        let first_day = 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
        let day_of_year = day_of_era - first_day;
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let time = seconds % DAY;
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month: month as u8,
            day: day as u8,
            hour: (time / 3600) as u8,
            minute: (time / 60 % 60) as u8,
            second: (time % 60) as u8,
        }
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::string::ToString;

    #[test]
    fn known_moments() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_799, "2000-02-29 23:59:59 UTC"),
            (1_709_251_199, "2024-02-29 23:59:59 UTC"),
            (1_795_379_477, "2026-11-22 20:31:17 UTC"),
            (u64::from(u32::MAX), "2106-02-07 06:28:15 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(DateTime::from_unix(seconds).to_string(), text);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let length = |year: u64, month: u8| match month {
            2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let mut date = DateTime::from_unix(0);
        for day in 1..=800 * 366 {
            let next = DateTime::from_unix(day * DAY);
            let expected = if date.day < length(date.year, date.month) {
                (date.year, date.month, date.day + 1)
            } else if date.month < 12 {
                (date.year, date.month + 1, 1)
            } else {
                (date.year + 1, 1, 1)
            };
            assert_eq!((next.year, next.month, next.day), expected);
            date = next;
        }
    }
}
