//! The contract of a lock, written once and run on every backend: what people may trust it with.
//!
//! A backend brings a [`Place`]: somewhere to keep locks, independent clients of it, and ways to
//! damage it. `contract!` makes one test of each promise.

mod between;
mod cases;
mod cases_away;
mod cases_between;
mod cases_freeze;
mod cases_hostile;
mod cases_left;
mod cases_list;
mod cases_many;
mod cases_moved;
mod cases_race;
mod cases_units;
#[cfg(feature = "dynamodb")]
mod dynamodb;
#[cfg(feature = "dynamodb")]
mod dynamodb_broken;
pub(crate) mod fixture;
mod git;
mod git_broken;
mod git_known;
mod local;
mod moved;

/// One test for each promise on the place that `$place` makes.
macro_rules! contract {
    ($($case:ident in $file:ident),+ $(,)?) => {
        macro_rules! on {
            ($place:path) => {
                $(#[test]
                fn $case() {
                    super::$file::$case(&$place());
                })+
            };
        }
    };
}

contract! {
    acquire_and_release in cases,
    a_second_owner_is_told_the_holder in cases,
    a_set_is_taken_all_or_nothing in cases,
    a_failed_run_is_taken_over_by_its_owner_only in cases,
    a_live_run_is_not_taken_over in cases,
    another_host_is_no_proof in cases,
    a_dead_run_on_the_same_host_is_taken_over in cases,
    given_back_is_as_it_was_found in cases,
    a_wrong_generation_is_not_released in cases,
    releasing_twice_is_releasing_once in cases,
    only_the_named_run_is_evicted in cases,
    an_evicted_run_cannot_release in cases,
    a_partly_evicted_set_names_what_is_left in cases,
    applied_and_generation_are_never_lost in cases,
    a_tree_without_what_was_applied_is_refused in cases,
    a_resumed_run_keeps_that_things_were_changed in cases,
    an_unfinished_change_is_finished_by_a_change_only in cases,
    stale_knowledge_does_not_decide in cases,
    history_is_the_whole_chain in cases,
    nobody_takes_what_is_frozen in cases_freeze,
    only_what_is_free_is_frozen in cases_freeze,
    an_eviction_of_a_freeze_names_it in cases_freeze,
    freezes_and_runs_that_race_have_one_winner in cases_freeze,
    a_freeze_of_many_holds_for_what_comes_later in cases_many,
    a_freeze_of_many_waits_for_nobody in cases_many,
    who_knows_of_no_freeze_loses_to_it in cases_many,
    what_was_read_at_different_instants_is_read_again in cases_many,
    a_freeze_of_many_races_with_runs in cases_many,
    first_takings_at_the_same_time_all_succeed in cases_many,
    a_lock_that_was_won_is_held_whatever_else_moved in cases_between,
    an_evicted_freeze_hides_no_other in cases_between,
    a_freeze_that_ends_makes_no_room_beside_another in cases_between,
    a_lock_that_a_freeze_made_is_no_way_past_another in cases_between,
    a_moved_lock_goes_on_from_the_former in cases_moved,
    several_former_locks_go_into_one in cases_moved,
    the_newest_of_several_former_commits_is_known in cases_moved,
    a_set_that_is_held_in_part_is_taken_over in cases_moved,
    what_a_failed_run_took_beside_goes_with_it in cases_left,
    only_what_that_run_left_goes_with_it in cases_left,
    a_unit_is_finished_by_its_own_success_only in cases_units,
    another_units_failure_hides_none in cases_units,
    a_key_that_units_share_stays_failed_alone in cases_units,
    a_run_whose_tool_lives_on_is_not_over in cases_units,
    an_evicted_run_does_not_come_back in cases_between,
    a_listing_shows_every_lock in cases_list,
    a_bad_record_hides_no_other in cases_list,
    one_and_the_same_record_has_one_winner in cases,
    an_unknown_version_asks_for_an_upgrade in cases_hostile,
    hostile_records_are_refused_and_left_alone in cases_hostile,
    an_unreachable_place_refuses in cases_hostile,
    every_text_that_we_write_can_be_read in cases_hostile,
    names_that_git_cannot_hold_are_locks_too in cases_hostile,
    threads_that_race_have_one_winner in cases_race,
    sets_that_overlap_have_one_winner in cases_race,
    takeover_and_eviction_race in cases_race,
    a_backend_that_is_away_for_a_moment_is_told_once in cases_away,
    a_write_that_has_arrived_unheard_is_known_by_its_nonce in cases_away,
    patience_ends_and_says_what_is_not_known in cases_away,
}

use on as contract_on;
