//! What a QEMU run without a reader at the terminal tells when it went wrong.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::say::tell;
use crate::session::{Ended, Verdict};

/// How many lines of a long record are shown.
const SHOWN: usize = 400;

/// The verdict in words.
pub(crate) fn reason(verdict: Verdict) -> String {
    match verdict {
        Verdict::Init(status) => format!("init exited with status {status}"),
        Verdict::Panic => "the kernel panicked".to_owned(),
        Verdict::TimedOut => {
            "it was ended, because its time was over; --timeout SECONDS gives it more".to_owned()
        }
        Verdict::Qemu(Some(code)) => format!("QEMU ended with status {code}, and init reported none"),
        Verdict::Qemu(None) => "QEMU was ended by a signal".to_owned(),
    }
}

/// Shows console, log and backtrace, and what QEMU said.
pub(crate) fn show(name: &str, ended: &Ended) {
    let left_out = ended.transcript.len().saturating_sub(SHOWN);
    tell(format_args!("--- {name}: console and log"));
    if left_out > 0 {
        tell(format_args!("... {left_out} lines before"));
    }
    ended.transcript.iter().skip(left_out).for_each(tell);
    if !ended.complaints.trim().is_empty() {
        tell(format_args!("--- {name}: QEMU's messages\n{}", ended.complaints.trim_end()));
    }
    tell(format_args!("--- {name}: end"));
}

/// Why the console does not show today's date; `None` if it does. Midnight may pass while the machine runs.
pub(crate) fn missing_date(transcript: &[String]) -> Option<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) / 86_400;
    let dates = [now, now.saturating_sub(1)].map(date);
    let found = transcript.iter().any(|line| dates.iter().any(|date| line.contains(date)));
    (!found).then(|| format!("no line of the console has the date {}", dates[0]))
}

/// The Gregorian date of a day since 1970-01-01, as year-month-day.
///
/// Counts in eras of 400 years that begin on 1 March, so that the leap day is the last of its year.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        for (days, shown) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (19_782, "2024-02-29"),
            (20_779, "2026-11-22"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(date(days), shown);
        }
    }

    #[test]
    fn the_date_may_stand_anywhere() {
        let today = date(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400);
        assert_eq!(missing_date(&[format!("rtc: it is {today} 12:00:00 UTC")]), None);
        assert!(missing_date(&["rtc: 1970-01-01".to_owned()]).unwrap().contains(&today));
    }

    #[test]
    fn reasons_are_sentences() {
        assert_eq!(reason(Verdict::Init(3)), "init exited with status 3");
        assert_eq!(reason(Verdict::Qemu(Some(1))), "QEMU ended with status 1, and init reported none");
    }
}
