//! GitLab's collapsible sections of a job's log.
//! <https://docs.gitlab.com/ci/jobs/job_logs/>

use jiff::Timestamp;

/// Begins a section. Its name must be unlike others in the log: a number makes it so.
pub(super) fn open_section(number: usize, title: &str, now: Timestamp) -> String {
    let title: String = title.chars().filter(|c| !c.is_control()).collect();
    format!("\x1b[0Ksection_start:{}:{}\r\x1b[0K{title}\n", now.as_second(), name(number))
}

/// Ends it.
pub(super) fn close_section(number: usize, now: Timestamp) -> String {
    format!("\x1b[0Ksection_end:{}:{}\r\x1b[0K\n", now.as_second(), name(number))
}

fn name(number: usize) -> String {
    format!("lockstep_{}_{number}", crate::env::pid())
}
