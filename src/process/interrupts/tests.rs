//! What reaches which tool, and that nothing gets lost.

use std::sync::mpsc::{Receiver, channel};

use proptest::prelude::*;

use super::*;

fn tool(interrupts: &Interrupts) -> (Running, Receiver<Signal>) {
    let (sender, told) = channel();
    let running = interrupts.start().unwrap().running(move |signal| sender.send(signal).unwrap());
    (running, told)
}

#[test]
fn what_was_sent_to_lockstep_reaches_the_tool_once() {
    let interrupts = Interrupts::new();
    let (running, told) = tool(&interrupts);
    interrupts.deliver(Signal::Term, false);
    interrupts.deliver(Signal::Term, false);
    interrupts.deliver(Signal::Int, false);
    running.ended(|| ());
    interrupts.deliver(Signal::Hup, false);
    assert_eq!(told.iter().collect::<Vec<_>>(), [Signal::Term, Signal::Int]);
    assert_eq!(interrupts.requested(), Some(Signal::Term));
}

#[test]
fn a_terminals_signal_is_the_tools_own_affair() {
    let interrupts = Interrupts::new();
    let (running, told) = tool(&interrupts);
    interrupts.deliver(Signal::Int, true);
    running.ended(|| ());
    assert_eq!(told.iter().count(), 0);
    assert_eq!(interrupts.requested(), None);
}

#[test]
fn a_signal_before_the_start_prevents_it() {
    for from_terminal in [true, false] {
        let interrupts = Interrupts::new();
        interrupts.deliver(Signal::Int, from_terminal);
        assert_eq!(interrupts.start().unwrap_err(), Signal::Int);
        assert_eq!(interrupts.requested(), Some(Signal::Int));
    }
}

#[test]
fn a_signal_during_the_start_is_kept_for_the_tool() {
    for from_terminal in [true, false] {
        let interrupts = Interrupts::new();
        let starting = interrupts.start().unwrap();
        interrupts.deliver(Signal::Int, from_terminal);
        interrupts.deliver(Signal::Int, from_terminal);
        let (sender, told) = channel();
        let running = starting.running(move |signal| sender.send(signal).unwrap());
        interrupts.deliver(Signal::Int, from_terminal);
        running.ended(|| ());
        assert_eq!(told.iter().collect::<Vec<_>>(), [Signal::Int]);
        assert_eq!(interrupts.requested(), Some(Signal::Int));
    }
}

#[test]
fn a_start_that_failed_leaves_no_tool_behind() {
    let interrupts = Interrupts::new();
    drop(interrupts.start().unwrap());
    interrupts.deliver(Signal::Int, true);
    assert_eq!(interrupts.requested(), Some(Signal::Int));
}

#[test]
fn every_tool_that_runs_is_told() {
    let interrupts = Interrupts::new();
    let (first, told_first) = tool(&interrupts);
    let (second, told_second) = tool(&interrupts);
    first.ended(|| ());
    interrupts.deliver(Signal::Term, false);
    second.ended(|| ());
    assert_eq!(told_first.iter().count(), 0);
    assert_eq!(told_second.iter().collect::<Vec<_>>(), [Signal::Term]);
}

#[test]
fn waiting_ends_at_once_when_lockstep_is_asked_to_end() {
    let interrupts = Interrupts::new();
    assert_eq!(interrupts.wait(Duration::ZERO), None);
    let cancel = interrupts.clone();
    let waiting = std::thread::spawn(move || interrupts.wait(Duration::from_secs(3600)));
    // Of no matter to a wait.
    cancel.deliver_continue();
    cancel.deliver(Signal::Term, false);
    assert_eq!(waiting.join().unwrap(), Some(Signal::Term));
    assert_eq!(cancel.wait(Duration::from_secs(3600)), Some(Signal::Term), "it stays");
}

#[test]
fn a_tool_in_reach_is_told_once_and_never_after_its_end() {
    let interrupts = Interrupts::new();
    let (running, told) = tool(&interrupts);
    let reach = running.reach();
    interrupts.deliver(Signal::Term, false);
    assert!(reach.tell(Signal::Term));
    assert!(reach.while_it_runs(|| ()));
    running.ended(|| ());
    assert!(!reach.tell(Signal::Hup));
    assert!(!reach.while_it_runs(|| panic!("it has ended")));
    assert_eq!(told.iter().collect::<Vec<_>>(), [Signal::Term]);
}

#[test]
fn continuing_is_counted() {
    let interrupts = Interrupts::new();
    assert_eq!(interrupts.continuations(), 0);
    interrupts.deliver_continue();
    assert_eq!(interrupts.continuations(), 1);
    // As a handler does it, and twice before anybody asked.
    interrupts.continued_flag().store(true, std::sync::atomic::Ordering::Release);
    interrupts.deliver_continue();
    assert_eq!(interrupts.continuations(), 2);
    assert_eq!(interrupts.continuations(), 2);
}

#[test]
fn in_a_run_of_several_the_terminal_asks_lockstep_as_well() {
    let interrupts = Interrupts::new();
    let (running, told) = tool(&interrupts);
    let several = interrupts.of_several();
    interrupts.deliver(Signal::Int, true);
    assert_eq!(interrupts.requested(), Some(Signal::Int));
    drop(several);
    interrupts.deliver(Signal::Quit, true);
    running.ended(|| ());
    assert_eq!(interrupts.requested(), Some(Signal::Int));
    assert_eq!(told.iter().count(), 0, "it got them from the terminal");
}

proptest! {
    /// Whenever a signal to lockstep itself comes, it is obeyed: the tool does not start, or is told.
    #[test]
    fn no_signal_gets_lost(at in 0_u8..4, number in 0_usize..4) {
        let signal = Signal::ALL[number];
        let interrupts = Interrupts::new();
        let now = |moment: u8| if moment == at { interrupts.deliver(signal, false) };
        now(0);
        match interrupts.start() {
            Err(refused) => prop_assert_eq!((refused, at), (signal, 0)),
            Ok(starting) => {
                now(1);
                let (sender, told) = channel();
                let running = starting.running(move |signal| sender.send(signal).unwrap());
                now(2);
                running.ended(|| ());
                now(3);
                let told: Vec<_> = told.iter().collect();
                if at == 3 {
                    prop_assert!(told.is_empty());
                    prop_assert!(interrupts.start().is_err());
                } else {
                    prop_assert_eq!(told, [signal]);
                }
            }
        }
    }
}
