//! The calendar guard: some code runs at the end of a month, once a year, or when something has gone wrong.

use super::ledger::Day;

/// How long a function was watched, and how long it has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// First day.
    pub watched_from: Day,
    /// The day of the report.
    pub today: Day,
    /// Days from one release of everything to the next.
    pub release_train_days: u32,
    /// True for what is for a rare occasion by its name.
    pub is_rare: bool,
}

const DAYS_MIN: u32 = 30;
/// Longer than a year, so that the same day came twice.
const RARE_DAYS: u32 = 400;
/// Words of rare occasions.
const RARE_WORDS: [&str; 11] = [
    "admin", "annual", "backfill", "disaster", "dr", "failover", "migrate", "restore", "rollback", "tax",
    "yearly",
];

impl Guard {
    /// Days that have to be watched: max(30, one release train), or 400 for rare occasions.
    pub fn days_needed(&self) -> u32 {
        let rare = if self.is_rare { RARE_DAYS } else { 0 };
        DAYS_MIN.max(self.release_train_days).max(rare)
    }

    /// Days that are missing.
    pub fn days_left(&self) -> u32 {
        self.days_needed().saturating_sub(self.today.saturating_sub(self.watched_from))
    }

    /// True when the last day of a month and the first of the next were watched.
    pub fn has_month_end(&self) -> bool {
        let last_begun = self.today.saturating_sub(day_of_month(self.today) - 1);
        last_begun > self.watched_from && last_begun <= self.today
    }
}

/// True for names with a word of a rare occasion in them, in any spelling of several words in one.
pub fn is_rare(name: &str) -> bool {
    words(name).iter().any(|word| RARE_WORDS.binary_search(&word.as_str()).is_ok())
}

/// `restore_db`, `RestoreDb` and `restore.db` all have two words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for character in name.chars() {
        let begins = character.is_uppercase() && was_lower;
        if begins || !character.is_alphanumeric() {
            words.push(String::new());
        }
        if let (Some(word), true) = (words.last_mut(), character.is_alphanumeric()) {
            word.extend(character.to_lowercase());
        }
        was_lower = character.is_lowercase();
    }
    words
}

/// The day of the month, 1 to 31, of days since 1970-01-01 (Hinnant's civil calendar).
fn day_of_month(day: Day) -> u32 {
    let from_march_0000 = u64::from(day) + 719_468;
    let day_of_era = from_march_0000 % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    (day_of_year - (153 * month + 2) / 5 + 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_months_are_those_of_the_calendar() {
        let cases = [
            (0, 1),
            (30, 31),
            (31, 1),
            (58, 28),
            (59, 1),
            (789, 29),
            (11_016, 29),
            (19_782, 29),
            (20_454, 1),
        ];
        for (day, expected) in cases {
            assert_eq!(day_of_month(day), expected, "{day}");
        }
    }

    #[test]
    fn a_month_end_has_to_be_watched() {
        // The first of January 2026 is day 20,454.
        let guard = |watched_from, today| Guard { watched_from, today, ..Guard::default() };
        let cases = [
            (20_453, 20_454, true),
            (20_454, 20_484, false),
            (20_440, 20_453, false),
            (20_454, 20_485, true),
        ];
        for (from, today, expected) in cases {
            assert_eq!(guard(from, today).has_month_end(), expected, "{from} {today}");
        }
        assert!(!guard(0, 0).has_month_end());
    }

    #[test]
    fn rare_occasions_need_more_than_a_year() {
        let left = |days: Day, release_train_days, is_rare| {
            Guard { watched_from: 100, today: 100 + days, release_train_days, is_rare }.days_left()
        };
        assert_eq!([left(0, 0, false), left(29, 7, false), left(30, 7, false)], [30, 1, 0]);
        assert_eq!([left(30, 42, false), left(400, 7, true), left(50, 7, true)], [12, 0, 350]);
        let names = ["restore_backup", "TaxReport.total", "admin.site", "failOver", "compute_dr_plan"];
        assert_eq!(names.map(is_rare), [true, true, true, false, true]);
        let names = ["syntax", "address", "feed", "restored", ""];
        assert_eq!(names.map(is_rare), [false; 5]);
        assert!(RARE_WORDS.is_sorted());
    }
}
