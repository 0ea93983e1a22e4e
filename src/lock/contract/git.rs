//! The contract on the git backend: a bare origin, and every client a clone of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::fixture::Place;
use crate::git::CommitStyle;
use crate::git::testing::World;
use crate::lock::{GitRefs, encode};
use crate::process::Interrupts;

pub(super) const PREFIX: &str = "refs/lockstep/locks";

pub(super) fn place_in(world: Arc<World>) -> Place {
    let count = AtomicUsize::new(0);
    let (for_plant, for_unplug) = (Arc::clone(&world), Arc::clone(&world));
    let plants = AtomicUsize::new(0);
    Place {
        client: Box::new(move || {
            let dir = world.clone_as(&format!("client{}", count.fetch_add(1, Ordering::Relaxed)));
            let backend = GitRefs::new(world.open(&dir), "origin", PREFIX, Interrupts::new()).unwrap();
            Arc::new(backend)
        }),
        plant: Box::new(move |key, bytes| {
            let dir = for_plant.clone_as(&format!("plant{}", plants.fetch_add(1, Ordering::Relaxed)));
            let message = format!("planted\n\n{}\n", std::str::from_utf8(bytes).unwrap());
            let time = crate::env::Clock::System.now();
            let oid =
                for_plant.open(&dir).write_commit(&message, None, time, &CommitStyle::default()).unwrap();
            let target = format!("{oid}:{PREFIX}/{}", encode::to_ref(key));
            for_plant.git(&dir, &["push", "-q", "--force", "origin", &target]);
        }),
        unplug: Box::new(move || {
            std::fs::rename(for_unplug.origin(), for_unplug.path().join("gone.git")).unwrap();
        }),
    }
}

fn place() -> Place {
    place_in(Arc::new(World::empty()))
}

super::contract_on!(place);
