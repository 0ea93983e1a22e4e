//! `origin` behind smart HTTP, with faults on order (`tests/tools/http_server.py`).

use std::cell::Cell;
use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use super::server::Server;
use super::{World, real};

const SOURCE: &str = include_str!("../../tools/http_server.py");

/// A server of the world's repositories.
pub(crate) struct HttpServer<'w> {
    world: &'w World,
    server: Server,
    orders: Cell<u32>,
}

/// What the server was asked.
#[derive(Clone, Debug)]
pub(crate) struct HttpRequest {
    pub(crate) connection: u64,
    pub(crate) what: String,
    /// None if it was not answered.
    pub(crate) status: Option<u64>,
    pub(crate) password: bool,
}

impl<'w> HttpServer<'w> {
    /// Serves `origin`; from here on the world clones it by HTTP.
    pub(crate) fn start(world: &'w World) -> Self {
        Self::with(world, None, true)
    }

    /// Serves it to whoever knows the user's name and password (`name:password`).
    pub(crate) fn for_user(world: &'w World, user: &str) -> Self {
        Self::with(world, Some(user), true)
    }

    /// With `keep_alive` one connection serves several requests.
    pub(crate) fn with(world: &'w World, user: Option<&str>, keep_alive: bool) -> Self {
        let script = world.path("out/http_server.py");
        std::fs::write(&script, SOURCE).expect("the world is writable");
        let settings = json!({
            "git": world.path("bin/git"), "root": world.path("."), "log": world.path("out/http.log"),
            "faults": world.path("out/http.faults"), "user": user, "keep_alive": keep_alive,
        });
        let mut command = Command::new(real::python());
        command.arg("-IS").arg(script).arg(settings.to_string());
        let server = Server::start(world, command);
        let http = Self { world, server, orders: Cell::new(0) };
        world.reached_by(http.url(user));
        http
    }

    /// The URL of `origin`, with `name:password` in it if that is wanted.
    pub(crate) fn url(&self, user: Option<&str>) -> String {
        let user = user.map_or_else(String::new, |user| format!("{user}@"));
        format!("http://{user}127.0.0.1:{}/origin.git", self.server.hello("port"))
    }

    /// Orders faults, in the place of what was ordered before.
    pub(crate) fn faults(&self, rules: &[Value]) {
        self.orders.set(self.orders.get() + 1);
        let (new, path) = (self.world.path("out/http.faults.new"), self.world.path("out/http.faults"));
        let order = json!({ "id": self.orders.get(), "rules": rules });
        std::fs::write(&new, order.to_string()).expect("the world is writable");
        std::fs::rename(new, path).expect("the world is writable");
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<HttpRequest> {
        let text = std::fs::read_to_string(self.world.path("out/http.log")).unwrap_or_default();
        let parse = |line: &str| {
            let value: Value = serde_json::from_str(line).expect("the server writes JSON");
            HttpRequest {
                connection: value["connection"].as_u64().expect("a number"),
                what: value["what"].as_str().expect("a text").to_owned(),
                status: value["status"].as_u64(),
                password: value["password"] == true,
            }
        };
        text.lines().map(parse).collect()
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.requests().iter().map(|request| request.connection).collect::<BTreeSet<_>>().len()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Ends it: nobody listens at its port any more.
    pub(crate) fn stop(self) {}
}
